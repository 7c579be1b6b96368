"""The supervisor with real processes: crashes, giving up, stopping, and dying itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optimus_nodes.drivers.processes import child_processes, is_alive, start_process

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[1]
SLEEPER = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)];"
    "print('deaf', flush=True); time.sleep(600)"
)
FREEZING = (
    "import os, socket, time; link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
    "name = chr(0) + os.environ['NOTIFY_SOCKET'][1:];"
    "[(link.sendto(b'WATCHDOG=1', name), time.sleep(0.1)) for _ in range(5)]; time.sleep(600)"
)
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); time.sleep(600)"
RUNNER = """
import json, os, sys
from pathlib import Path
from optimus_nodes.cli.supervisor import ProcessSpec, Supervisor
from optimus_nodes.core.restart import RestartConfig
from optimus_nodes.cli import supervisor
supervisor._SPARE_AFTER = 0.3
python = [sys.executable, "-S", "-c"]
spare = "import os; print('stands by', flush=True); os.read(0, 1) or os._exit(0); "
specs = [
    ProcessSpec(n, [*python, code], essential=e, spare=[*python, spare + code] if n.startswith("spared") else [])
    for n, code, e in json.loads(sys.argv[2])
]
restarts = RestartConfig(first=0.1, limit=2)
say = lambda text: print(text, flush=True)
sys.exit(Supervisor(specs, Path(sys.argv[1]), dict(os.environ), restarts=restarts, say=say, hang_after=1.0).run())
"""


class Run:
    """A supervisor in a process of its own, and what it says."""

    def __init__(self, folder: Path, nodes: list[tuple[str, str, bool]]) -> None:
        self.folder = folder
        self.said = folder / "said.txt"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self.said.open("wb") as output:
            command = [sys.executable, "-c", RUNNER, str(folder), json.dumps(nodes)]
            self.process = start_process(command, environment, output)

    def state(self) -> dict[str, dict[str, object]]:
        try:
            return dict(json.loads((self.folder / "processes.json").read_text())["nodes"])
        except FileNotFoundError:
            return {}

    def has_printed(self, name: str, line: str) -> bool:
        return line in (self.folder / "logs" / f"{name}.log").read_text().splitlines()

    def pid(self, name: str) -> int:
        pid = self.state().get(name, {}).get("pid")
        return pid if isinstance(pid, int) else 0


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(*nodes: tuple[str, str, bool]) -> Run:
        runs.append(Run(tmp_path, list(nodes)))
        wait_until(runs[-1].state)
        return runs[-1]

    yield make
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()


def children_of(group: int) -> list[int]:
    """Every living process in the process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and is_alive(int(entry.name)):
            try:
                if os.getpgid(int(entry.name)) == group:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


@pytest.mark.promise("P28")
def test_a_killed_process_is_back_within_two_seconds_with_another_pid(start: Callable[..., Run]) -> None:
    run = start(("a", SLEEPER, True), ("b", SLEEPER, True))
    first, other = run.pid("a"), run.pid("b")
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    wait_until(lambda: run.pid("a") not in (0, first))
    assert time.monotonic() - began < 2.0
    assert run.pid("b") == other
    assert run.state()["a"]["restarts"] == 1
    assert "a was killed by SIGKILL; restarting it in 0.1 s" in run.said.read_text()


@pytest.mark.promise("P28")
def test_an_essential_process_that_keeps_crashing_is_given_up_and_everything_stops(start: Callable[..., Run]) -> None:
    run = start(("good", SLEEPER, True), ("bad", "raise SystemExit('the lens is cracked')", True))
    good = run.pid("good")
    assert run.process.wait(timeout=15) == 2
    said = run.said.read_text()
    assert "bad ended with code 1; given up: it ended more than 2 times in 60 s" in said
    assert "the lens is cracked" in said
    assert not is_alive(good)


def test_the_pause_before_a_restart_doubles(start: Callable[..., Run]) -> None:
    run = start(("bad", "raise SystemExit(1)", True))
    assert run.process.wait(timeout=15) == 2
    said = run.said.read_text()
    assert "restarting it in 0.1 s" in said and "restarting it in 0.2 s" in said


def test_a_process_that_refuses_its_configuration_is_not_restarted(start: Callable[..., Run]) -> None:
    run = start(("bad", "raise SystemExit(2)", True))
    assert run.process.wait(timeout=15) == 2
    assert "given up: it says it cannot run like this" in run.said.read_text()
    assert run.state()["bad"]["restarts"] == 0


