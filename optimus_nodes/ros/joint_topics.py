"""joint_states and joint_commands: by their faster twin between our nodes on one machine, as usual for everyone else.

    states = state_publisher(node, robot)
    states.publish(state)                         # to our nodes by a local link, on joint_states while others listen
    subscribe_states(node, robot, on_state, refuse)

See twin.py for who takes which, and in which thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from optimus_humanoid.msg import JointCommand as JointCommandMsg
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState as JointStateMsg

from ..core.errors import CommandError
from ..core.robot import RobotSpec
from ..core.values import JointCommand, JointState
from . import qos
from .joint_wire import CommandWire, StateWire
from .twin import TwinPublisher, TwinSubscription

V = TypeVar("V")


class Wire(Protocol[V]):
    """Values as messages, and as numbers of a known layout."""

    layout: str
    size: int  # bytes of the numbers

    def write(self, value: V) -> bytes: ...
    def read(self, data: bytes) -> V | None: ...
    def pack(self, value: V) -> memoryview: ...
    def unpack(self, data: bytes) -> V: ...


class JointPublisher(Generic[V]):
    """Publishes one topic, in one thread at a time."""

    def __init__(self, node: Node, kind: type[Any], topic: str, profile: QoSProfile, wire: Wire[V]) -> None:
        self._wire = wire
        self._twin = TwinPublisher(node, topic, wire.layout)
        self._messages = node.create_publisher(kind, topic, profile)

    def publish(self, value: V) -> None:
        """To whoever listens."""
        if self._twin.wanted:
            self._twin.send(self._wire.pack(value))
        if self._messages.get_subscription_count():
            self._messages.publish(self._wire.write(value))

    def close(self) -> None:
        """End the link; its readers take the messages, if there are any."""
        self._twin.close()


class JointSubscription(Generic[V]):
    """Calls `take` with each value, or the newest ones when it is slow.

    `refuse` is called with what is wrong about one, also when `take` raises CommandError. `take` runs in a thread of
    its own or in the node's executor, never in both at once. `all_of_them`: no value is left out for a newer one.
    `as_it_came`: takes the bytes of ordinary messages instead.
    """

    def __init__(
        self,
        node: Node,
        kind: type[Any],
        topic: str,
        profile: QoSProfile,
        wire: Wire[V],
        take: Callable[[V], None],
        refuse: Callable[[CommandError], None],
        all_of_them: bool = False,
        as_it_came: Callable[[bytes], None] | None = None,
    ) -> None:
        self._take, self._refuse = take, refuse
        heard = as_it_came or partial(self._hand_over, wire.read)
        subscribe = partial(node.create_subscription, kind, topic, heard, profile, raw=True)
        packets = (wire.layout, wire.size, partial(self._hand_over, wire.unpack))
        self._twin = TwinSubscription(node, topic, *packets, subscribe, all_of_them)

    def close(self) -> None:
        """End the link's thread; call it before the node is destroyed."""
        self._twin.close()

    def _hand_over(self, read: Callable[[bytes], V | None], data: bytes) -> None:
        try:
            value = read(data)
            if value is not None:
                self._take(value)
        except CommandError as error:
            self._refuse(error)


def state_publisher(node: Node, robot: RobotSpec) -> JointPublisher[JointState]:
    """Of joint_states."""
    return JointPublisher(node, JointStateMsg, "joint_states", qos.STATE, StateWire(robot))


def command_publisher(
    node: Node, robot: RobotSpec, topic: str = "joint_commands", profile: QoSProfile = qos.COMMAND
) -> JointPublisher[JointCommand]:
    """Of joint_commands, or applied_joint_commands."""
    return JointPublisher(node, JointCommandMsg, topic, profile, CommandWire(robot))


def subscribe_states(
    node: Node, robot: RobotSpec, take: Callable[[JointState], None], refuse: Callable[[CommandError], None]
) -> JointSubscription[JointState]:
    """To joint_states."""
    return JointSubscription(node, JointStateMsg, "joint_states", qos.STATE, StateWire(robot), take, refuse)


def subscribe_commands(
    node: Node, robot: RobotSpec, take: Callable[[JointCommand], None], refuse: Callable[[CommandError], None]
) -> JointSubscription[JointCommand]:
    """To joint_commands."""
    return JointSubscription(node, JointCommandMsg, "joint_commands", qos.COMMAND, CommandWire(robot), take, refuse)


def record_joints(
    node: Node, robot: RobotSpec, kind: type[Any], topic: str, profile: QoSProfile, heard: Callable[[bytes], None]
) -> JointSubscription[Any]:
    """To all messages of a topic of joint states or commands, as serialised messages whichever way they come."""
    wire: Wire[Any] = StateWire(robot) if kind is JointStateMsg else CommandWire(robot)

    def refuse(error: CommandError) -> None:
        node.get_logger().error(f"not recorded: {error}", throttle_duration_sec=5.0)

    return JointSubscription(
        node, kind, topic, profile, wire, lambda value: heard(wire.write(value)), refuse, True, heard
    )
