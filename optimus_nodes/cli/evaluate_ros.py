"""`optimus eval --ros`: the same trials, told to the planner of the real graph, in real time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sensor_msgs.msg import JointState as JointStateMsg

from ..core.robot import RobotSpec
from ..core.scene import draw_scene
from ..core.suites import Trial
from ..core.tasks_body import Body
from ..core.values import SceneState
from ..learning.evaluate import TIME_LIMIT, Result, Verdict, verdict_for
from ..robot.load import load_robot
from ..ros import convert, qos
from ..sim.world import SimWorld
from .companion import Companion
from .demo import wait_until_ready
from .environment import enter_graph_environment, free_domain
from .running import RunningGraph
from .up import new_run_dir

_LOOK_EVERY = 0.05  # s of robot time between two looks of the judges


def play_on_graph(todo: Sequence[Trial], model: str, robot: str) -> Iterator[Result]:
    """Start the simulated graph once and play every trial on it; all are in the same scene of `core.scene.SCENES`."""
    spec, urdf = load_robot(robot)
    folder, domain = new_run_dir("eval"), free_domain()
    enter_graph_environment(domain)
    settings = [f"vla.bundle={Path(model).resolve()}", f"sim.scene={todo[0].scene}", "sim.scene_rate=20.0"]
    if todo[0].scene == "bench":
        settings.append("planner.skills=[all]")
    options = [word for setting in settings for word in ("--set", setting)]
    with RunningGraph(folder, domain, options) as graph, Companion() as companion:
        wait_until_ready(companion, graph)
        eyes = _Eyes(companion, spec, urdf)
        for trial in todo:
            yield _play(trial, companion, graph, eyes)


def _play(trial: Trial, companion: Companion, graph: RunningGraph, eyes: _Eyes) -> Result:
    companion.reset_scene(trial.seed)
    companion.spin(1.0)
    for instruction in trial.preparation:
        outcome = companion.carry_out(instruction.sentence, TIME_LIMIT + 5.0, graph.check)
        if not outcome.success:
            return Result(trial, False, False, 0.0, False, f"the preparation failed: {outcome.message}", ())
        companion.spin(1.0)
    draw = draw_scene(trial.config, trial.seed, 0)
    verdict = verdict_for(trial, draw, eyes.scene(trial.seed), eyes.body)
    eyes.verdict, began = verdict, time.monotonic()
    outcome = companion.carry_out(trial.sentence, TIME_LIMIT + 5.0, graph.check)
    duration = time.monotonic() - began
    companion.spin(1.0)
    eyes.verdict = None
    result = verdict.result(trial, duration, outcome.success)
    return result if result.done else replace(result, reason=f"{result.reason}; {outcome.message}")


class _Eyes:
    """Shows the judges what the graph tells: the scene as the simulator knows it, the hands by the measured joints."""

    def __init__(self, companion: Companion, robot: RobotSpec, urdf: str) -> None:
        self._companion, self._robot = companion, robot
        self._figure = SimWorld(robot, urdf, scene=None)
        self._last, self._seed = -1.0, -1
        self.body = Body()
        self.verdict: Verdict | None = None
        companion.node.create_subscription(JointStateMsg, "joint_states", self._on_joints, qos.STATE)

    def scene(self, seed: int) -> SceneState:
        """The latest truth about the scene of `seed`."""
        self._seed = seed
        self._companion.wait(lambda: self._of_now() is not None, 5.0)
        scene = self._of_now()
        assert scene is not None
        return scene

    def _of_now(self) -> SceneState | None:
        scene = self._companion.scene
        return scene if scene is not None and scene.seed == self._seed else None

    def _on_joints(self, message: JointStateMsg) -> None:
        state = convert.joint_state_from_msg(message, self._robot)
        if 0.0 <= state.stamp - self._last < _LOOK_EVERY:
            return
        self._last = state.stamp
        self._figure.pose(state.position)
        self.body = self._figure.body()
        scene = self._of_now()
        if self.verdict is not None and scene is not None:
            self.verdict.see(scene, self.body)
