"""Moves the robot by hand: hand poses, keyboard and gamepad become joint targets for joint_control_node.

In: teleop/left_hand_pose, teleop/right_hand_pose, joy (buttons and sticks: see teleop/gamepad.py), keys on a terminal.
Out: teleop/joint_trajectory. Letting go (`q`, the dead-man button, a gamepad silent for 0.25 s) sends an empty one:
joint_control_node gives the robot back to the policy at once. A silent sender of hand poses loses it after 0.5 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMsg
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.robot.arm_ik import ArmIK
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.control_lease import ControlLease
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.runtime import run
from optimus_nodes.teleop.gamepad import GamepadLayout
from optimus_nodes.teleop.keyboard import Keyboard
from optimus_nodes.teleop.session import HELP, SIDES, JointTarget, TeleopSession, Wish

NO_LEGS = "cmd_vel is not followed: the robot's pelvis is fixed to the world, it can't walk or turn"


@dataclass(frozen=True)
class TeleopParams:
    """Parameters of teleop_node."""

    robot: str = field(default="optimus", metadata={"doc": "Robot in config/robots."})
    step: float = field(default=0.01, metadata={"doc": "How far a key press moves a hand, m. Up to 0.1."})
    rate_hz: float = field(default=50.0, metadata={"doc": "Targets per second while a hand is moved. 20 to 200."})
    gamepad: GamepadLayout = field(default_factory=GamepadLayout)

    def __post_init__(self) -> None:
        if not 0.0 < self.step <= 0.1 or not 20.0 <= self.rate_hz <= 200.0:
            raise ConfigError(f"step {self.step} m must be up to 0.1 m, rate_hz {self.rate_hz} from 20 to 200")


class TeleopNode(Node):
    """The shell around TeleopSession."""

    def __init__(self, keyboard: Keyboard, load: Callable[[str], tuple[RobotSpec, str]] = load_robot) -> None:
        super().__init__("teleop")
        self._keyboard = keyboard
        params = declare(self, TeleopParams)
        robot, urdf = load(params.robot)
        arms = {side: ArmIK(robot, urdf, side) for side in SIDES}
        self._session = TeleopSession(robot, arms, params.step, gamepad=params.gamepad)
        self._reader = convert.JointStateReader(robot)
        self._targets = self.create_publisher(JointTrajectory, "teleop/joint_trajectory", qos.COMMAND)
        self._stop = self.create_publisher(Bool, "emergency_stop", qos.LATCHED)
        self._lease = ControlLease(self, "teleop", self.get_logger().warning)
        self._reset = self.create_client(Trigger, "emergency_stop/reset")
        self.create_subscription(JointStateMsg, "joint_states", self._on_state, qos.STATE)
        for side in SIDES:
            self.create_subscription(PoseStamped, f"teleop/{side}_hand_pose", partial(self._on_pose, side), qos.COMMAND)
        self.create_subscription(Joy, "joy", self._on_joy, qos.SENSOR)
        self.create_subscription(TwistStamped, "cmd_vel", self._on_cmd_vel, qos.COMMAND)
        self.create_timer(1.0 / params.rate_hz, self._on_timer)
        if keyboard.there:
            print(HELP, flush=True)

    def destroy_node(self) -> None:
        """Give the terminal back first."""
        self._keyboard.close()
        super().destroy_node()

    def _on_state(self, message: JointStateMsg) -> None:
        try:
            state = self._reader.read(message)
        except CommandError as error:
            self._warn(error)
            return
        if state is not None:
            self._session.on_state(state.position)

    def _on_pose(self, side: str, message: PoseStamped) -> None:
        try:
            goal, frame, _ = convert.pose_from_msg(message)
            self._send(self._session.on_pose(side, goal, frame, time.monotonic()))
        except CommandError as error:
            self._warn(error)

    def _on_joy(self, message: Joy) -> None:
        try:
            self._do(self._session.on_joy(*convert.joy_from_msg(message), time.monotonic()))
        except CommandError as error:
            self._warn(error)

    def _on_cmd_vel(self, message: TwistStamped) -> None:
        self.get_logger().warning(NO_LEGS, throttle_duration_sec=5.0)

    def _on_timer(self) -> None:
        monotonic = time.monotonic()
        try:
            for key in self._keyboard.pressed():
                self._do(self._session.on_key(key, monotonic))
            target = self._session.target(monotonic)
        except CommandError as error:
            self._warn(error)
            return
        if target is not None:
            self._send(target)

    def _do(self, wish: Wish) -> None:
        if wish is Wish.STOP:
            self._stop.publish(Bool(data=True))
        elif wish is Wish.RESET:
            self._stop.publish(Bool(data=False))
            self._reset.call_async(Trigger.Request())

    def _send(self, target: JointTarget) -> None:
        if target.note:
            self.get_logger().warning(target.note, throttle_duration_sec=2.0)
        mine = self._lease.ready() if target.names else not self._lease.overtaken
        if mine:  # else the next target comes at once
            self._targets.publish(convert.joint_target_to_msg(target.names, target.positions, self._lease.number))
        if not target.names:
            self._lease.drop()

    def _warn(self, error: CommandError) -> None:
        self.get_logger().warning(f"refused ({error.reason}): {error}", throttle_duration_sec=1.0)


def main() -> int:
    """Entry point."""
    keyboard = Keyboard()
    try:
        return run(lambda: TeleopNode(keyboard), executor="events")
    finally:
        keyboard.close()


if __name__ == "__main__":
    sys.exit(main())
