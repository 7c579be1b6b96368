"""The robot for one sender of commands alone: asked for when it begins, kept by its commands, never snatched back."""

from __future__ import annotations

import time
from collections.abc import Callable

from optimus_humanoid.msg import ControlOwner
from optimus_humanoid.srv import AcquireControl
from rclpy.node import Node
from rclpy.task import Future

from . import qos

_NEW_BEGINNING = 0.5  # s without a command after which the next one is a new beginning


class ControlLease:
    """`number` is what commands must carry; `overtaken`: another one of the same source has the robot.

    Without a controller that gives leases out they go without one. Who was overtaken by another one of the same source
    has to let go, or to be silent for half a second, before it may ask again: two operators would snatch the robot
    from each other.
    """

    def __init__(self, node: Node, source: str, warn: Callable[[str], None]) -> None:
        self._source, self._warn = source, warn
        self._client = node.create_client(AcquireControl, "acquire_control")
        node.create_subscription(ControlOwner, "control_owner", self._on_owner, qos.LATCHED)
        self._asked: Future | None = None
        self._told = self.overtaken = False
        self._last = 0.0
        self.number = 0

    def ready(self) -> bool:
        """Whether a command can be sent now; asks for the robot when nobody has."""
        now = time.monotonic()
        if now - self._last > _NEW_BEGINNING:
            self.overtaken = False
        self._last = now
        if self.overtaken:
            return False
        if self.number or not self._client.service_is_ready():
            return True
        if self._asked is None:
            self._asked = self._client.call_async(AcquireControl.Request(source=self._source))
            self._asked.add_done_callback(self._on_answer)
        return False

    def drop(self) -> None:
        """It was given back, or let go."""
        self.number, self.overtaken = 0, False

    def _on_answer(self, future: Future) -> None:
        answer, self._asked = future.result(), None
        if answer is not None and answer.success:
            self.number, self._told = answer.lease, False
        elif answer is not None:
            self._warn(answer.message)

    def _on_owner(self, message: ControlOwner) -> None:
        self._told = self._told or message.lease == self.number
        if not self.number or not self._told or message.lease == self.number:
            return  # news from before the answer change nothing
        self.overtaken = message.owner == self._source
        if self.overtaken:
            self._warn(f"somebody else took the robot as {self._source}; let go to take it back")
        self.number = 0
