"""Makes a node misbehave on request, for the tests of those that depend on it. Off unless OPTIMUS_ALLOW_FAULTS=1.

Every node offers `~/inject_fault`, so that a request that is refused says why.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from optimus_humanoid.srv import InjectFault
from rclpy.node import Node

from .one_at_a_time import OneAtATime

ALLOW = "OPTIMUS_ALLOW_FAULTS"
_SIZE, _HELD = 2 << 30, 1.0  # bytes; s
SOON = 0.02  # s: the answer leaves first


def offer_faults(node: Node) -> None:
    """The service `~/inject_fault`."""

    def inject(request: InjectFault.Request, response: InjectFault.Response) -> InjectFault.Response:
        fault = FAULTS.get(request.fault)
        if os.environ.get(ALLOW) != "1":
            response.message = f"faults are off: start the node with {ALLOW}=1 in its environment to allow them"
        elif fault is None:
            response.message = f"no fault {request.fault!r}; there are {', '.join(FAULTS)}"
        else:
            response.success, response.message = True, request.fault
            node.get_logger().warning(f"fault injected: {request.fault}")
            timer = node.create_timer(SOON, lambda: (timer.cancel(), fault()))
        return response

    node.create_service(InjectFault, "~/inject_fault", inject)


def _busy_loop() -> None:
    while True:
        pass


def _deadlock() -> None:
    """Take what other threads of this process wait for, and wait for what never comes."""
    OneAtATime.take_all()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def _allocate() -> None:
    """Two gigabytes, every page of them written, and freed a moment later."""
    memory = bytearray(_SIZE)
    memory[:: os.sysconf("SC_PAGE_SIZE")] = b"\1" * len(range(0, _SIZE, os.sysconf("SC_PAGE_SIZE")))
    time.sleep(_HELD)


FAULTS: dict[str, Callable[[], None]] = {"busy_loop": _busy_loop, "deadlock": _deadlock, "allocate": _allocate}
