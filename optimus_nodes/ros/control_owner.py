"""Tells on `control_owner` who moves the robot, so that recordings can mark what a person did."""

from __future__ import annotations

from optimus_humanoid.msg import ControlOwner
from rclpy.node import Node

from . import convert, qos


class OwnerTeller:
    """Publishes the owner, latched, whenever it changes."""

    def __init__(self, node: Node) -> None:
        self._last = ""
        self._owners = node.create_publisher(ControlOwner, "control_owner", qos.LATCHED)

    def tell(self, owner: str, stamp: float) -> None:
        """`owner` moves the robot at robot time `stamp`, s."""
        if owner != self._last:
            self._last = owner
            self._owners.publish(convert.control_owner_to_msg(owner, stamp))
