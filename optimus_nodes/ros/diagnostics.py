"""What a node reports about itself on /diagnostics, once a second."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from .qos import DIAGNOSTICS

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)
LEVELS = (OK, WARN, ERROR, STALE)


@dataclass(frozen=True)
class Health:
    """`level` is OK, WARN, ERROR or STALE; `message` one plain sentence; `values` what can be counted."""

    level: bytes = OK
    message: str = "ok"
    values: Mapping[str, object] = field(default_factory=dict)


class Reporter:
    """Calls `health` every `period` s and publishes the answer as `<node>: <name>`."""

    def __init__(self, node: Node, health: Callable[[], Health], name: str = "state", period: float = 1.0) -> None:
        self._node, self._health, self._name = node, health, name
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", DIAGNOSTICS)
        self._timer = node.create_timer(period, self.publish)

    def publish(self) -> None:
        """Report now, for example right before the node ends."""
        health = self._health()
        status = DiagnosticStatus(
            level=health.level,
            name=f"{self._node.get_name()}: {self._name}",
            message=health.message,
            hardware_id=self._node.get_namespace().strip("/"),
            values=[KeyValue(key=key, value=_text(value)) for key, value in health.values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)


def _text(value: object) -> str:
    """Numbers with six significant digits; a figure that does not exist yet is empty."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)
