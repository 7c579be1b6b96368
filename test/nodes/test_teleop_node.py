"""teleop_node over real DDS: hand poses, a keyboard on a terminal, and cmd_vel."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from fakes import at_rest
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from optimus_nodes.cli.environment import free_domain
from optimus_nodes.robot.arm_ik import ArmIK
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos

ROOT = Path(__file__).resolve().parents[2]


class Operator:
    """A robot at rest in its home posture, an operator's topics, and a terminal."""

    def __init__(self, log: Path) -> None:
        self.robot, self.urdf = load_robot("optimus")
        self.targets: list[tuple[tuple[str, ...], np.ndarray]] = []
        self.stops: list[bool] = []
        self.log = log
        domain = free_domain()
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node("operator", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self._states = self.node.create_publisher(JointState, "joint_states", qos.STATE)
        self.poses = self.node.create_publisher(PoseStamped, "teleop/left_hand_pose", qos.COMMAND)
        self.twists = self.node.create_publisher(TwistStamped, "cmd_vel", qos.COMMAND)
        self.node.create_subscription(JointTrajectory, "teleop/joint_trajectory", self._on_target, qos.COMMAND)
        self.node.create_subscription(Bool, "emergency_stop", lambda m: self.stops.append(m.data), qos.LATCHED)
        self.joys = self.node.create_publisher(Joy, "joy", 10)
        self.terminal, inside = pty.openpty()
        environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "optimus_nodes.teleop_node"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, env=environment, stdin=inside, stdout=output, stderr=output)
        os.close(inside)

    def until(self, condition: Callable[[], object], each: Callable[[], None] = lambda: None) -> None:
        end = time.monotonic() + 20.0
        while not condition():
            assert time.monotonic() < end and self.process.poll() is None, self.log.read_text()
            self._states.publish(convert.joint_state_to_msg(at_rest(self.robot.home, 1.0), self.robot))
            each()
            turn = time.monotonic() + 0.05
            while (left := turn - time.monotonic()) > 0:
                self.executor.spin_once(timeout_sec=left)

    def press(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def close(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=10)
        os.close(self.terminal)
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)
        return code

    def _on_target(self, message: JointTrajectory) -> None:
        names, positions, _ = convert.joint_target_from_msg(message)
        self.targets.append((names, positions))


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    running = Operator(tmp_path_factory.mktemp("teleop") / "log.txt")
    running.until(lambda: running.poses.get_subscription_count() > 0)
    yield running
    assert running.close() == 0


def nothing_more(operator: Operator) -> None:
    """No target follows the one that gave the robot back."""
    count, end = len(operator.targets), time.monotonic() + 0.3
    operator.until(lambda: time.monotonic() > end)
    assert len(operator.targets) == count


def test_a_hand_pose_becomes_joint_targets_that_reach_it(operator):
    arm = ArmIK(operator.robot, operator.urdf, "left")
    goal = arm.pose(operator.robot.home)
    message = PoseStamped()
    message.header.frame_id = "base_link"
    p, q = message.pose.position, message.pose.orientation
    p.x, p.y, p.z = goal[0, 3], goal[1, 3], goal[2, 3] + 0.04
    q.w = np.sqrt(1.0 + np.trace(goal[:3, :3])) / 2.0
    q.x = (goal[2, 1] - goal[1, 2]) / (4.0 * q.w)
    q.y = (goal[0, 2] - goal[2, 0]) / (4.0 * q.w)
    q.z = (goal[1, 0] - goal[0, 1]) / (4.0 * q.w)
    operator.targets.clear()
    operator.until(lambda: len(operator.targets) > 2, lambda: operator.poses.publish(message))
    names, positions = operator.targets[-1]
    posture = operator.robot.home.copy()
    posture[operator.robot.index(names)] = positions
    assert arm.pose(posture)[:3, 3] - goal[:3, 3] == pytest.approx((0.0, 0.0, 0.04), abs=1e-3)


def test_a_pose_in_an_unknown_frame_is_refused_in_plain_words(operator):
    message = PoseStamped()
    message.header.frame_id = "map"
    message.pose.orientation.w = 1.0
    refused = "left hand pose is in frame 'map'; only base_link is understood"
    operator.until(lambda: refused in operator.log.read_text(), lambda: operator.poses.publish(message))


def test_keys_move_the_right_hand_until_q_is_pressed(operator):
    operator.targets.clear()
    operator.press("wwc")
    operator.until(lambda: len(operator.targets) > 5)
    assert operator.targets[-1][0] == operator.robot.groups["right_arm"] + operator.robot.groups["right_hand"]
    operator.press("q")
    operator.until(lambda: operator.targets[-1][0] == ())
    nothing_more(operator)


def test_a_gamepad_moves_the_hand_while_its_dead_man_button_is_held(operator):
    held = Joy(axes=[0.0] * 6, buttons=[0] * 15)
    held.buttons[9], held.axes[1] = 1, 0.5
    operator.targets.clear()
    operator.until(lambda: len(operator.targets) > 5, lambda: operator.joys.publish(held))
    assert operator.targets[-1][0] == operator.robot.groups["right_arm"]
    operator.joys.publish(Joy(axes=[0.0] * 6, buttons=[0] * 15))
    operator.until(lambda: operator.targets[-1][0] == ())
    nothing_more(operator)


def test_a_gamepad_with_too_few_axes_is_refused_in_plain_words(operator):
    refused = "joy has 2 axes, but up axis is number 3"
    small = Joy(axes=[0.0] * 2, buttons=[1] * 15)
    operator.until(lambda: refused in operator.log.read_text(), lambda: operator.joys.publish(small))


def test_the_space_bar_is_an_emergency_stop(operator):
    operator.press(" ")
    operator.until(lambda: operator.stops == [True])


def test_cmd_vel_is_refused_in_plain_words(operator):
    refused = "cmd_vel is not followed: the robot's pelvis is fixed to the world"
    operator.until(lambda: refused in operator.log.read_text(), lambda: operator.twists.publish(TwistStamped()))
