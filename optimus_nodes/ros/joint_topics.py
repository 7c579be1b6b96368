"""joint_states and joint_commands: without DDS between our nodes on one machine, as usual for everyone else.

    states = state_publisher(node, robot)
    states.publish(state)                         # to our nodes by a local link, on joint_states while others listen
    subscribe_states(node, robot, on_state, refuse)

The publisher says on <topic>/local where its link is. A subscription here follows it wherever it can, and takes the
ordinary topic from any other publisher: a driver of another package, a bag that is played, a robot elsewhere.
What comes by the link is handed over in a thread of its own; one_at_a_time.py is for nodes that share things with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from optimus_humanoid.msg import JointCommand as JointCommandMsg
from optimus_humanoid.msg import LocalLink
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState as JointStateMsg

from ..core.errors import CommandError
from ..core.robot import RobotSpec
from ..core.values import JointCommand, JointState
from ..drivers.processes import this_machine
from . import qos
from .joint_wire import CommandWire, StateWire
from .local_link import LinkReader, LinkWriter
from .ways import LOOK_ROUND_S, Ways

V = TypeVar("V")


class Wire(Protocol[V]):
    """Values as messages, and as numbers of a known layout."""

    layout: str

    def write(self, value: V) -> bytes: ...
    def read(self, data: bytes) -> V | None: ...
    def pack(self, value: V) -> memoryview: ...
    def unpack(self, data: bytes) -> V: ...


class JointPublisher(Generic[V]):
    """Publishes one topic, in one thread at a time."""

    def __init__(self, node: Node, kind: type[Any], topic: str, profile: QoSProfile, wire: Wire[V]) -> None:
        self._wire = wire
        self._link: LinkWriter | None = None
        try:
            self._link = LinkWriter()
        except OSError as error:  # no abstract sockets here
            node.get_logger().warning(f"{topic} goes as messages only: {error}")
        if self._link is not None:  # first the faster way: who finds the other one knows of it then
            self._where = node.create_publisher(LocalLink, f"{topic}/local", qos.LATCHED)
            here = LocalLink(machine=this_machine(), address=self._link.address, layout=wire.layout)
            self._where.publish(here)
        self._messages = node.create_publisher(kind, topic, profile)

    def publish(self, value: V) -> None:
        """To whoever listens."""
        if self._link is not None and self._link.wanted(time.monotonic()):
            self._link.send(self._wire.pack(value))
        if self._messages.get_subscription_count():
            self._messages.publish(self._wire.write(value))

    def close(self) -> None:
        """End the link; its readers take the messages, if there are any."""
        if self._link is not None:
            self._link.close()
            self._link = None


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
        self._node, self._wire, self._take, self._refuse = node, wire, take, refuse
        self._name = node.resolve_topic_name(topic)
        self._ways = Ways(node, self._name, f"{self._name}/local")
        heard = as_it_came or self._on_message
        self._subscribe = partial(node.create_subscription, kind, topic, heard, profile, raw=True)
        self._all = all_of_them
        self._plain: Subscription | None = None
        self._link: LinkReader | None = None
        self._address = ""
        self._out_of_reach = False  # a link was told of that this process can't use
        node.create_subscription(LocalLink, f"{topic}/local", self._on_where, qos.LATCHED)
        node.create_timer(LOOK_ROUND_S, self._look_round)

    def close(self) -> None:
        """End the link's thread; call it before the node is destroyed."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _on_where(self, message: LocalLink) -> None:
        self.close()
        usable = message.machine == this_machine() and message.layout == self._wire.layout
        self._address, self._out_of_reach = message.address if usable else "", not usable
        if not usable:
            self._node.get_logger().info(f"{self._name} comes as messages: its link holds {message.layout!r}")
        self._look_round()

    def _look_round(self) -> None:
        """Take the ordinary topic while it, or part of it, can't be had by the link."""
        if self._ways.plain_needed(self._out_of_reach):
            self.close()
            if self._plain is None:
                self._plain = self._subscribe()
            return
        if self._plain is not None:
            self._node.destroy_subscription(self._plain)
            self._plain = None
        if self._address and (self._link is None or self._link.ended):
            try:
                self._link = LinkReader(self._address, self._on_numbers, self._all)
            except OSError:  # its process ended, or lives in a container that shares DDS with this one, but no sockets
                self._address, self._link, self._out_of_reach = "", None, True

    def _on_numbers(self, data: bytes) -> None:
        self._hand_over(self._wire.unpack, data)

    def _on_message(self, data: bytes) -> None:
        self._hand_over(self._wire.read, data)

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
