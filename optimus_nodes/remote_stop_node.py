"""The robot's end of a stop button that a person holds far away: `optimus stop-button` is the other.

Out: remote_stop/challenge ten times a second, emergency_stop, /diagnostics. In: remote_stop/answer. The stop is pressed
until somebody holds the button, and again as soon as nobody has answered for `timeout` s: the button was pressed, the
person's machine ended or hangs, or the link is broken. Released, the stop still has to be reset. When this node itself
ends, joint_control_node stops the robot.
"""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import dataclass, field

from rclpy.node import Node
from std_msgs.msg import Bool, UInt64

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.remote_stop import RemoteStop
from optimus_nodes.ros import lease, qos
from optimus_nodes.ros.diagnostics import OK, WARN, Health, Reporter
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.runtime import real_time, run

ASK_EVERY_S, LOOK_EVERY_S = 0.1, 0.02


@dataclass(frozen=True)
class RemoteStopParams:
    """Parameters of remote_stop_node."""

    timeout: float = field(default=0.5, metadata={"doc": "Without an answer for so long: stop, s. 0.2 to 5."})

    def __post_init__(self) -> None:
        if not 0.2 <= self.timeout <= 5.0:
            raise ConfigError(f"parameter timeout is {self.timeout}; allowed are 0.2 to 5 s")


class RemoteStopNode(Node):
    """The shell around RemoteStop."""

    def __init__(self) -> None:
        super().__init__("remote_stop")
        self._stop = RemoteStop(declare(self, RemoteStopParams).timeout, lambda: secrets.randbits(64))
        self._said: bool | None = None
        self._out = self.create_publisher(Bool, "emergency_stop", qos.LATCHED)
        self._ask = self.create_publisher(UInt64, "remote_stop/challenge", qos.STATE)
        self.create_subscription(UInt64, "remote_stop/answer", self._on_answer, qos.STATE)
        self.create_timer(ASK_EVERY_S, self._on_ask)
        self.create_timer(LOOK_EVERY_S, self._on_look)
        lease.announce(self)
        self._reporter = Reporter(self, self._health, "remote stop")
        self._on_look()

    def _on_ask(self) -> None:
        self._ask.publish(UInt64(data=self._stop.challenge(time.monotonic())))

    def _on_answer(self, message: UInt64) -> None:
        try:
            self._stop.answer(message.data, time.monotonic())
        except CommandError as error:
            self.get_logger().warning(f"remote_stop/answer: {error}", throttle_duration_sec=1.0)
        self._on_look()

    def _on_look(self) -> None:
        pressed = self._stop.pressed(time.monotonic())
        if pressed != self._said:
            self._said = pressed
            self._out.publish(Bool(data=pressed))
            self.get_logger().warning("nobody holds the remote stop: stop" if pressed else "the remote stop is held")

    def _health(self) -> Health:
        values = {"round_trip_ms": self._stop.round_trip * 1e3, "answers_refused": self._stop.refused}
        if self._said:
            return Health(WARN, "nobody holds the remote stop (`optimus stop-button`)", values)
        return Health(OK, "held", values)


def main() -> int:
    """Entry point."""
    real_time(priority=15)
    return run(RemoteStopNode)


if __name__ == "__main__":
    sys.exit(main())
