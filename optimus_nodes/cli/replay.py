"""`optimus replay`: does again what an episode did, through the joint controller and its limits."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from rich.progress import Progress
from sensor_msgs.msg import JointState as JointStateMsg

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import enter_graph_environment
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.plan import PlanState
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.robot_clock import RobotClock
from optimus_nodes.core.values import ActionChunk, Array, SceneState
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.recorded_path import STEP, RecordedPath, ramp, read_path

ROWS = 20  # of a chunk: 0.4 s
EVERY = 2  # rows between two chunks: 0.04 s, well within the silence after which joint_control holds
SAME, OTHER = 0, 1


def replay(
    dataset: Annotated[Path, typer.Argument(help="Data set folder, for example data/recordings.")],
    episode: Annotated[int, typer.Argument(help="Number of the episode.")],
    keep_scene: Annotated[bool, typer.Option("--keep-scene", help="Simulator: leave the scene as it is.")] = False,
    robot: Annotated[str, typer.Option(help="Robot in config/robots.")] = "optimus",
    domain: Annotated[int | None, typer.Option(help="ROS domain of the robot; default: ROS_DOMAIN_ID or 0.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON at the end.")] = False,
) -> int:
    """Do again what an episode did, on a running robot: first a slow ramp to where it began, then its own motion.

    In simulation the episode's scene is laid out again first, and what it ended with is compared. Exit code 0 when
    every box is where it was, 1 when not, 2 when it can't be replayed.
    """
    spec, _ = load_robot(robot)
    path = read_path(dataset, episode, spec)
    enter_graph_environment(domain)
    with Companion() as companion:
        player = Replayer(companion, spec)
        result = player.play(path, keep_scene, quiet=as_json)
    if as_json:
        print(json.dumps({"episode": episode, "instruction": path.instruction, **result}))
    else:
        _tell(result)
    return SAME if result["same"] in (True, None) else OTHER


class Replayer:
    """Sends a path to joint_control_node in chunks that overlap, as a policy would."""

    def __init__(self, companion: Companion, robot: RobotSpec) -> None:
        self._companion, self._robot, self._clock = companion, robot, RobotClock()
        self._reader = convert.JointStateReader(robot)
        self._position: Array | None = None
        self._chunks = companion.node.create_publisher(ActionChunkMsg, "action_chunk", qos.COMMAND)
        companion.node.create_subscription(JointStateMsg, "joint_states", self._on_state, qos.STATE)

    def play(self, path: RecordedPath, keep_scene: bool = False, quiet: bool = False) -> dict[str, Any]:
        """Replay, and say where the boxes are. Raises DeviceError when the robot is not there or busy."""
        companion = self._companion
        if not companion.wait(lambda: self._position is not None and self._chunks.get_subscription_count(), 5.0):
            raise DeviceError("no joint_states or no joint_control_node: is the robot running in this ROS domain?")
        companion.spin(0.3)
        if companion.emergency_stopped:
            raise DeviceError("the emergency stop is pressed; reset it first")
        if companion.plan is not None and companion.plan.state is PlanState.RUNNING:
            raise DeviceError(f"the robot is busy with {companion.plan.instruction!r}; wait for its end or say stop")
        if path.seed is not None and not keep_scene and companion.wait(companion.simulator_is_there, 2.0):
            companion.reset_scene(path.seed)
            companion.spin(1.0)
        before = companion.scene
        assert self._position is not None
        with Progress(transient=True, disable=quiet) as progress:
            self._send(ramp(self._position, path.positions[0]), progress, "to the start posture")
            self._send(path.positions, progress, path.instruction or "replaying")
        companion.spin(1.5)  # what was let go comes to rest
        return _compared(path, before, companion.scene)

    def _on_state(self, message: JointStateMsg) -> None:
        state = self._reader.read(message)
        if state is not None:
            self._position = state.position
            self._clock.on_state(state.stamp, time.monotonic())

    def _send(self, rows: Array, progress: Progress, what: str) -> None:
        bar = progress.add_task(what, total=len(rows))
        begin = self._clock.now(time.monotonic())
        rows = np.concatenate((rows, np.repeat(rows[-1:], ROWS, axis=0)))
        for first in range(0, len(rows) - ROWS + 1, EVERY):
            due = begin + first * STEP
            self._companion.wait(lambda due=due: self._clock.now(time.monotonic()) >= due, 10.0)  # type: ignore[misc]
            chunk = rows[first : first + ROWS]
            names = self._robot.joint_names
            value = ActionChunk(due, due, STEP, names, chunk, 0.0, "replay")
            self._chunks.publish(convert.action_chunk_to_msg(value))
            progress.update(bar, completed=first)


def _compared(path: RecordedPath, before: SceneState | None, after: SceneState | None) -> dict[str, Any]:
    """Where each box is now and where it was; `same` is None when nobody knows."""
    if path.begin is None or path.end is None or before is None or after is None:
        return {"same": None, "boxes": {}}
    boxes, same = {}, True
    for thing in path.end.objects:
        if thing.kind != "box":
            continue
        now = after.find(thing.name)
        distance = float(np.linalg.norm(now.position - thing.position))
        start = float(np.linalg.norm(before.find(thing.name).position - path.begin.find(thing.name).position))
        held = now.held_by == thing.held_by
        same = same and now.place == thing.place and held and (bool(thing.place) or distance < 0.05)
        boxes[thing.name] = {"place": now.place, "recorded": thing.place, "apart": distance, "began_apart": start}
    return {"same": same, "boxes": boxes}


def _tell(result: dict[str, Any]) -> None:
    for name, box in result["boxes"].items():
        where = box["place"] or "on the bench"
        was = box["recorded"] or "on the bench"
        print(f"{name}: {where}, recorded {was}, {box['apart'] * 1e3:.0f} mm apart")
    moved = [name for name, box in result["boxes"].items() if box["began_apart"] > 0.005]
    if moved:
        print(f"the scene did not begin as it was recorded: {', '.join(moved)} stood elsewhere")
