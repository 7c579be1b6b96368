"""Joint messages written and read as bytes are the messages that ROS itself would write and read."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from fakes import fake_robot
from hypothesis import given
from hypothesis import strategies as st
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState as JointStateMsg

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.values import JointCommand, JointState
from optimus_nodes.ros import convert
from optimus_nodes.ros.joint_wire import CommandWire, StateWire

ROBOT = fake_robot()
J = len(ROBOT.joint_names)
RNG = np.random.default_rng(3)
STATE = JointState(12.250000001, *RNG.normal(size=(3, J)))
COMMAND = JointCommand(3.5, *RNG.normal(size=(5, J)))
STATE_BYTES = serialize_message(convert.joint_state_to_msg(STATE, ROBOT))
COMMAND_BYTES = serialize_message(convert.joint_command_to_msg(COMMAND, ROBOT))


def same(one: object, other: object) -> None:
    for field in fields(one):  # type: ignore[arg-type]
        np.testing.assert_allclose(getattr(one, field.name), getattr(other, field.name), atol=1e-9)


def test_what_is_written_is_what_ros_would_write():
    states, commands = StateWire(ROBOT), CommandWire(ROBOT)
    states.write(JointState(99.0, *np.ones((3, J))))
    for data, by_ros, kind in (
        (states.write(STATE), STATE_BYTES, JointStateMsg),
        (commands.write(COMMAND), COMMAND_BYTES, JointCommandMsg),
    ):
        assert len(data) == len(by_ros)  # bytes between the fields are whatever they were
        assert deserialize_message(data, kind) == deserialize_message(by_ros, kind)


def test_what_ros_wrote_is_read():
    same(StateWire(ROBOT).read(STATE_BYTES), STATE)
    same(CommandWire(ROBOT).read(COMMAND_BYTES), COMMAND)


def test_joints_in_another_order_and_a_frame_are_read_too():
    message = convert.joint_command_to_msg(COMMAND, ROBOT)
    message.header.frame_id = "base_link"
    message.name = list(reversed(message.name))
    for name in ("position", "velocity", "effort", "kp", "kd"):
        setattr(message, name, list(reversed(getattr(message, name))))
    wire = CommandWire(ROBOT)
    same(wire.read(COMMAND_BYTES), COMMAND)
    same(wire.read(serialize_message(message)), COMMAND)
    same(wire.read(COMMAND_BYTES), COMMAND)


def test_messages_of_some_joints_each_are_put_together():
    wire, half = StateWire(ROBOT), J // 2
    parts = []
    for part in (slice(0, half), slice(half, J)):
        names = list(ROBOT.joint_names[part])
        parts.append(serialize_message(JointStateMsg(name=names, position=list(STATE.position[part]))))
    assert wire.read(parts[0]) is None
    whole = wire.read(parts[1])
    assert whole is not None
    np.testing.assert_array_equal(whole.position, STATE.position)
    same(wire.read(STATE_BYTES), STATE)


def test_a_message_of_another_robot_is_refused_by_name_and_the_next_one_read():
    message = convert.joint_state_to_msg(STATE, ROBOT)
    message.name = ["tail_joint", *message.name[1:]]
    wire = StateWire(ROBOT)
    with pytest.raises(CommandError, match="joint 'tail_joint' is unknown"):
        wire.read(serialize_message(message))
    same(wire.read(STATE_BYTES), STATE)


def test_a_command_that_leaves_gains_out_is_refused():
    message = convert.joint_command_to_msg(COMMAND, ROBOT)
    message.kp = []
    with pytest.raises(CommandError, match=f"joint_commands: {J} joints but 0 values of kp"):
        CommandWire(ROBOT).read(serialize_message(message))


@given(st.integers(0, len(COMMAND_BYTES) - 1))
def test_a_message_that_is_cut_off_is_refused_wherever_it_ends(length):
    with pytest.raises(CommandError):
        CommandWire(ROBOT).read(COMMAND_BYTES[:length])


@given(st.binary(max_size=400), st.integers(0, 200))
def test_bytes_that_are_no_message_are_refused_or_read_as_numbers(noise, place):
    data = COMMAND_BYTES[:4] + COMMAND_BYTES[4 : 4 + place] + noise + COMMAND_BYTES[4 + place + len(noise) :]
    try:
        assert CommandWire(ROBOT).read(data).position.shape == (J,)
    except CommandError:
        pass


def test_a_message_of_the_other_byte_order_is_refused():
    """CDR says in its first two bytes how its numbers are to be read."""
    swapped = b"\x00\x00" + bytes(STATE_BYTES)[2:]
    with pytest.raises(CommandError, match="do not begin as CDR, little-endian"):
        StateWire(ROBOT).read(swapped)


@pytest.mark.parametrize("change", [-8, -1, 1, 8])
def test_numbers_of_another_length_are_refused(change):
    for wire, value in ((StateWire(ROBOT), STATE), (CommandWire(ROBOT), COMMAND)):
        data = bytes(wire.pack(value))
        same(wire.unpack(data), value)
        with pytest.raises(CommandError, match=f"{len(data) + change} bytes, not {len(data)}"):
            wire.unpack((data + bytes(8))[: len(data) + change])
