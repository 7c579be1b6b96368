"""`optimus demo`: the whole robot in simulation carries out one instruction; a video and a summary are left."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from optimus_nodes.cli.companion import Companion, Outcome
from optimus_nodes.cli.demo_progress import Progress
from optimus_nodes.cli.demo_summary import RunFacts, summarize
from optimus_nodes.cli.demo_video import JOINTS, VIDEO
from optimus_nodes.cli.environment import enter_graph_environment, free_domain, graph_environment
from optimus_nodes.cli.joint_plot import plot_joints
from optimus_nodes.cli.onlooker import LOOK_EVERY, Onlooker
from optimus_nodes.cli.running import RunningGraph, wait_for_nodes
from optimus_nodes.cli.up import new_run_dir
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.judge import PlanJudge
from optimus_nodes.core.plan import Plan
from optimus_nodes.drivers.processes import start_process
from optimus_nodes.robot.load import load_robot

DONE, ROBOT_FAILED = 0, 1
ROBOT = "optimus"
DEFAULT_INSTRUCTION = "put the red box in the left bin"
_NEEDED = ("joint_states", "joint_commands", "action_chunk", "head/image_raw")


def demo(
    instruction: Annotated[str, typer.Option(help="What to tell the robot.")] = DEFAULT_INSTRUCTION,
    seed: Annotated[int, typer.Option(help="Seed of the scene, >= 0.")] = 7,
    timeout: Annotated[float, typer.Option(help="Give up after this many seconds.")] = 120.0,
    run_dir: Annotated[Path | None, typer.Option(help="Output folder; default: runs/demo-<time>.")] = None,
    scene: Annotated[str, typer.Option(help="boxes, eggs, or bench: all the tasks.")] = "boxes",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Node parameter, node.parameter=value; may be repeated.")
    ] = None,
) -> int:
    """Start the simulated robot, carry out one instruction, and write video, joints, logs and a summary.

    Exit code 0: done, judged from the simulator's state. 1: the robot failed. 2: something is broken.
    """
    folder = run_dir.resolve() if run_dir else new_run_dir("demo")
    folder.mkdir(parents=True, exist_ok=True)
    domain = free_domain()
    progress, facts = Progress(), RunFacts(instruction, seed)
    progress.note(f"starting the robot in simulation (ROS domain {domain}, logs in {folder}/logs)")
    enter_graph_environment(domain)
    os.environ["ROS_LOG_DIR"] = str(folder / "logs" / "ros")
    settings = [f"sim.seed={seed}", f"sim.scene_rate={1.0 / LOOK_EVERY:g}", *(setting or [])]
    options = ["--scene", scene, *(word for value in settings for word in ("--set", value))]
    with RunningGraph(folder, domain, options) as graph:
        film = _start_film(folder, domain, instruction)
        try:
            with Companion() as companion:
                _perform(companion, graph, folder, facts, progress, timeout)
        finally:
            _end_film(film)
    return _report(folder, facts, progress)


def _start_film(folder: Path, domain: int, instruction: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "optimus_nodes.cli.demo_video"]
    command += [str(folder), ROBOT, str(os.getpid()), instruction]
    (folder / "logs").mkdir(exist_ok=True)
    with (folder / "logs" / "film.log").open("wb") as log:
        return start_process(command, graph_environment(domain), log, nice=10, death_signal=signal.SIGINT)


def _end_film(film: subprocess.Popen[bytes]) -> None:
    if film.poll() is None:
        film.send_signal(signal.SIGINT)
    try:
        film.wait(15.0)
    except subprocess.TimeoutExpired:
        film.kill()
        film.wait()


def wait_until_ready(companion: Companion, graph: RunningGraph, timeout: float = 40.0) -> None:
    """Wait until every part of the robot is there. Raises DeviceError naming what is missing."""
    wait_for_nodes(graph)

    def missing() -> list[str]:
        lacking = [topic for topic in _NEEDED if companion.node.count_publishers(topic) == 0]
        if not companion.simulator_is_there():
            lacking.append("reset_scene (simulator)")
        if not companion.planner_is_there():
            lacking.append("execute_instruction (planner)")
        return lacking

    end = time.monotonic() + timeout
    while lacking := missing():
        graph.check()
        if time.monotonic() > end:
            what = ", ".join(lacking)
            raise DeviceError(f"not ready within {timeout:g} s, nobody offers {what}; see {graph.run_dir}/logs")
        companion.spin(0.2)


def _perform(
    companion: Companion, graph: RunningGraph, folder: Path, facts: RunFacts, progress: Progress, timeout: float
) -> None:
    """Wait for the robot, lay out the scene, give the instruction and fill in `facts`."""
    wait_until_ready(companion, graph)
    companion.reset_scene(facts.seed)
    if not companion.wait((folder / VIDEO).exists, 20.0):
        raise DeviceError(f"no pictures arrived for the video; see film.log and sim.log in {folder}/logs")
    companion.spin(1.5)  # every node reports once more, so that counts begin here
    progress.note(f'telling it: "{facts.instruction}"')
    onlooker = Onlooker(companion, *load_robot(ROBOT))
    start = onlooker.scene(facts.seed)
    judge = PlanJudge(start)
    onlooker.see = judge.on_scene
    facts.before = dict(companion.diagnostics)

    def on_plan(plan: Plan) -> None:
        judge.on_plan(plan)
        facts.events.extend(progress.on_plan(plan, companion.plan_stamp))

    def watch() -> None:
        graph.check()
        facts.sample_memory(time.monotonic(), graph.memory)
        progress.redraw()

    companion.on_plan, companion.on_speech = on_plan, progress.on_speech
    began, cpu = time.monotonic(), graph.cpu()
    try:
        outcome = companion.carry_out(facts.instruction, timeout, watch)
    except KeyboardInterrupt:
        outcome = Outcome(False, "stopped by Ctrl-C", companion.plan)
    duration = time.monotonic() - began
    companion.spin(1.5)  # what was let go comes to rest, and every node reports once more
    passed = time.monotonic() - began
    final = companion.scene or start
    facts.finish(
        outcome,
        judge.verdicts(final, onlooker.body),
        duration=duration,
        real_time_factor=(final.stamp - start.stamp) / passed,
        cpu={name: (used - cpu.get(name, 0.0)) / passed for name, used in graph.cpu().items()},
        restarts={name: node["restarts"] for name, node in graph.state().items()},
        diagnostics=companion.diagnostics,
    )


def _report(folder: Path, facts: RunFacts, progress: Progress) -> int:
    """Write joints.png and summary.json and say how it went; returns the exit code."""
    summary = summarize(facts)
    robot, _ = load_robot(ROBOT)
    with np.load(folder / JOINTS) as paths:
        start = float(paths["start"])
        measured = paths["measured_time"] - start, paths["measured"]
        commanded = paths["commanded_time"] - start, paths["commanded"]
    plot_joints(folder / "joints.png", robot, measured, commanded, [(t - start, text) for t, text in facts.events])
    (folder / "summary.json").write_text(json.dumps(summary, indent=1, default=_plain) + "\n")
    progress.note("done" if summary["success"] else f"the robot failed: {summary['reason']}")
    progress.note(f"video:   {folder / VIDEO}\nsummary: {folder / 'summary.json'}")
    return DONE if summary["success"] else ROBOT_FAILED


def _plain(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else str(value)
