"""Who moves the robot: told on `control_owner`, so that recordings can mark what a person did; leases on request."""

from __future__ import annotations

import time

from optimus_humanoid.msg import ControlOwner
from optimus_humanoid.srv import AcquireControl
from rclpy.node import Node

from ..core.errors import CommandError
from ..core.joint_controller import JointController
from . import convert, qos
from .one_at_a_time import OneAtATime


class OwnerTeller:
    """Publishes the owner, latched, whenever it changes."""

    def __init__(self, node: Node) -> None:
        self._last = ("", 0)
        self._owners = node.create_publisher(ControlOwner, "control_owner", qos.LATCHED)

    def tell(self, owner: str, lease: int, stamp: float) -> None:
        """`owner` moves the robot at robot time `stamp`, s."""
        if (owner, lease) != self._last:
            self._last = (owner, lease)
            self._owners.publish(convert.control_owner_to_msg(owner, stamp, lease))


def offer_leases(node: Node, controller: JointController, one: OneAtATime) -> None:
    """The service `acquire_control`."""

    def acquire(request: AcquireControl.Request, response: AcquireControl.Response) -> AcquireControl.Response:
        try:
            response.lease = controller.acquire(request.source, time.monotonic())
            response.success, response.message = True, f"{request.source} has the robot"
        except CommandError as error:
            response.message = str(error)
        return response

    node.create_service(AcquireControl, "acquire_control", one(acquire))


def first_lease() -> int:
    """A number above all that earlier runs of a controller gave out, which can't be one in a tenth of a second."""
    return int(time.time() * 10) % 2**32
