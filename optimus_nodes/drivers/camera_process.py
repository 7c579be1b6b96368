"""The process that draws the simulated cameras: started, fed with instants, started again when it ends.

It is a process of its own because drawing costs half a core: beside the physics in one interpreter it
made joint states late, and on its own it can give way to whatever keeps the robot in control.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence

from ..core.restart import Restarts
from .snapshots import SceneInstant, send_instant, snapshot_link


class CameraProcess:
    """Times are monotonic s. `command` gives the command line for the file descriptor the process reads from.

    The process must call `processes.tie_to_parent` first, so that it never outlives this one.
    """

    def __init__(self, command: Callable[[int], Sequence[str]]) -> None:
        self._command, self._restarts = command, Restarts()
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._due: float | None = 0.0
        self.sent = self.refused = 0

    def offer(self, instant: SceneInstant) -> None:
        """Have this instant drawn; it is left out when the process is not there or too far behind."""
        if self._link is not None and send_instant(self._link, instant):
            self.sent += 1
        else:
            self.refused += 1

    def look_after(self, monotonic: float) -> str:
        """Start the process when it is due; returns what went wrong since the last call, "" when nothing did."""
        if self._process is not None and self._process.poll() is not None:
            code = self._process.returncode
            self._close()
            delay = self._restarts.delay(monotonic)
            self._due = None if delay is None else monotonic + delay
            again = "given up" if delay is None else f"starting it again in {delay:.1f} s"
            return f"the camera process ended with code {code}; {again}"
        if self._process is None and self._due is not None and monotonic >= self._due:
            self._start()
        return ""

    @property
    def given_up(self) -> bool:
        """True when it ended too often."""
        return self._process is None and self._due is None

    def stop(self) -> None:
        """End the process."""
        process = self._process
        self._due = None
        self._close()
        if process is not None:
            try:
                process.wait(2.0)  # it ends by itself when its socket closes
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()

    def _start(self) -> None:
        self._link, receiver = snapshot_link()
        with receiver:
            descriptor = receiver.fileno()
            self._process = subprocess.Popen(
                list(self._command(descriptor)), pass_fds=[descriptor], stdin=subprocess.DEVNULL, env=dict(os.environ)
            )

    def _close(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = self._process = None
