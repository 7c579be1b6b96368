"""Start-up and shutdown of a node in one place.

    def main() -> int:
        return run(lambda: CameraNode())

Exit codes: 0 after Ctrl-C, SIGTERM or a clean end; 1 when the node died of a bug (with its traceback);
2 when a person can mend it (configuration, device, policy), with one line that says how.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from ..core.errors import ConfigError, OptimusError
from .fault_injection import offer_faults
from .heartbeat import beat
from .transport import enter_transport

_PR_SET_TIMERSLACK = 29
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_EXECUTORS: dict[str, Callable[[], Executor]] = {
    "events": EventsExecutor,
    "single": SingleThreadedExecutor,
    "threads": lambda: MultiThreadedExecutor(num_threads=2),
}


def run(make_node: Callable[[], Node], executor: str = "events", argv: Sequence[str] | None = None) -> int:
    """Start rclpy, make the node, spin it until it is told to stop, and clean up. Returns the exit code.

    Args: executor: "events" (cheapest, one thread), "single", or "threads" (two threads, for nodes with callbacks
    that wait). argv: ROS arguments, those of the process by default. A node with its own threads ends
    them in `destroy_node`, which is always called.
    """
    enter_transport()
    node: Node | None = None
    spinner: Executor | None = None
    started = False
    wrong: list[int] = []  # exit codes due to what went wrong in threads

    def on_bug(what: threading.ExceptHookArgs) -> None:
        """What goes wrong in one of the node's threads ends the node, as it does in a callback."""
        if rclpy.ok() and what.exc_type is not SystemExit:  # otherwise the node is being shut down under its hands
            wrong.append(_report(what.exc_value))
            rclpy.try_shutdown()

    threading.excepthook = on_bug
    try:
        _init(list(sys.argv if argv is None else argv))
        started = True
        node = make_node()
        offer_faults(node)
        beat(node)
        spinner = _EXECUTORS[executor]()
        spinner.add_node(node)
        _spin(spinner)
        return wrong[0] if wrong else 0
    except (KeyboardInterrupt, ExternalShutdownException, SystemExit):
        return wrong[0] if wrong else 0
    except Exception as error:
        if started and not rclpy.ok() and not isinstance(error, OptimusError):
            return wrong[0] if wrong else 0  # a signal or a thread ended rclpy in the middle of something
        return _report(error)
    finally:
        _shut_down(node, spinner)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not turn a clean end into a death


def _report(error: BaseException | None) -> int:
    """Say at once what went wrong, and return the exit code that is due to it."""
    if isinstance(error, OptimusError):
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    traceback.print_exception(error)
    return 1


def precise_timers() -> None:
    """Let this process's timers fire when they are due, not up to 50 us later (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def real_time(priority: int = 20) -> str:
    """Put this process before all ordinary ones, as far as the system lets it; says what it got.

    Call it before the node is made, so that its transport threads are included. Needs root, CAP_SYS_NICE or an
    `rtprio` limit, and for its memory a `memlock` limit of unlimited (/etc/security/limits.conf, `optimus doctor`);
    without them the process stays ordinary.
    """
    precise_timers()
    sys.setswitchinterval(2e-4)  # s, not 5e-3: a thread with something urgent does not wait for another one's Python
    if sys.platform == "linux":
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
            return f"SCHED_FIFO {priority}" + (", memory locked" if lock_memory() else "")
        except OSError:
            pass  # an ordinary process on an ordinary machine
    return "ordinary"


def lock_memory() -> bool:
    """Keep what this process has in memory there, from now on; False where it is not allowed without a limit.

    With a limit it is not tried: memory that is needed later would be refused instead of swapped.
    """
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if os.geteuid() != 0 and limit != resource.RLIM_INFINITY:
        return False
    return ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0


def _init(arguments: list[str]) -> None:
    # rclpy shuts itself down on SIGINT; Python's KeyboardInterrupt on top of that could strike during the clean-up.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.ALL)
    except (RuntimeError, ValueError) as error:  # RCLError is a RuntimeError: bad --ros-args, parameter file or domain
        reason = str(error).split(", at /")[0]
        raise ConfigError(f"ROS does not start: {reason} (command line, parameter file, ROS_DOMAIN_ID)") from None


def _spin(executor: Executor) -> None:
    """Spin until rclpy is shut down. EventsExecutor.spin() without a timeout never wakes up in rclpy 7.1.5."""
    if isinstance(executor, (SingleThreadedExecutor, MultiThreadedExecutor)):
        executor.spin()
        return
    never: Future = Future()
    while rclpy.ok():
        executor.spin_until_future_complete(never, timeout_sec=1.0)


def _shut_down(node: Node | None, executor: Executor | None) -> None:
    if node is not None:
        if executor is not None:
            executor.remove_node(node)
            # EventsExecutor aborts the process when it is deleted while a callback is left: it never is.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(executor))
        node.destroy_node()
    rclpy.try_shutdown()
