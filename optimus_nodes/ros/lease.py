"""Notice within a tenth of a second that the process behind a topic died.

A latched message outlives its meaning when its sender is killed: nobody is left to take it back. And a policy that
takes long to answer can't be told from a dead one by its silence. The sender offers a lease (DDS liveliness), and who
must not go on alone watches it:

    node.create_publisher(Task, "task", lease.OFFERED)
    lease.watch(node, Task, "task", on_lost)

Other subscribers and publishers of the topic need not know: `ros2 topic pub` and `echo` work as before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from std_msgs.msg import String

LEASE_S = 0.1
REPEAT_S = 0.04  # from sign to sign, so that one that comes late is not taken for silence after LEASE_S
PRESENCE_S = 0.5  # parts of the robot: long enough for a busy machine, shorter than any restart
PARTS = {
    "joint_control": "the joint controller",
    "vla": "the policy",
    "sim": "the simulator",
    "driver": "the robot's driver",
    "remote_stop": "the remote stop",
}


def offered(lease_s: float) -> QoSProfile:
    """Latched and reliable, and dead when nothing of the sender's process is heard for `lease_s`."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
        liveliness=LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration=Duration(nanoseconds=int(lease_s * 1e9)),
    )


OFFERED = offered(LEASE_S)


def announce(node: Node, lease_s: float = PRESENCE_S, repeat_s: float = 0.0) -> None:
    """Say on `presence/<node>` that this part of the robot lives, for `watch_part` and `watch_parts`.

    A process that hangs keeps its lease. With `repeat_s` its executor says it again so often, until it hangs.
    """
    message = String(data=node.get_name())
    publisher = node.create_publisher(String, f"presence/{message.data}", offered(lease_s))
    publisher.publish(message)
    if repeat_s > 0.0:
        node.create_timer(repeat_s, lambda: publisher.publish(message))


def watch_part(
    node: Node,
    name: str,
    on_lost: Callable[[], None],
    lease_s: float = LEASE_S,
    on_sign: Callable[[Any], None] = lambda _: None,
) -> None:
    """Call `on_lost` when the process of node `name` is gone or silent. It must have announced itself that often.

    `on_sign` is called with each of its announcements.
    """
    watch(node, String, f"presence/{name}", on_lost, lease_s, on_sign)


def watch_parts(node: Node, on_lost: Callable[[str], None]) -> None:
    """Call `on_lost` with the plain name of a part of the robot whose process is gone."""
    for name, plain in PARTS.items():
        watch_part(node, name, partial(on_lost, plain), PRESENCE_S)


def watch(
    node: Node,
    kind: type[Any],
    topic: str,
    on_lost: Callable[[], None],
    lease_s: float = LEASE_S,
    take: Callable[[Any], None] = lambda _: None,
) -> Subscription:
    """Call `take` with each message, and `on_lost` whenever a sender that offered a lease is gone or silent.

    Whatever others there are: who takes its place may be there before it is missed, and knows nothing of what it knew.
    """

    def changed(event: Any) -> None:
        if event.alive_count_change < 0 or event.not_alive_count_change > 0:
            on_lost()

    # Senders without a lease (a person with `ros2 topic pub`) do not match this subscription; that is meant.
    events = SubscriptionEventCallbacks(liveliness=changed, incompatible_qos=lambda _: None)
    return node.create_subscription(kind, topic, take, offered(lease_s), event_callbacks=events)
