"""`optimus eval --ros`: the same trials, told to the planner of the real graph, in real time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.scene import draw_scene
from ..core.suites import Trial
from ..learning.evaluate import TIME_LIMIT, Result, verdict_for
from ..robot.load import load_robot
from .companion import Companion
from .demo import wait_until_ready
from .environment import enter_graph_environment, free_domain
from .onlooker import Onlooker
from .running import RunningGraph
from .up import new_run_dir


def play_on_graph(todo: Sequence[Trial], model: str, robot: str) -> Iterator[Result]:
    """Start the simulated graph once and play every trial on it; all are in the same scene of `core.scene.SCENES`."""
    spec, urdf = load_robot(robot)
    folder, domain = new_run_dir("eval"), free_domain()
    enter_graph_environment(domain)
    settings = [f"vla.bundle={Path(model).resolve()}", "sim.scene_rate=20.0"]
    options = ["--scene", todo[0].scene, *(word for setting in settings for word in ("--set", setting))]
    with RunningGraph(folder, domain, options) as graph, Companion() as companion:
        wait_until_ready(companion, graph)
        onlooker = Onlooker(companion, spec, urdf)
        for trial in todo:
            yield _play(trial, companion, graph, onlooker)


def _play(trial: Trial, companion: Companion, graph: RunningGraph, onlooker: Onlooker) -> Result:
    companion.reset_scene(trial.seed)
    companion.spin(1.0)
    for instruction in trial.preparation:
        outcome = companion.carry_out(instruction.sentence, TIME_LIMIT + 5.0, graph.check)
        if not outcome.success:
            return Result(trial, False, False, 0.0, False, f"the preparation failed: {outcome.message}", ())
        companion.spin(1.0)
    draw = draw_scene(trial.config, trial.seed, 0)
    verdict = verdict_for(trial, draw, onlooker.scene(trial.seed), onlooker.body)
    onlooker.see, began = verdict.see, time.monotonic()
    outcome = companion.carry_out(trial.sentence, TIME_LIMIT + 5.0, graph.check)
    duration = time.monotonic() - began
    companion.spin(1.0)
    onlooker.see = None
    result = verdict.result(trial, duration, outcome.success)
    return result if result.done else replace(result, reason=f"{result.reason}; {outcome.message}")
