"""Which of two topics to take: the ordinary one, or its faster twin that our own nodes on this machine offer."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

LOOK_ROUND_S = 0.1  # how soon a publisher of another kind is noticed


class Ways:
    """Looks at who publishes a topic and its twin. Names are resolved."""

    def __init__(self, node: Node, plain: str, fast: str) -> None:
        self._node, self._names = node, (plain, fast)
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