def test_the_others_go_on_without_a_process_that_is_not_essential(start: Callable[..., Run]) -> None:
    run = start(("good", SLEEPER, True), ("camera", "raise SystemExit(2)", False))
    wait_until(lambda: run.state()["camera"]["state"] == "given up")
    assert is_alive(run.pid("good"))
    assert run.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_even_what_the_processes_started(start: Callable[..., Run], number: int) -> None:
    run = start(("parent", PARENT, True), ("b", SLEEPER, True))
    group = run.pid("parent")
    wait_until(lambda: run.has_printed("parent", "deaf"))
    assert len(children_of(group)) == 2
    os.kill(run.process.pid, number)
    assert run.process.wait(timeout=10) == 0
    wait_until(lambda: not children_of(group), 1.0)  # SIGKILL has been sent; dying takes 1 to 100 ms
    assert {node["state"] for node in run.state().values()} == {"stopped"}


def test_a_second_interrupt_kills_a_process_that_does_not_listen(start: Callable[..., Run]) -> None:
    run = start(("deaf", STUBBORN, True))
    deaf = run.pid("deaf")
    wait_until(lambda: run.has_printed("deaf", "deaf"))
    began = time.monotonic()
    for _ in range(2):
        os.kill(run.process.pid, signal.SIGINT)
        time.sleep(0.3)
    os.kill(run.process.pid, signal.SIGINT)
    assert run.process.wait(timeout=10) == 0
    assert time.monotonic() - began < 4.0
    assert not is_alive(deaf)


def test_a_supervisor_that_is_killed_takes_its_processes_with_it(start: Callable[..., Run]) -> None:
    run = start(("a", SLEEPER, True), ("deaf", STUBBORN, True))
    pids = [run.pid("a"), run.pid("deaf")]
    run.process.kill()
    run.process.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), 3.0)


def test_each_process_writes_its_own_log(start: Callable[..., Run]) -> None:
    run = start(("talker", "print('hello from talker', flush=True); import time; time.sleep(600)", True))
    log = run.folder / "logs" / "talker.log"
    wait_until(lambda: "hello from talker" in log.read_text())


def test_a_process_ends_with_the_thread_that_started_it_even_before_its_first_line(tmp_path: Path) -> None:
    """The parent may die between fork and prctl: the child then finds another parent and leaves."""
    code = (
        "import os, sys; from optimus_nodes.drivers.processes import start_process;"
        "p = start_process([sys.executable, '-c', 'import time; time.sleep(600)'], os.environ, -3);"
        "print(p.pid, flush=True); os._exit(0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    wait_until(lambda: not is_alive(int(answer.stdout)), 3.0)


@pytest.mark.promise("P28")
def test_a_process_that_hangs_is_killed_and_restarted_and_one_that_never_spoke_is_left_alone(start):
    run = start(("frozen", FREEZING, True), ("silent", SLEEPER, True))
    first, silent = run.pid("frozen"), run.pid("silent")
    wait_until(lambda: run.pid("frozen") not in (0, first))
    assert "frozen hangs: no sign of life for 1 s; killing it" in run.said.read_text()
    assert "frozen was killed by SIGKILL; restarting it" in run.said.read_text()
    assert not is_alive(first)
    assert run.pid("silent") == silent


def stand_by(run: Run, name: str, times: int = 1) -> None:
    wait_until(lambda: (run.folder / "logs" / f"{name}.log").read_text().count("stands by") >= times)


@pytest.mark.promise("P28")
def test_a_spare_process_takes_over_and_gets_a_spare_of_its_own(start: Callable[..., Run]) -> None:
    run = start(("spared", SLEEPER, True))
    for times in (1, 2):
        stand_by(run, "spared", times)
        first, waiting = run.pid("spared"), set(child_processes(run.process.pid))
        os.kill(first, signal.SIGKILL)
        wait_until(lambda first=first: run.pid("spared") not in (0, first))
        assert run.pid("spared") in waiting - {first}, "it was there already"


def test_without_its_spare_a_process_starts_as_usual(start: Callable[..., Run]) -> None:
    run = start(("spared", SLEEPER, True))
    stand_by(run, "spared")
    first = run.pid("spared")
    for child in child_processes(run.process.pid):
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: run.pid("spared") not in (0, first))
    assert is_alive(run.pid("spared"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_spare_processes_end_with_the_supervisor(start: Callable[..., Run], number: int) -> None:
    run = start(("spared", SLEEPER, True), ("b", SLEEPER, True))
    stand_by(run, "spared")
    children = child_processes(run.process.pid)
    assert len(children) == 3
    os.kill(run.process.pid, number)
    run.process.wait(timeout=10)
    wait_until(lambda: not any(is_alive(child) for child in children), 3.0)
