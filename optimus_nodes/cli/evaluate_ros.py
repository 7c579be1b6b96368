"""`optimus eval --ros`: the same trials, told to the planner of the real graph, in real time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.suites import Trial
from ..core.tasks import instruction_done, what_was_done, why_not_done
from ..learning.evaluate import TIME_LIMIT, Result
from ..robot.load import load_robot
from .companion import Companion
from .demo import wait_until_ready
from .environment import enter_graph_environment, free_domain
from .running import RunningGraph
from .up import new_run_dir


def play_on_graph(todo: Sequence[Trial], model: str, robot: str) -> Iterator[Result]:
    """Start the simulated graph once and play every trial on it."""
    spec, _ = load_robot(robot)
    arms = spec.group("arms")
    folder, domain = new_run_dir("eval"), free_domain()
    enter_graph_environment(domain)
    options = ["--set", f"vla.bundle={Path(model).resolve()}"]
    with RunningGraph(folder, domain, options) as graph, Companion() as companion:
        wait_until_ready(companion, graph)
        for trial in todo:
            start = companion.reset_scene(trial.seed)
            companion.spin(1.0)
            began = time.monotonic()
            outcome = companion.carry_out(trial.sentence, TIME_LIMIT + 5.0, graph.check)
            duration = time.monotonic() - began
            companion.spin(1.0)
            now = companion.scene or start
            state = companion.joint_state(spec)
            posture = None if state is None else state.position[arms] - spec.home[arms]
            done, task_done = (instruction_done(what, start, now, posture) for what in (trial.told, trial.task))
            reason = "" if done else f"{why_not_done(trial.told, now)}; {outcome.message}"
            yield Result(trial, done, task_done, duration, outcome.success, reason, tuple(what_was_done(start, now)))
