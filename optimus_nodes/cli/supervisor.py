"""Keeps a list of processes running: starts them, restarts what crashed or hangs, and leaves nothing behind.

One thread, no polling: it sleeps until a process ends or has been silent for too long, a restart is due or a signal
arrives. Signs of life are those of sd_notify(3), which ros/heartbeat.py sends. The state is
written to `processes.json` in the run folder after every change, for `optimus status` and for tests.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from optimus_nodes.cli.signs_of_life import Signs
from optimus_nodes.core.restart import RestartConfig, Restarts
from optimus_nodes.drivers.processes import SHORT_SLICE, signal_group, start_process

STATE_FILE = "processes.json"
NOT_STARTED, RUNNING, WAITING, GIVEN_UP, STOPPED = "not started", "running", "waiting", "given up", "stopped"
REFUSED = 2  # exit code of a process that says it cannot run as it is configured: restarting would not help
_SPARE_AFTER, _SPARE_APART = 10.0, 2.0  # s after a start, when the machine has the time, and one after the other
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last when the terminal is closed
_STOP_STEPS = ((signal.SIGINT, 4.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))


@dataclass(frozen=True)
class ProcessSpec:
    """What to run. `essential`: when it cannot be kept running, everything is stopped.

    `nice` 0 to 19 lets others go first; `realtime` is for whoever moves the robot. `spare`: a command that does the
    same once it reads a byte (optimus_nodes/spare.py); it waits beside the first, and takes over when that crashes.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    essential: bool = True
    nice: int = 0
    realtime: bool = False
    spare: Sequence[str] = ()


