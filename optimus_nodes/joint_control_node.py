"""The joint controller as a process of its own: the only writer of joint_commands.

It ticks when a joint state arrives; a timer takes over for a moment when none comes, never for a robot that is gone.
control_owner says who moves it: the policy gets it back when teleoperation sends an empty trajectory or falls silent.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from optimus_humanoid.msg import ActionChunk, Task
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMsg
from trajectory_msgs.msg import JointTrajectory

from optimus_nodes.core.control_report import LEVELS, LoopTiming, control_report
from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.joint_control_config import JointControlParams
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.robot_clock import RobotClock
from optimus_nodes.core.values import JointState
from optimus_nodes.robot.controller import joint_controller
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, diagnostics, joint_topics, lease, qos
from optimus_nodes.ros.control_owner import OwnerTeller, first_lease, offer_leases
from optimus_nodes.ros.emergency_stop import EmergencyStop
from optimus_nodes.ros.hand_topics import HandTopics
from optimus_nodes.ros.one_at_a_time import OneAtATime
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.runtime import real_time, run

M, T = TypeVar("M"), TypeVar("T")


class JointControlNode(Node):
    """The shell around JointController."""

    def __init__(self, scheduling: str, load: Callable[[str], tuple[RobotSpec, str]] = load_robot) -> None:
        super().__init__("joint_control")
        params, self._scheduling = declare(self, JointControlParams), scheduling
        self._robot, urdf = load(params.robot)
        self._controller = joint_controller(self._robot, urdf, params.control, first_lease())
        self._period, self._max_overruns = 1.0 / params.rate_hz, params.max_overruns
        self._robot_clock, self._timing = RobotClock(), LoopTiming(self._period)
        self._state: JointState | None = None
        self._arrival, self._ticked, self._owner = 0.0, 0.0, OwnerTeller(self)
        one = OneAtATime()  # joint states come in a thread of their own
        self._commands = joint_topics.command_publisher(self, self._robot)
        self._states = joint_topics.subscribe_states(self, self._robot, one(self._on_state), one(self._warn))
        self.create_subscription(ActionChunk, "action_chunk", one(self._on_chunk), qos.COMMAND)
        self.create_subscription(JointTrajectory, "teleop/joint_trajectory", one(self._on_target), qos.COMMAND)
        self.create_subscription(JointStateMsg, "teleop/hand_joints", one(self._on_target), qos.COMMAND)
        self.create_subscription(Task, "task", one(self._on_task), qos.LATCHED)
        lease.watch(self, Task, "task", one(self._controller.on_task_sender_lost))
        signs, lost = self._controller.policy_signs, self._controller.on_policy_lost
        lease.watch_part(self, "vla", one(lost), on_sign=one(lambda _: signs.heard(time.monotonic())))
        EmergencyStop(self, self._controller, one)
        offer_leases(self, self._controller, one)
        HandTopics(self, self._robot, self._controller, one, self._do)
        self.create_timer(4.0 * self._period, one(self._on_timer))
        lease.announce(self)
        self._reporter = diagnostics.Reporter(self, one(self._health), "control")
        gc.freeze()  # what is alive now stays alive: garbage collection need not look at it again

    def _on_state(self, state: JointState) -> None:
        monotonic = time.monotonic()
        self._robot_clock.on_state(state.stamp, monotonic)
        self._arrival = monotonic
        if self._state is None or abs(state.stamp - self._state.stamp) > 0.75 * self._period:
            self._state = state
            self._tick(monotonic)

    def _on_timer(self) -> None:
        if self._robot_clock.runs(now := time.monotonic()) and now - self._ticked > 2.0 * self._period:
            self._tick(now)

    def _tick(self, monotonic: float) -> None:
        try:
            command = self._controller.tick(self._robot_clock.now(monotonic), monotonic, self._state)
        except CommandError as error:
            self._warn(error)
            return
        self._commands.publish(command)
        self._ticked = monotonic
        self._owner.tell(self._controller.owner, self._controller.lease, command.stamp)
        self._timing.tick(monotonic, time.monotonic(), command.stamp - self._state.stamp)
        if self._timing.overruns >= self._max_overruns:
            self._controller.on_overruns()
        self._controller.look_ahead()

    def _on_task(self, message: Task) -> None:
        self._controller.on_task(message.id, message.sentence, time.monotonic())

    def _on_chunk(self, message: ActionChunk) -> None:
        def take(now: float, monotonic: float) -> None:
            self._controller.on_chunk(self._read(convert.action_chunk_from_msg, message), now, monotonic)

        self._do(take)

    def _on_target(self, message: JointTrajectory | JointStateMsg) -> None:
        def take(now: float, monotonic: float) -> None:
            names, positions, stamp = self._read(convert.joint_target_from_msg, message)
            lease = convert.lease_from_msg(message.header)
            self._controller.on_joint_target(names, positions, "teleop", now, monotonic, stamp, lease)

        self._do(take)

    def _do(self, take: Callable[[float, float], None]) -> None:
        """Call `take` with robot time and monotonic time, and tell of a refusal."""
        monotonic = time.monotonic()
        try:
            take(self._robot_clock.now(monotonic), monotonic)
        except CommandError as error:
            self._warn(error)

    def _read(self, reader: Callable[[M], T], message: M) -> T:
        try:
            return reader(message)
        except CommandError as error:
            self._controller.count_refusal(error)
            raise

    def _health(self) -> diagnostics.Health:
        monotonic = time.monotonic()
        age = None if self._state is None else monotonic - self._arrival
        level, text, figures = control_report(self._controller.status(), self._timing, age, monotonic)
        figures["scheduling"] = self._scheduling
        return diagnostics.Health(diagnostics.LEVELS[LEVELS.index(level)], text, figures)

    def _warn(self, error: CommandError) -> None:
        self.get_logger().warning(f"refused ({error.reason}): {error}", throttle_duration_sec=1.0)

    def destroy_node(self) -> None:
        """End the thread of the joint states and the link of the commands, then the node."""
        self._states.close()
        self._commands.close()
        super().destroy_node()


def main() -> int:
    """Entry point."""
    return run(lambda: JointControlNode(real_time()), executor="events")


if __name__ == "__main__":
    sys.exit(main())
