"""Signs of life of a node's executor, for whoever started the process: a supervisor or systemd (WatchdogSec=).

The protocol is that of sd_notify(3): datagrams "WATCHDOG=1" to the socket NOTIFY_SOCKET, several times within
WATCHDOG_USEC.
"""

from __future__ import annotations

import os
import socket

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

SIGN = b"WATCHDOG=1"
_TIMES = 4.0  # signs within the time after which the process counts as hanging


def beat(node: Node) -> None:
    """Send signs of life while the executor of `node` turns; nothing when nobody asked for them."""
    address, microseconds = os.environ.get("NOTIFY_SOCKET", ""), os.environ.get("WATCHDOG_USEC", "")
    if not address or not microseconds.isdecimal() or int(microseconds) == 0:
        return
    link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    target = "\0" + address[1:] if address.startswith("@") else address

    def sign() -> None:
        try:
            link.sendto(SIGN, target)
        except OSError:
            pass  # who started this process is gone, or too busy to listen

    sign()
    node.create_timer(int(microseconds) * 1e-6 / _TIMES, sign, clock=Clock(clock_type=ClockType.STEADY_TIME))
