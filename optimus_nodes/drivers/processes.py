"""Linux processes: tied to the life of their parent, started in a group of their own, read from /proc."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def tie_to_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Make the kernel send this process signal `number` when the thread that started it is gone.

    `parent` is the process id of that parent; when it is gone already this process ends at once.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def start_process(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes] | int,
    *,
    nice: int = 0,
    death_signal: int = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own with its output in `output` and no input.

    It gets `death_signal` when the calling thread ends, however that ends. Call it from a thread that
    lives as long as the process shall, best the main thread.
    """
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_preparation(os.getpid(), nice, death_signal),  # it only calls prctl, nice and signal
    )


def _preparation(parent: int, nice: int, death_signal: int) -> Callable[[], None]:
    def prepare() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # a shell's background job ignores SIGINT: ours must not
        tie_to_parent(parent, death_signal)
        if nice:
            os.nice(nice)

    return prepare


def signal_group(process_id: int, number: int) -> None:
    """Send `number` to the session's group started by `start_process`; nothing when it is gone."""
    try:
        os.killpg(process_id, number)
    except (ProcessLookupError, PermissionError):
        pass


def is_alive(process_id: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")


def memory_mb(process_id: int) -> dict[str, float]:
    """`rss`, `pss` (shared pages split among their users) and `peak` (highest rss) in MB; empty when gone."""
    figures: dict[str, float] = {}
    for file, words in (
        ("smaps_rollup", {"Rss:": "rss", "Pss:": "pss"}),
        ("status", {"VmHWM:": "peak"}),
    ):
        try:
            lines = Path(f"/proc/{process_id}/{file}").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if parts and parts[0] in words:
                figures[words[parts[0]]] = round(float(parts[1]) / 1024.0, 1)
    return figures


def cpu_seconds(process_id: int) -> float:
    """Processor time the process has used with all its threads, s; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def child_processes(process_id: int) -> list[int]:
    """Process ids of what the process has started and what still runs."""
    found: list[int] = []
    for file in Path(f"/proc/{process_id}/task").glob("*/children"):
        try:
            found += [int(child) for child in file.read_text().split()]
        except OSError:
            continue
    return [child for child in found if is_alive(child)]
