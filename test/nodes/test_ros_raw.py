"""Serialised messages are read as their deserialised twins would be."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import fake_robot
from rclpy.serialization import serialize_message

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.values import JointCommand, JointState
from optimus_nodes.ros import convert, raw

ROBOT = fake_robot()
J = len(ROBOT.joint_names)
ONE, TWO, THREE = np.arange(J) * 0.1, np.arange(J) * 0.2, np.arange(J) * 0.3


def test_joint_states_and_commands_are_read_alike():
    state = serialize_message(convert.joint_state_to_msg(JointState(12.25, ONE, TWO, THREE), ROBOT))
    command = JointCommand(12.25, ONE, TWO, THREE, ONE, ONE)
    for data in (state, serialize_message(convert.joint_command_to_msg(command, ROBOT))):
        stamp, position, velocity, effort = raw.JointArrays(ROBOT, "joint_states").read(data)
        assert stamp == pytest.approx(12.25)
        np.testing.assert_array_equal(position, ONE)
        np.testing.assert_array_equal(velocity, TWO)
        np.testing.assert_array_equal(effort, THREE)


def test_joints_in_another_order_are_put_right_and_missing_velocities_are_zero():
    message = convert.joint_state_to_msg(JointState(1.0, ONE, TWO, THREE), ROBOT)
    message.name = list(reversed(message.name))
    message.position = list(reversed(ONE))
    message.velocity, message.effort = [], []
    reader = raw.JointArrays(ROBOT, "joint_states")
    for _ in range(2):
        _, position, velocity, _ = reader.read(serialize_message(message))
        np.testing.assert_array_equal(position, ONE)
        np.testing.assert_array_equal(velocity, np.zeros(J))


def test_another_robots_joints_are_refused_by_name():
    message = convert.joint_state_to_msg(JointState(1.0, ONE, TWO, THREE), ROBOT)
    message.name = ["tail_joint", *message.name[1:]]
    with pytest.raises(CommandError, match=r"joint_states names \d+ of \d+ joints; '.*' is odd"):
        raw.JointArrays(ROBOT, "joint_states").read(serialize_message(message))
