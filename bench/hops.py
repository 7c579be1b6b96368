"""What the benches of hops between processes share: two processes of a turn, their CPU, turns there and back."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.executors import Executor, ExternalShutdownException
from rclpy.node import Node
from rclpy.task import Future

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optimus_nodes.cli.environment import free_domain, graph_environment  # noqa: E402

READY = "ready"
Figures = dict[str, dict[str, float]]


def cpu() -> float:
    """User and system time of this process, s."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Ages:
    """The reader's side: how old each message is when what it carries can be used. Says so when it has `wanted`."""

    def __init__(self, wanted: int, warm_up: int) -> None:
        self._wanted, self._warm_up = wanted, warm_up
        self._ages: list[float] = []
        self._seen, self._used = 0, 0.0

    def add(self, sent: float) -> None:
        """A message of monotonic time `sent`, s, can be used now."""
        age = time.monotonic() - sent
        self._seen += 1
        if self._seen == self._warm_up:
            self._used = cpu()
        elif self._warm_up < self._seen <= self._warm_up + self._wanted:
            self._ages.append(age)
        if self._seen == self._warm_up + self._wanted:
            print(json.dumps({"ages": self._ages, "cpu": (cpu() - self._used) / self._wanted}), flush=True)

    @property
    def done(self) -> bool:
        return self._seen >= self._warm_up + self._wanted


def send_on_time(
    send: Callable[[float, Any], object],
    period: float,
    warm_up: int,
    report: int,
    make: Callable[[int], Any] = lambda number: number,
) -> None:
    """The sender's side: `send(monotonic, make(number))` every `period` s until SIGTERM; tells its CPU.

    `make` does its work before the time that is sent; its CPU counts.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    time.sleep(1.0)
    due, number, used = time.monotonic(), 0, 0.0
    while os.getppid() != 1:
        time.sleep(max(0.0, due - time.monotonic()))
        if number == warm_up:
            used = cpu()
        made = make(number)
        send(time.monotonic(), made)
        number, due = number + 1, due + period
        if number > warm_up and number % report == 0:
            print((cpu() - used) / (number - warm_up), flush=True)


def spin(node: Node, executor: Executor) -> None:
    """The reader's side: take messages until SIGTERM, which `EventsExecutor.spin` would not hear."""
    executor.add_node(node)
    never: Future = Future()
    print(READY, flush=True)
    with contextlib.suppress(ExternalShutdownException):
        while node.context.ok():
            executor.spin_until_future_complete(never, timeout_sec=0.5)


def packets() -> Iterator[bytes]:
    """The reader's side without ROS: what comes by a socket, until the sender ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(_meeting_place())
        door.listen()
        print(READY, flush=True)
        sender, _ = door.accept()
        while data := sender.recv(4096):
            yield data


def packet_sender() -> Callable[[bytes | memoryview], object]:
    """The sender's side of `packets`."""
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    while reader.connect_ex(_meeting_place()):  # it does not listen yet
        time.sleep(0.05)
    return reader.send


def _meeting_place() -> str:
    return f"\0hops/{os.environ['ROS_DOMAIN_ID']}"


def _end(process: subprocess.Popen[str]) -> None:
    """Gently, so that its memory in /dev/shm goes with it: 68 MB of the last one killed in a domain stay there."""
    process.terminate()
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()


def turn(command: Sequence[str], changes: dict[str, str | None]) -> tuple[list[float], float]:
    """Run `command` as reader and as sender in a ROS domain of their own; ages s, and CPU s of both for a message."""
    environment = {**graph_environment(free_domain()), "PYTHONPATH": str(ROOT)}
    for name, value in changes.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    start = partial(subprocess.Popen, stdout=subprocess.PIPE, text=True, env=environment)
    with start([*command, "--role", "read"]) as reader, start([*command, "--role", "send"]) as sender:
        try:
            assert reader.stdout is not None and sender.stdout is not None
            if reader.stdout.readline().strip() != READY:
                sys.exit(f"{' '.join(command)} does not start")
            told = json.loads(reader.stdout.readline())
        finally:
            for process in (sender, reader):
                _end(process)
        return told["ages"], told["cpu"] + float(sender.stdout.read().split()[-1])


def there_and_back(
    ways: Sequence[str], take: Callable[[str], tuple[list[float], float]], what: str, rounds: int = 1
) -> Figures:
    """Every way has two turns in each round, the second in opposite order; medians in ms, spread over the turns."""
    ages: dict[str, list[list[float]]] = {how: [] for how in ways}
    used: dict[str, list[float]] = {how: [] for how in ways}
    for how in (*ways, *reversed(ways)) * rounds:
        print(f"{what} {how} ...          ", end="\r", file=sys.stderr, flush=True)
        age, cost = take(how)
        ages[how].append(age)
        used[how].append(cost)
    figures: Figures = {}
    for how in ways:
        every = np.concatenate(ages[how]) * 1e3
        medians = [float(np.median(turn)) * 1e3 for turn in ages[how]]
        figures[how] = {
            "p50_ms": round(float(np.median(every)), 4),
            "p99_ms": round(float(np.percentile(every, 99.0)), 4),
            "p50_spread_ms": round(max(medians) - min(medians), 4),
            "cpu_ms": round(float(np.median(used[how])) * 1e3, 4),
            "cpu_spread_ms": round((max(used[how]) - min(used[how])) * 1e3, 4),
        }
    return figures


def show(title: str, figures: dict[str, Any]) -> None:
    """A table."""
    print(f"{title}: age p50, p99, p50 between turns, CPU of both ends, between turns, ms")
    for how, row in figures.items():
        print(f"  {how:12}" + "".join(f"{value:10.3f}" for value in row.values()))
