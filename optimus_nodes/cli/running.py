"""A graph running under its own supervisor process, for programs that start one, use it and end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from optimus_nodes.cli.environment import graph_environment
from optimus_nodes.cli.supervisor import GIVEN_UP, STATE_FILE
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.drivers.processes import child_processes, cpu_seconds, is_alive, memory_mb, start_process


class RunningGraph:
    """`optimus up` in a process of its own. Use it in a `with` block; nothing is left when the block ends.

    Start it before this process starts any thread (rclpy starts some). `options` are those of `optimus up`; it has no
    spare processes, unless `spares`: who uses it for a minute would only wait for their modules.
    """

    def __init__(self, run_dir: Path, domain: int, options: Sequence[str] = (), spares: bool = False) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self.run_dir, self.domain = run_dir, domain
        self._log = run_dir / "supervisor.log"
        self._output = self._log.open("wb")
        command = [sys.executable, "-m", "optimus_nodes.cli.main", "up"]
        command += ["--domain", str(domain), "--run-dir", str(run_dir), *options]
        command += ["--spares" if spares else "--no-spares"]
        if "--only" not in options:
            command += ["--set", f"recorder.folder={(run_dir / 'recording').resolve()}"]
        self.process: subprocess.Popen[bytes] = start_process(
            command, graph_environment(domain), self._output, death_signal=signal.SIGTERM
        )

    def state(self) -> dict[str, dict[str, Any]]:
        """Every node's pid, state, restarts and log; empty before the supervisor has started them."""
        try:
            state = json.loads((self.run_dir / STATE_FILE).read_text())
        except FileNotFoundError:
            return {}
        return dict(state["nodes"])

    def pid(self, node: str) -> int | None:
        """Process id of a running node."""
        pid = self.state().get(node, {}).get("pid")
        return pid if isinstance(pid, int) and is_alive(pid) else None

    def processes(self) -> dict[str, int]:
        """Process id by name: the supervisor, every node and what the nodes started themselves."""
        found = {"supervisor": self.process.pid}
        for name, node in self.state().items():
            if node["pid"]:
                found[name] = node["pid"]
        for name, pid in list(found.items()):
            if name != "supervisor":
                for number, child in enumerate(child_processes(pid), start=1):
                    found[f"{name}.{number}"] = child
        return found

    def memory(self) -> dict[str, dict[str, float]]:
        """MB by process name: rss, pss, peak."""
        return {name: memory_mb(pid) for name, pid in self.processes().items()}

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time used so far, by process name."""
        return {name: cpu_seconds(pid) for name, pid in self.processes().items()}

    def check(self) -> None:
        """Raises DeviceError with the reason when the graph has ended or a node was given up."""
        lost = [name for name, node in self.state().items() if node["state"] == GIVEN_UP and node["essential"]]
        if self.process.poll() is not None or lost:
            said = self._log.read_text(errors="replace").strip().splitlines()[-8:]
            raise DeviceError("the graph does not run:\n  " + "\n  ".join(said))

    def stop(self, patience: float = 12.0) -> int:
        """Stop everything, as Ctrl-C does; returns the supervisor's exit code."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()  # the kernel ends its children with it
        code = self.process.wait()
        self._output.close()
        return code

    def __enter__(self) -> RunningGraph:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wait_for_nodes(graph: RunningGraph, timeout: float = 10.0) -> None:
    """Wait until the supervisor has started every node. Raises DeviceError when it does not."""
    end = time.monotonic() + timeout
    while not graph.state():
        graph.check()
        if time.monotonic() > end:
            raise DeviceError(f"the supervisor did not start the nodes within {timeout:g} s; see {graph.run_dir}")
        time.sleep(0.05)
