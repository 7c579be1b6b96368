"""Linux processes: tied to the life of their parent, started in a group of their own, read from /proc."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # number of the system call, for which the C library has no name
SHORT_SLICE = 0.0005  # s
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def this_machine() -> int:
    """A number of 64 bit that is another one on each machine, and after each of its starts."""
    return int(_BOOT_ID.read_text().strip().replace("-", "")[:16], 16)


def tie_to_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Make the kernel send this process signal `number` when the thread that started it is gone.

    `parent` is the process id of that parent; when it is gone already this process ends at once.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def give_way(nice: int) -> None:
    """Be an ordinary process again that lets others go first by `nice`, 0 to 19, whatever was inherited."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(nice)
    use_slices(0.0)


def use_slices(seconds: float) -> bool:
    """Ask the scheduler for turns of this length on the processor, s; 0 for its own choice, about 3 ms.

    Who asks for short turns gets the next one soon, also from somebody in the middle of a longer one: so a
    control loop is not late because a picture is being drawn. Needs no privilege; False before Linux 6.12.
    """
    call = _SCHED_SETATTR.get(os.uname().machine)
    if call is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = struct.pack("<IIQiIQQQ", 48, 0, 0, nice, 0, round(seconds * 1e9), 0, 0)
    return bool(_LIBC.syscall(call, 0, ctypes.c_char_p(attributes), 0) == 0)


def start_process(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes] | int,
    *,
    nice: int = 0,
    slices: float = 0.0,
    death_signal: int = signal.SIGKILL,
    source: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own with its output in `output` and its input, if any, from `source`.

    Not in a session of its own: the kernel's autogroups would then ignore `nice` between these processes.
    `slices`: see use_slices. It gets `death_signal` when the calling thread ends, however that ends:
    call it from a thread that lives as long as the process shall, best the main thread.
    """
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        stdin=source,
        stdout=output,
        stderr=subprocess.STDOUT,
        preexec_fn=_preparation(os.getpid(), nice, slices, death_signal),  # a few system calls, nothing else
    )


def _preparation(parent: int, nice: int, slices: float, death_signal: int) -> Callable[[], None]:
    def prepare() -> None:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # a shell's background job ignores SIGINT: ours must not
        tie_to_parent(parent, death_signal)
        if nice:
            os.nice(nice)
        if slices:
            use_slices(slices)

    return prepare


def signal_group(process_id: int, number: int) -> None:
    """Send `number` to the group started by `start_process`; nothing when it is gone."""
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
