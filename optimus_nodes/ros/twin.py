"""A faster twin of a topic, for our own nodes on the same machine: packets by a local link instead of messages.

The publisher says on <topic>/local (latched) where its link is and what its packets hold. A subscription follows it
wherever it can, and takes the ordinary topic from any other publisher: a driver of another package, a bag that is
played, a robot elsewhere. What comes by the link is handed over in a thread of its own; one_at_a_time.py is for nodes
that share things with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from optimus_humanoid.msg import LocalLink
from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from ..drivers.processes import this_machine
from . import qos
from .local_link import LinkReader, LinkWriter

LOOK_ROUND_S = 0.1  # how soon a publisher of another kind is noticed


def _twin(topic: str) -> str:
    return f"{topic}/local"


class TwinPublisher:
    """The publisher's end; one thread uses it. Make it before the publisher of `topic` itself: who finds that one knows
    then that there is a better way. `layout`: what the packets hold; a subscription must expect the same."""

    def __init__(self, node: Node, topic: str, layout: str) -> None:
        self._node = node
        self._link: LinkWriter | None = None
        try:
            self._link = LinkWriter()
        except OSError as error:  # no abstract sockets here
            node.get_logger().warning(f"{topic} goes as messages only: {error}")
            return
        self._where = node.create_publisher(LocalLink, _twin(topic), qos.LATCHED)
        self._where.publish(LocalLink(machine=this_machine(), address=self._link.address, layout=layout))

    @property
    def wanted(self) -> bool:
        """Whether anybody reads."""
        return self._link is not None and self._link.wanted(time.monotonic())

    def send(self, packet: bytes | memoryview) -> None:
        """To whoever reads; never waits."""
        if self._link is not None:
            self._link.send(packet)

    def close(self) -> None:
        """End the link; its readers take the messages, if there are any."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def end(self) -> None:
        """Offer it no longer while the node goes on."""
        if self._link is not None:
            self.close()
            self._node.destroy_publisher(self._where)


class TwinSubscription:
    """Calls `take` with the newest packet of `topic`'s twin, or with each (`all_of_them`), in a thread of its own.

    Packets have `size` bytes; one that is longer comes as one byte too many.
    Where the twin can't be had, or not from every publisher, it calls `subscribe`, which makes the subscription to the
    ordinary topic. Never both at once.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        layout: str,
        size: int,
        take: Callable[[bytes], None],
        subscribe: Callable[[], Subscription],
        all_of_them: bool = False,
    ) -> None:
        self._node, self._layout, self._take, self._subscribe = node, layout, take, subscribe
        self._all, self._room = all_of_them, size + 1
        self.name = node.resolve_topic_name(topic)
        self._ways = _Ways(node, self.name)
        self._plain: Subscription | None = None
        self._link: LinkReader | None = None
        self._address = ""
        self._out_of_reach = False  # a twin was told of that this process can't use
        self._told = node.create_subscription(LocalLink, _twin(topic), self._on_where, qos.LATCHED)
        self._timer = node.create_timer(LOOK_ROUND_S, self._look_round)

    def close(self) -> None:
        """End the link's thread; call it before the node is destroyed."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def destroy(self) -> None:
        """End it all while the node goes on."""
        self._node.destroy_timer(self._timer)
        self.close()
        for subscription in (self._told, self._plain):
            if subscription is not None:
                self._node.destroy_subscription(subscription)

    def out_of_reach(self, why: object) -> None:
        """What the packets speak of can't be had here: take the messages from now on. Any thread may say so."""
        self._out_of_reach = True
        self._node.get_logger().info(f"{self.name} comes as messages, which is slower: {why}")

    def _on_where(self, message: LocalLink) -> None:
        self.close()
        usable = message.machine == this_machine() and message.layout == self._layout
        self._address, self._out_of_reach = message.address, False
        if not usable:
            self.out_of_reach(f"it is on another machine, or its packets hold {message.layout!r}")
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
                self._link = LinkReader(self._address, self._take, self._all, self._room)
            except OSError:  # its process ended, or lives in a container that shares DDS with this one, but no sockets
                self._address, self._link, self._out_of_reach = "", None, True


class _Ways:
    """Looks at who publishes a topic and its twin."""

    def __init__(self, node: Node, name: str) -> None:
        self._node, self._names = node, (name, _twin(name))
        self._seen: tuple[int | bool, ...] | None = None
        self._needed = False

    def plain_needed(self, out_of_reach: bool) -> bool:
        """Whether the ordinary topic is needed to hear everyone: the twin is `out_of_reach`, one publisher does not
        offer it, or several do and would be confused."""
        node = self._node
        seen = (*(node.count_publishers(name) for name in self._names), out_of_reach)
        if seen != self._seen:  # looking closer costs more
            plain, fast = ([_sender(info) for info in node.get_publishers_info_by_topic(name)] for name in self._names)
            self._seen = None if None in plain + fast else seen
            self._needed = out_of_reach or len(fast) > 1 or not set(plain) <= set(fast)
        return self._needed


def _sender(info: TopicEndpointInfo) -> str | None:
    """The node that publishes, None while its name is not known yet."""
    return None if info.node_name.startswith("_NODE") else f"{info.node_namespace}/{info.node_name}"
