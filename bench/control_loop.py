"""How well the control loop keeps 1 kHz while a policy takes all the processor it can get: ours beside its peers.

    .venv/bin/python bench/control_loop.py            a table
    .venv/bin/python bench/control_loop.py --json     one line of JSON last

timer       an rclpy timer (EventsExecutor), as it comes, does the work of a tick; a thread beside it runs the policy
timer_fifo  the same, and the timer's thread is SCHED_FIFO, without timer slack, where that is permitted
timer_gil   as timer, but the thread beside it computes in Python instead of running the policy
c           clock_nanosleep in C, SCHED_FIFO too, that does nothing: what this machine can do; needs a C compiler
driver      ours: driver_node with the robot `mock`; each of its ticks measures and commands
control     ours: joint_control_node answers each measurement with a command, with limits and gravity compensation

A tick's work is JointController.tick for 72 joints on a path of chunks. The policy is the committed one, as fast as one
thread makes it; for `c` and ours in a process of its own. Late: from when something was due on a grid of 1 ms until it
began; for `control` until the command was sent, so a tick of which nothing came in time counts there. Missed: what had
not happened when the next was due. Everyone has two turns, there and back (ABBA); spread: between their p99.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import rclpy
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.task import Future

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test")]

from fakes import PerfectRobot, chunk_of  # noqa: E402

from optimus_nodes.cli.environment import free_domain, graph_environment  # noqa: E402
from optimus_nodes.core.joint_control_config import JointControlConfig  # noqa: E402
from optimus_nodes.core.robot import RobotSpec  # noqa: E402
from optimus_nodes.core.values import ActionChunk, JointCommand, JointState, Observation  # noqa: E402
from optimus_nodes.driver_node import DriverNode  # noqa: E402
from optimus_nodes.joint_control_node import JointControlNode  # noqa: E402
from optimus_nodes.policy.runtime import load_policy  # noqa: E402
from optimus_nodes.robot.controller import joint_controller  # noqa: E402
from optimus_nodes.robot.load import load_robot  # noqa: E402
from optimus_nodes.ros import convert, qos  # noqa: E402
from optimus_nodes.ros.runtime import precise_timers, real_time  # noqa: E402

OUT = "CONTROL_LOOP_OUT"
PERIOD = 1e-3
WARM_UP = 2.0  # s
CHUNK_EVERY = 0.05  # s
TURNS = {
    "timer": ("timer",),
    "timer_fifo": ("timer_fifo",),
    "timer_gil": ("timer_gil",),
    "c": ("policy", "c"),
    "ours": ("policy", "driver", "control"),
}
READY = "ready"
C_LOOP = r"""
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

static long long now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

