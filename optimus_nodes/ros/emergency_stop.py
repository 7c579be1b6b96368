"""Whatever may stop the robot at once, and the one service that ends a stop, wired to a joint controller."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from ..core.joint_controller import JointController
from . import lease, qos
from .one_at_a_time import OneAtATime

STILL_STOPPED = "still stopped: release the button first (publish false on emergency_stop); a stop lasts at least 0.5 s"


def hear_stop(node: Node, heard: Callable[[Bool], None]) -> None:
    """Call `heard` with every press and release of the button, whatever its sender's QoS is."""
    quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
    for profile in (qos.LATCHED, qos.ANY):
        node.create_subscription(Bool, "emergency_stop", heard, profile, event_callbacks=quiet)


class EmergencyStop:
    """Listens to `emergency_stop`, offers `emergency_stop/reset`, and stops when a remote stop that was there ends."""

    def __init__(self, node: Node, controller: JointController, one: OneAtATime) -> None:
        self._node, self._controller = node, controller
        hear_stop(node, one(self._on_stop))
        node.create_service(Trigger, "emergency_stop/reset", one(self._on_reset))
        lease.watch_part(node, "remote_stop", one(self._on_remote_lost), lease.PRESENCE_S)

    def _on_stop(self, message: Bool) -> None:
        self._controller.emergency_stop(message.data)
        self._node.get_logger().warning(f"emergency stop {'pressed' if message.data else 'released'}")

    def _on_remote_lost(self) -> None:
        """Its node ended: a stop, but no button that somebody would have to release."""
        self._controller.emergency_stop(True)
        self._controller.emergency_stop(False)
        self._node.get_logger().warning("emergency stop: remote_stop_node is gone")

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        done = self._controller.reset_emergency_stop()
        return Trigger.Response(success=done, message="no emergency stop any more" if done else STILL_STOPPED)
