"""Joint states and commands as the bytes that travel, for the nodes that exchange them 250 times a second.

A message of 72 joints and its names costs several times more to turn into a Python object, and back, than to send. Here
a message is written into a prepared copy and read where it lies. What travels is the same as before: `ros2 topic echo`,
other drivers and recorders see ordinary messages, and theirs are read whatever their joints' order or number.

    node.create_subscription(JointState, "joint_states", on_state, qos.STATE, raw=True)  # then wire.read(data)
    publisher.publish(wire.write(command))

`pack` and `unpack` are the same for two ends that know the joints and their order: numbers only (joint_topics.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState as JointStateMsg

from ..core.errors import CommandError
from ..core.robot import RobotSpec
from ..core.values import Array, JointCommand, JointState
from . import convert, raw

_FLOAT64 = np.dtype("<f8")
_COMMAND = ("position", "velocity", "effort", "kp", "kd")


class _Prepared:
    """A serialised message in which stamp and columns are replaced. It names all joints of the robot."""

    def __init__(self, message: Any, robot: RobotSpec, columns: Sequence[str]) -> None:
        self._bytes = bytearray(serialize_message(message))
        places = raw.JointArrays(robot, "a message", columns).places(bytes(self._bytes))
        self._columns = [np.frombuffer(self._bytes, "<f8", len(robot.joint_names), place) for place in places]

    def write(self, stamp: float, columns: Sequence[Array]) -> bytes:
        for column, values in zip(self._columns, columns, strict=True):
            column[:] = values
        raw.put_stamp(self._bytes, stamp)
        return bytes(self._bytes)


class _Numbers:
    """A stamp and columns of float64, one after the other, little-endian."""

    def __init__(self, robot: RobotSpec, topic: str, columns: Sequence[str]) -> None:
        joints, self._topic = len(robot.joint_names), topic
        self._packed = np.zeros(1 + len(columns) * joints, "<f8")
        self.size = self._packed.nbytes
        self._places = [slice(1 + k * joints, 1 + (k + 1) * joints) for k in range(len(columns))]
        self._columns = [self._packed[place] for place in self._places]
        names = hashlib.sha256(" ".join(robot.joint_names).encode()).hexdigest()[:16]
        self.layout = f"{topic} 1: float64 stamp {' '.join(columns)}, {joints} joints {names}"

    def pack(self, stamp: float, columns: Sequence[Array]) -> memoryview:
        self._packed[0] = stamp
        for column, values in zip(self._columns, columns, strict=True):
            column[:] = values
        return self._packed.data

    def unpack(self, data: bytes) -> tuple[Any, ...]:
        if len(data) != self._packed.nbytes:
            raise CommandError(raw.MALFORMED, f"{self._topic}: {len(data)} bytes, not {self._packed.nbytes}")
        values = np.frombuffer(data, _FLOAT64)
        return values.item(0), *[values[place] for place in self._places]


class StateWire:
    """sensor_msgs/JointState. Partial messages (arms here, hands there) are put together, at the price of slow ones."""

    def __init__(self, robot: RobotSpec) -> None:
        nothing = np.zeros(len(robot.joint_names))
        message = convert.joint_state_to_msg(JointState(0.0, nothing, nothing, nothing), robot)
        self._prepared = _Prepared(message, robot, raw.STATE_COLUMNS)
        self._numbers = _Numbers(robot, "joint_states", raw.STATE_COLUMNS)
        self.layout, self.size = self._numbers.layout, self._numbers.size
        self._arrays, self._parts = raw.JointArrays(robot, "joint_states"), convert.JointStateReader(robot)
        self._whole = True

    def write(self, state: JointState) -> bytes:
        return self._prepared.write(state.stamp, (state.position, state.velocity, state.effort))

    def pack(self, state: JointState) -> memoryview:
        """Numbers only; written over by the next call."""
        return self._numbers.pack(state.stamp, (state.position, state.velocity, state.effort))

    def unpack(self, data: bytes) -> JointState:
        """Raises CommandError unless `data` is as long as it must be."""
        return JointState(*self._numbers.unpack(data))

    def read(self, data: bytes) -> JointState | None:
        """The whole state, None until every joint was seen. Raises CommandError on unknown names or lengths."""
        if self._whole:
            try:
                return JointState(*self._arrays.read(data))
            except CommandError as error:
                if error.reason == raw.MALFORMED:
                    raise
        state = self._parts.read(deserialize_message(data, JointStateMsg))
        self._whole = False  # a message in parts was understood: from now on they are put together
        return state


class CommandWire:
    """optimus_humanoid/JointCommand; every joint of the robot is named."""

    def __init__(self, robot: RobotSpec) -> None:
        nothing = np.zeros(len(robot.joint_names))
        message = convert.joint_command_to_msg(JointCommand(0.0, *[nothing] * 5), robot)
        self._prepared = _Prepared(message, robot, _COMMAND)
        self._numbers = _Numbers(robot, "joint_commands", _COMMAND)
        self.layout, self.size = self._numbers.layout, self._numbers.size
        self._arrays = raw.JointArrays(robot, "joint_commands", _COMMAND, optional=())

    def write(self, command: JointCommand) -> bytes:
        return self._prepared.write(command.stamp, [getattr(command, name) for name in _COMMAND])

    def pack(self, command: JointCommand) -> memoryview:
        """Numbers only; written over by the next call."""
        return self._numbers.pack(command.stamp, [getattr(command, name) for name in _COMMAND])

    def unpack(self, data: bytes) -> JointCommand:
        """Raises CommandError unless `data` is as long as it must be."""
        return JointCommand(*self._numbers.unpack(data))

    def read(self, data: bytes) -> JointCommand:
        """Arrays in the robot's joint order. Raises CommandError when a joint is missing, unknown or twice there."""
        return JointCommand(*self._arrays.read(data))