class _Child:
    """One process of the list and its history."""

    def __init__(self, spec: ProcessSpec, log: Path, restarts: RestartConfig, spare_after: float) -> None:
        self.spec, self.log, self.restarts = spec, log, Restarts(restarts)
        self.process: subprocess.Popen[bytes] | None = None
        self.spare: subprocess.Popen[bytes] | None = None
        self.spare_after, self.spare_due = spare_after if spec.spare else math.inf, math.inf
        self.handle = -1  # pidfd: readable when the process has ended
        self.state, self.starts, self.due = NOT_STARTED, 0, 0.0
        self.heard: float | None = None  # monotonic s of its last sign of life, None before the first

    def start(self, environment: Mapping[str, str]) -> None:
        with self.log.open("ab") as output:
            output.write(f"--- start {self.starts + 1}: {' '.join(self.spec.command)}\n".encode())
        self.process = self._call_spare() or self._launch(self.spec.command, environment)
        self.handle, self.heard = os.pidfd_open(self.process.pid), None
        self.state, self.starts = RUNNING, self.starts + 1
        self.spare_due = time.monotonic() + self.spare_after

    def prepare_spare(self, environment: Mapping[str, str]) -> None:
        self.spare_due = math.inf
        self.spare = self._launch(self.spec.spare, environment, subprocess.PIPE)

    def end_spare(self) -> None:
        if self.spare is not None:
            signal_group(self.spare.pid, signal.SIGKILL)
            self.spare.communicate()
            self.spare = None

    def _call_spare(self) -> subprocess.Popen[bytes] | None:
        """Let it begin; None when there is none, or it did not live to see this."""
        spare, self.spare = self.spare, None
        if spare is None or spare.stdin is None:
            return None
        with contextlib.suppress(BrokenPipeError), spare.stdin as link:
            link.write(b"1")
        return spare if spare.poll() is None else None

    def _launch(
        self, command: Sequence[str], environment: Mapping[str, str], source: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return start_process(
                command,
                {**environment, **self.spec.environment},
                output,
                nice=self.spec.nice,
                slices=SHORT_SLICE if self.spec.realtime else 0.0,
                source=source,
            )

    def reap(self) -> int:
        """The exit code of the ended process; what it left in its group is ended too."""
        assert self.process is not None
        code = self.process.wait()
        signal_group(self.process.pid, signal.SIGKILL)
        os.close(self.handle)
        self.handle = -1
        return code

    def last_lines(self, count: int = 6) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()[-count:]

    def report(self) -> dict[str, object]:
        running = self.state == RUNNING and self.process is not None
        return {
            "pid": self.process.pid if running and self.process else None,
            "state": self.state,
            "restarts": max(0, self.starts - 1),
            "essential": self.spec.essential,
            "log": str(self.log),
        }


class Supervisor:
    """Runs `specs` until a signal, or until an essential one cannot be kept running.

    `hang_after`: s without a sign of life after which a process that used to send them is killed; 0: never.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        run_dir: Path,
        environment: Mapping[str, str],
        *,
        restarts: RestartConfig | None = None,
        say: Callable[[str], None] = print,
        facts: Mapping[str, object] | None = None,
        hang_after: float = 0.0,
    ) -> None:
        logs = run_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        config = restarts or RestartConfig()
        self._children = [
            _Child(spec, logs / f"{spec.name}.log", config, _SPARE_AFTER + number * _SPARE_APART)
            for number, spec in enumerate(specs)
        ]
        self._run_dir, self._say = run_dir, say
        self._signs = Signs(hang_after)
        self._environment = {**environment, **self._signs.environment}
        self._facts = dict(facts or {})
        self._signals: list[int] = []
        self._exit_code: int | None = None

    def run(self) -> int:
        """Blocks. Returns 0 when stopped by a signal, 2 when an essential process could not be kept running."""
        bell, ring = socket.socketpair()
        bell.setblocking(False)
        ring.setblocking(False)
        before = [signal.signal(number, self._note_signal) for number in _STOPPING]
        old_bell = signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        try:
            for child in self._children:
                child.start(self._environment)
            self._write_state()
            while self._exit_code is None:
                self._wait(bell, self._next_due())
                self._look_after()
            self._stop(bell)
        finally:
            for child in self._children:
                child.end_spare()
                if child.state == RUNNING and child.process is not None:
                    signal_group(child.process.pid, signal.SIGKILL)
            signal.set_wakeup_fd(old_bell)
            for number, handler in zip(_STOPPING, before, strict=True):
                signal.signal(number, handler)
            bell.close()
            ring.close()
            self._signs.close()
        return self._exit_code

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)

    def _next_due(self) -> float | None:
        due = [child.due for child in self._children if child.state == WAITING]
        due += [child.spare_due for child in self._children if child.state == RUNNING and child.spare_due < math.inf]
        due += [child.heard + self._signs.hang_after for child in self._watched()]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _watched(self) -> list[_Child]:
        return [child for child in self._children if child.state == RUNNING and child.heard is not None]

    def _wait(self, bell: socket.socket, timeout: float | None) -> None:
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        poll.register(self._signs.link, select.POLLIN)
        for child in self._children:
            if child.handle >= 0:
                poll.register(child.handle, select.POLLIN)
        poll.poll(None if timeout is None else timeout * 1e3 + 1.0)
        senders = self._signs.senders()
        for child in self._children:
            if child.process is not None and child.process.pid in senders:
                child.heard = time.monotonic()
        try:
            bell.recv(4096)
        except BlockingIOError:
            pass

    def _look_after(self) -> None:
        """Stop when asked to; take note of what ended; start what is due."""
        if self._signals:
            self._exit_code = 0
            return
        changed = False
        for child in self._children:
            if child.state == RUNNING and child.process is not None and child.process.poll() is not None:
                self._on_end(child)
                changed = True
            elif child.state == WAITING and time.monotonic() >= child.due:
                child.start(self._environment)
                changed = True
            elif child.state == RUNNING and time.monotonic() >= child.spare_due:
                child.prepare_spare(self._environment)
        self._kill_what_hangs()
        if changed:
            self._write_state()

    def _kill_what_hangs(self) -> None:
        """The end of what is killed is noticed as that of any other process."""
        for child in self._watched():
            assert child.process is not None and child.heard is not None
            if time.monotonic() - child.heard > self._signs.hang_after:
                self._say(f"{child.spec.name} hangs: no sign of life for {self._signs.hang_after:g} s; killing it")
                signal_group(child.process.pid, signal.SIGKILL)
                child.heard = None

    def _on_end(self, child: _Child) -> None:
        code = child.reap()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        delay = None if code == REFUSED else child.restarts.delay(time.monotonic())
        name, config = child.spec.name, child.restarts.config
        if delay is not None:
            child.state, child.due = WAITING, time.monotonic() + delay
            self._say(f"{name} {how}; restarting it in {delay:.1f} s (log: {child.log})")
            return
        child.state = GIVEN_UP
        child.end_spare()
        why = "it says it cannot run like this" if code == REFUSED else (
            f"it ended more than {config.limit} times in {config.window:.0f} s"
        )
        self._say(f"{name} {how}; given up: {why}. End of {child.log}:")
        for line in child.last_lines():
            self._say(f"    {line}")
        if child.spec.essential:
            self._say(f"{name} is essential: stopping everything")
            self._exit_code = 2

    def _stop(self, bell: socket.socket) -> None:
        """SIGINT, then SIGTERM, then SIGKILL to every process left, each after its deadline; a second
        Ctrl-C goes straight to SIGKILL."""
        seen = len(self._signals)
        for number, patience in _STOP_STEPS:
            alive = [child for child in self._children if child.state == RUNNING]
            for child in alive:
                assert child.process is not None
                if number != signal.SIGINT:
                    self._say(f"{child.spec.name} did not stop; sending {number.name}")
                signal_group(child.process.pid, number)
            deadline = time.monotonic() + patience
            while any(child.state == RUNNING for child in alive) and time.monotonic() < deadline:
                if len(self._signals) > seen and number != signal.SIGKILL:
                    break
                self._wait(bell, max(0.0, deadline - time.monotonic()))
                for child in alive:
                    if child.state == RUNNING and child.process is not None and child.process.poll() is not None:
                        child.reap()
                        child.state = STOPPED
        self._write_state()

    def _write_state(self) -> None:
        state = {
            "supervisor": os.getpid(),
            **self._facts,
            "nodes": {child.spec.name: child.report() for child in self._children},
        }
        scratch = self._run_dir / (STATE_FILE + ".new")
        scratch.write_text(json.dumps(state, indent=1))
        scratch.replace(self._run_dir / STATE_FILE)
