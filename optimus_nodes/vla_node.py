"""Follows the task: looks, feels, and proposes the next joint targets on every head picture.

In: <camera>/image_raw, joint_states, tactile/*, task. Out: action_chunk, /diagnostics. The network runs in a thread of
its own; a picture that comes while it works replaces the one that waits. When an input is missing or late, when a
network on another machine (`remote`) cannot be reached or this node hangs, no chunk is sent; joint_control_node then
holds. A bundle that does not fit the robot ends the node with the list of differences; a lost planner ends the task.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from optimus_humanoid.msg import TactileArray
from optimus_humanoid.msg import Task as TaskMsg
from rclpy.node import Node
from rclpy.qos import QoSProfile

from optimus_nodes.core.errors import CommandError, DeviceError
from optimus_nodes.core.observation_buffer import ObservationBuffer
from optimus_nodes.core.plan import Task
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.timing import Rate
from optimus_nodes.core.values import ActionChunk, JointState, Observation, PolicyOutput
from optimus_nodes.policy.opening import OpenPolicy, open_policy
from optimus_nodes.policy.vla_params import VlaParams
from optimus_nodes.policy.worker import PolicyWorker
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.share import model_path
from optimus_nodes.ros import convert, lease, qos
from optimus_nodes.ros.diagnostics import OK, WARN, Health, Reporter
from optimus_nodes.ros.in_executor import InExecutor
from optimus_nodes.ros.joint_topics import subscribe_states
from optimus_nodes.ros.one_at_a_time import OneAtATime
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.pictures import Picture, PictureSubscription
from optimus_nodes.ros.runtime import run


class VlaNode(Node):
    """The shell around an observation buffer and a policy."""

    def __init__(
        self, load_robot: Callable[[str], RobotSpec], open_policy: Callable[[RobotSpec, VlaParams], OpenPolicy]
    ) -> None:
        super().__init__("vla")
        params = declare(self, VlaParams)
        robot = load_robot(params.robot)
        policy = open_policy(robot, params)
        cameras = [name for name, _, _ in policy.contract.cameras]
        self._names = robot.joint_names
        self._task, self._chunks, self._refused = Task(), Rate(), 0
        self._buffer = ObservationBuffer(robot, cameras, params.max_age)
        self._one = one = OneAtATime()  # joint states and pictures come in threads of their own
        self._worker = PolicyWorker(policy, InExecutor(self, one(self._on_answer)), params.chunking)
        self._chunk = self.create_publisher(ActionChunkMsg, "action_chunk", qos.COMMAND)
        refuse = partial(self._refuse, "joint_states")
        self._states = subscribe_states(self, robot, one(self._on_joints), one(refuse))
        touched = self._buffer.on_touch
        for side in ("left_hand", "right_hand"):
            self._listen(TactileArray, f"tactile/{side}", lambda m: touched(*convert.tactile_from_msg(m)), qos.SENSOR)
        take, refuse = self._on_picture, self._refuse
        self._pictures = [PictureSubscription(self, c, one(partial(take, c)), one(partial(refuse, c))) for c in cameras]
        self._listen(TaskMsg, "task", self._on_task, qos.LATCHED)
        lease.watch(self, TaskMsg, "task", one(self._on_planner_lost))
        lease.announce(self, lease.LEASE_S, lease.REPEAT_S)
        self._reporter = Reporter(self, one(self._health), "policy")

    def _listen(self, kind: type, topic: str, handle: Callable[[Any], None], profile: QoSProfile) -> None:
        def heard(message: Any) -> None:
            try:
                handle(message)
            except (CommandError, DeviceError) as error:
                self._refuse(topic, error)

        self.create_subscription(kind, topic, self._one(heard), profile)

    def _refuse(self, topic: str, error: Exception) -> None:
        self._refused += 1  # a message nobody can use: counted, said, left out
        self.get_logger().error(f"{topic}: {error}", throttle_duration_sec=5.0)

    def _on_task(self, message: TaskMsg) -> None:
        task = convert.task_from_msg(message)
        if task != self._task:
            self._task = task
            self._worker.clear()
            self.get_logger().info(f"task {task.id}: {task.sentence or 'none'}")

    def _on_planner_lost(self) -> None:
        self._task = Task()  # nobody is left to take it back; a living planner repeats it
        self._worker.clear()
        self.get_logger().warning("the sender of the task is gone: no task")

    def _on_joints(self, state: JointState) -> None:
        self._buffer.on_joints(state, time.monotonic())

    def _on_picture(self, camera: str, picture: Picture) -> None:
        if (pixels := picture.kept()) is None:
            return
        self._buffer.on_picture(camera, picture.stamp, pixels, time.monotonic())
        if camera == self._buffer.cameras[0] and self._task.sentence and not self._buffer.missing():
            self._worker.submit(self._buffer.observe(self._task.sentence), self._task.id)

    def _on_answer(self, seen: Observation, output: PolicyOutput, task_id: int) -> None:
        if task_id != self._task.id or seen.sentence != self._task.sentence:
            return  # the task changed while the network worked
        policy = self._worker.policy
        proposed = (self._names, output.positions, output.progress, policy.policy_id, task_id)
        chunk = ActionChunk(seen.stamp, seen.stamp, policy.step_dt, *proposed)
        self._chunk.publish(convert.action_chunk_to_msg(chunk))
        self._chunks.tick(time.monotonic())

    def _health(self) -> Health:
        self._worker.check()
        missing = self._buffer.missing(now := time.monotonic()) or self._worker.trouble
        values = {
            "task_id": self._task.id,
            "task": self._task.sentence,
            "chunks": self._chunks.count,
            "chunk_hz": self._chunks.hz(now),
            "inputs_refused": self._refused,
            **self._worker.figures(),
        }
        return Health(WARN, missing, values) if missing else Health(OK, "ok", values)

    def destroy_node(self) -> None:
        """Stop the threads of the joint states, the pictures and the network, then the node."""
        for threaded in (self._states, *self._pictures):
            threaded.close()
        self._worker.close()
        super().destroy_node()


def _open(robot: RobotSpec, params: VlaParams) -> OpenPolicy:
    return open_policy("" if params.remote else model_path(params.bundle), robot, params)


def main() -> int:
    """Entry point of vla_node."""
    cv2.setNumThreads(1)
    return run(lambda: VlaNode(lambda name: load_robot(name)[0], _open))


if __name__ == "__main__":
    sys.exit(main())