int main(int count, char **words) {
    const long long period = 1000000, end = now() + (long long)(atof(words[1]) * 1e9);
    struct sched_param priority = {.sched_priority = 20};
    long long due = now() + period;
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    sched_setscheduler(0, SCHED_FIFO, &priority);
    mlockall(MCL_CURRENT | MCL_FUTURE);
    while (due < end) {
        struct timespec at = {due / 1000000000, due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        long long began = now();
        printf("%lld %lld\n", due, began);
        due += period * ((began - due) / period + 1);
    }
    return count - 2;
}
"""


class Policy:
    """The committed policy looking at noise, as fast as it can."""

    def __init__(self) -> None:
        self.robot, _ = load_robot("optimus")
        self._policy = load_policy(ROOT / "models/bench", self.robot)
        noise = np.random.default_rng(0)
        size = {camera.name: (camera.height, camera.width, 3) for camera in self.robot.cameras}
        self._seen = Observation(
            stamp=0.0,
            images={name: noise.integers(0, 255, shape, dtype=np.uint8) for name, shape in size.items()},
            position=self.robot.home,
            velocity=np.zeros_like(self.robot.home),
            tactile=np.zeros(len(self.robot.tactile_pads)),
            sentence="put the red box in the left bin",
        )

    def run(self, each: Callable[[], None] = lambda: None) -> None:
        """Never ends; calls `each` after each chunk."""
        for k in range(10**9):
            self._policy.infer(replace(self._seen, stamp=0.05 * k, position=self._seen.position + 1e-6 * k))
            each()


class Work:
    """What a tick does: the joint controller of a robot that obeys, with a chunk every 50 ms."""

    def __init__(self) -> None:
        self.robot, urdf = load_robot("optimus")
        self._controller = joint_controller(self.robot, urdf, JointControlConfig())
        self._body, self._ticks = PerfectRobot(self.robot.home), 0

    def tick(self) -> None:
        """One tick of 1 ms."""
        now = self._ticks * PERIOD
        self._body.apply(self._controller.tick(now, now, self._body.state(now)))
        if self._ticks % round(CHUNK_EVERY / PERIOD) == 0:
            self._controller.on_chunk(wave(self.robot, now), now, now)
        self._ticks += 1


def wave(robot: RobotSpec, now: float) -> ActionChunk:
    """A chunk in which forearms and hands swing."""
    rows = np.tile(robot.home, (16, 1))
    arms = robot.index([name for name in robot.joint_names if "elbow" in name or "wrist" in name])
    rows[:, [*arms, *robot.group("hands")]] += 0.15 * np.sin(2.0 * (now + 0.05 * np.arange(16)))[:, None]
    return chunk_of(robot, rows, now, task_id=0)


def compute() -> None:
    """Never ends, and gives the interpreter away only when it must."""
    while True:
        sum(range(1000))


def run_timer(busy: Callable[[], None], fifo: bool = False) -> None:
    """The peer: a timer in a process with a busy thread."""
    if fifo:
        precise_timers()
        _schedule(os.SCHED_FIFO, 20)
    rclpy.init()
    node, work, began = Node("timer"), Work(), []

    def tick() -> None:
        began.append(time.monotonic())
        work.tick()

    def beside() -> None:
        _schedule(os.SCHED_OTHER, 0)
        busy()

    threading.Thread(target=beside, daemon=True).start()
    node.create_timer(PERIOD, tick)
    _spin_and_tell(node, {"began": began})


def run_driver() -> None:
    """Ours: the robot's side."""
    began: list[float] = []
    stamps: list[tuple[float, float]] = []  # of a measurement, and when its tick began

    class Watched(DriverNode):
        def _on_tick(self) -> None:
            began.append(time.monotonic())
            super()._on_tick()

    scheduling = real_time(10)
    rclpy.init(args=["--ros-args", "-p", "rate_hz:=1000.0", "-p", "options:=[rate_hz=1000]"])
    node = Watched(scheduling)
    publish = node._states.publish

    def watched(state: JointState) -> None:
        stamps.append((state.stamp, began[-1]))
        publish(state)

    node._states.publish = watched
    _spin_and_tell(node, {"began": began, "stamps": stamps})


def run_control() -> None:
    """Ours: the joint controller's side."""
    answers: list[tuple[float, float]] = []  # stamp of a measurement, and when the command for it was sent
    scheduling = real_time()
    rclpy.init(args=["--ros-args", "-p", "rate_hz:=1000.0"])
    node = JointControlNode(scheduling)
    publish = node._commands.publish

    def watched(command: JointCommand) -> None:
        publish(command)
        answers.append((node._state.stamp, time.monotonic()))

    node._commands.publish = watched
    _spin_and_tell(node, {"answers": answers})


def run_policy() -> None:
    """What saturates the machine beside ours; it publishes a chunk every 50 ms."""
    rclpy.init()
    policy, node = Policy(), Node("policy")
    chunks = node.create_publisher(ActionChunkMsg, "action_chunk", qos.COMMAND)
    due = time.monotonic()

    def publish() -> None:
        nonlocal due
        if time.monotonic() >= due:
            due += CHUNK_EVERY
            chunks.publish(convert.action_chunk_to_msg(wave(policy.robot, time.time())))

    print(READY, flush=True)
    policy.run(publish)


def _schedule(kind: int, priority: int) -> None:
    with contextlib.suppress(OSError):  # not permitted
        os.sched_setscheduler(0, kind, os.sched_param(priority))


def _spin_and_tell(node: Node, found: dict[str, list[Any]]) -> None:
    """Until this process is told to end; the lists of `found` grow meanwhile."""

    def end(number: int, frame: FrameType | None) -> None:
        np.savez(os.environ[OUT], **{name: np.array(value) for name, value in found.items()})
        os._exit(0)

    signal.signal(signal.SIGTERM, end)  # here, as an executor whose ticks pile up does not come back
    executor = EventsExecutor()
    executor.add_node(node)
    print(READY, flush=True)
    while True:
        executor.spin_until_future_complete(Future(), timeout_sec=0.1)


ROLES: dict[str, Callable[[], None]] = {
    "timer": lambda: run_timer(Policy().run),
    "timer_fifo": lambda: run_timer(Policy().run, fifo=True),
    "timer_gil": lambda: run_timer(compute),
    "driver": run_driver,
    "control": run_control,
    "policy": run_policy,
}


def compile_c(folder: Path) -> bool:
    """Whether there is a loop in C now."""
    if (compiler := shutil.which("cc")) is None:
        return False
    source = folder / "c.c"
    source.write_text(C_LOOP)
    return subprocess.run([compiler, "-O2", "-o", folder / "c", source], check=False).returncode == 0


def run_processes(roles: tuple[str, ...], seconds: float, folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Let one process of each role run that long; what they tell, by role."""
    environment = {**graph_environment(free_domain()), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    running: dict[str, subprocess.Popen[str]] = {}
    told = [role for role in roles if role in ROLES and role != "policy"]
    try:
        for role in roles:
            command = [sys.executable, __file__, "--role", role]
            if role == "c":
                command = [str(folder / "c"), str(seconds + WARM_UP)]
            given = {**environment, OUT: str(folder / f"{role}.npz")}
            running[role] = subprocess.Popen(command, env=given, stdout=subprocess.PIPE, text=True)
            if role != "c" and running[role].stdout.readline().strip() != READY:
                sys.exit(f"{role} does not start")
        if "c" in roles:
            rows = np.array(running["c"].communicate()[0].split(), dtype=np.int64)
            return {"c": {"ticks": 1e-9 * rows.reshape(-1, 2)}}
        time.sleep(seconds + WARM_UP)
        for role in told:
            running[role].send_signal(signal.SIGTERM)
        for role in told:
            running[role].wait(20.0)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return {role: dict(np.load(folder / f"{role}.npz")) for role in told}


def take_turn(how: str, seconds: float, folder: Path) -> dict[str, np.ndarray]:
    """How late each tick was, s; of ours those of the driver and of the control."""
    told = run_processes(TURNS[how], seconds, folder)
    if how == "c":
        due, began = told["c"]["ticks"].T
        return {how: (began - due)[due > due[0] + WARM_UP]}
    if how != "ours":
        began = after_warm_up(told[how]["began"])
        return {how: lateness(grid_of(began), began)}
    began = after_warm_up(told["driver"]["began"])
    grid = grid_of(began)
    stamps, ticks = told["driver"]["stamps"].T
    answered = dict(told["control"]["answers"])
    done = np.array([[tick, answered[of]] for of, tick in zip(stamps, ticks, strict=True) if of in answered])
    next_done = np.minimum(np.searchsorted(done[:, 0], grid - PERIOD / 2), len(done) - 1)
    return {"driver": lateness(grid, began), "control": done[next_done, 1] - grid}


def after_warm_up(times: np.ndarray) -> np.ndarray:
    """Those later than WARM_UP after the first."""
    return times[times > times[0] + WARM_UP]


def grid_of(began: np.ndarray) -> np.ndarray:
    """The times every PERIOD, s, at which something was due that began at `began`: 1 % began within what we call 0."""
    since = began - began[0] + PERIOD / 2
    off = since % PERIOD - PERIOD / 2
    off = (off - np.median(off) + PERIOD / 2) % PERIOD - PERIOD / 2 + np.median(off)
    origin = began[0] + np.percentile(off, 1.0)
    return origin + PERIOD * np.arange(int((began[-1] - origin) / PERIOD))


def lateness(grid: np.ndarray, began: np.ndarray) -> np.ndarray:
    """How long after each of the times of `grid` something began, s. Where nothing did, it is the next that counts."""
    first = np.searchsorted(began, grid - PERIOD / 10)
    there = first < len(began)
    return np.maximum(began[first[there]] - grid[there], 0.0)


def figures(turns: list[np.ndarray]) -> dict[str, float]:
    """Of all turns together, us."""
    late = np.concatenate(turns)
    names = {"p50_us": 50.0, "p99_us": 99.0, "p999_us": 99.9}
    found = {name: round(float(np.percentile(late, percent)) * 1e6, 1) for name, percent in names.items()}
    each = [float(np.percentile(turn, 99.0)) * 1e6 for turn in turns]
    found["p99_spread_us"] = round(max(each) - min(each), 1)
    return found | {"missed_percent": round(100.0 * float(np.mean(late > PERIOD)), 4)}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each turn")
    parser.add_argument("--json", action="store_true", help="print one line of JSON last")
    parser.add_argument("--role", choices=ROLES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        ROLES[options.role]()
        return
    late: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as name:
        ways = [how for how in TURNS if how != "c" or compile_c(Path(name))]
        for how in (*ways, *reversed(ways)):
            print(f"{how} ...          ", end="\r", file=sys.stderr, flush=True)
            for what, turn in take_turn(how, options.seconds, Path(name)).items():
                late.setdefault(what, []).append(turn)
    result: dict[str, Any] = {what: figures(turns) for what, turns in late.items()}
    print(f"{'1 kHz':12}" + "".join(f"{key:>15}" for key in result["driver"]))
    for what, row in result.items():
        print(f"{what:12}" + "".join(f"{value:15g}" for value in row.values()))
    for peer in [how for how in ways if how != "ours"]:
        result[f"p99_share_of_{peer}"] = round(result["driver"]["p99_us"] / result[peer]["p99_us"], 3)
    print(", ".join(f"{key} {value}" for key, value in result.items() if key.startswith("p99_share")))
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
