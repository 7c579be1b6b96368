"""Does anything grow? A million control cycles on a stepped clock, and the whole robot at work for an hour.

    python bench/soak.py                           both; runs/soak.png shows memory and descriptors over time
    python bench/soak.py --cycles 1000000 --minutes 0
    python bench/soak.py --minutes 60 --cycles 0 --json

cycles    joint controller and driver's watchdog with generated chunks, targets and stop buttons; every command to the
          joints is checked against the limits
minutes   `optimus up`, one order after the other, recorder running; memory (PSS) and descriptors of every process
Growth is a straight line through the second half, in MB and descriptors an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test"), str(ROOT / "test/core")]

from optimus_nodes.cli.companion import Companion  # noqa: E402
from optimus_nodes.cli.demo import wait_until_ready  # noqa: E402
from optimus_nodes.cli.environment import enter_graph_environment, free_domain  # noqa: E402
from optimus_nodes.cli.running import RunningGraph  # noqa: E402
from optimus_nodes.core.errors import CommandError  # noqa: E402
from optimus_nodes.core.language import all_instructions  # noqa: E402
from optimus_nodes.core.watchdog import CommandWatchdog  # noqa: E402
from optimus_nodes.drivers.processes import memory_mb  # noqa: E402

_OWN = "'s own processes"
EVERY_S = 10.0  # between two looks at the graph
LOOKS = 200  # during the cycles
ORDERS = [instruction.sentence for instruction in all_instructions() if instruction.skill == "place"]


class Course:
    """What was seen of each process, and of all those together that one started itself: (s, MB, descriptors)."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[float, float, float]]] = {}

    def look(self, seconds: float, processes: dict[str, int]) -> None:
        now: dict[str, tuple[float, float]] = {name: (0.0, 0.0) for name in self.seen if name.endswith(_OWN)}
        for name, process in processes.items():
            try:
                descriptors = len(os.listdir(f"/proc/{process}/fd"))
                memory = memory_mb(process)["pss"]
            except (OSError, KeyError):
                continue  # it has just ended
            node, _, child = name.partition(".")
            called = node + _OWN if child else node
            before = now.get(called, (0.0, 0.0))
            now[called] = (before[0] + memory, before[1] + descriptors)
        for name, values in now.items():
            self.seen.setdefault(name, []).append((seconds, *values))

    def growth(self) -> dict[str, dict[str, float]]:
        """Per process: MB and descriptors at the end, and their growth an hour over the second half."""
        found = {}
        for name, rows in self.seen.items():
            times, memory, descriptors = np.array(rows[len(rows) // 2 :]).T
            hours = (times - times[0]) / 3600.0
            slopes = [float(np.polyfit(hours, each, 1)[0]) if len(times) > 2 else 0.0 for each in (memory, descriptors)]
            found[name] = {"mb": memory[-1], "mb_per_hour": round(slopes[0], 2)}
            found[name] |= {"descriptors": descriptors[-1], "descriptors_per_hour": round(slopes[1], 2)}
        return found


def cycles(wanted: int) -> tuple[Course, dict[str, Any]]:
    """Controller and watchdog on a stepped clock of 250 Hz; AssertionError when a command leaves its limits."""
    from controller_loop import ROBOT, Loop

    rng, course, began = np.random.default_rng(0), Course(), time.monotonic()
    loop, watchdog, refused, sent = Loop(), CommandWatchdog(ROBOT), 0, 0
    every = max(wanted // LOOKS, 1)
    goal = np.zeros(3)
    for cycle in range(wanted):
        if cycle % 12 == 0:
            sent += 1
            if loop.controller.owner == "emergency_stop" and rng.random() < 0.1:
                loop.controller.emergency_stop(False)
                loop.controller.reset_emergency_stop()
            goal = rng.uniform(-2.2, 2.2, 3) if rng.random() < 0.05 else goal
            kind = rng.random()
            try:
                if kind < 0.95:
                    way = np.linspace(0.0, 1.0, 16)[:, None]
                    loop.chunk(loop.robot.position + way * (goal - loop.robot.position))
                elif kind < 0.955:
                    loop.target(goal)
                elif kind < 0.99:
                    loop.chunk(np.full((16, 3), rng.choice([np.nan, np.inf, 1e300])))
                elif kind < 0.992:
                    loop.controller.emergency_stop(True)
            except CommandError:
                refused += 1
        command = loop.tick()
        watchdog.accept(command, loop.now)
        watchdog.effective(loop.robot.state(loop.now), loop.now)
        del loop.commands[:-1]
        if cycle % every == 0:
            course.look(time.monotonic() - began, {"control": os.getpid()})
            print(f"\r{cycle} of {wanted} cycles ...", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    figures = {"cycles": wanted, "robot_s": round(loop.now), "commands": sent, "refused": refused}
    return course, {**figures, "watchdog_trips": watchdog.trips}


def minutes(wanted: float, folder: Path) -> tuple[Course, dict[str, Any]]:
    """The whole graph under orders. Raises OptimusError when it does not run."""
    course, domain, seed, done = Course(), free_domain(), 0, 0
    enter_graph_environment(domain)
    with RunningGraph(folder, domain, spares=True) as graph, Companion() as companion:
        wait_until_ready(companion, graph)
        companion.reset_scene(seed)
        companion.spin(3.0)
        began = next_look = time.monotonic()

        def look() -> None:
            nonlocal next_look
            graph.check()
            if (now := time.monotonic()) >= next_look:
                next_look = now + EVERY_S
                course.look(now - began, {**graph.processes(), "listener": os.getpid()})
                passed = f"{(now - began) / 60:.1f} of {wanted:g} min, {done} orders carried out"
                print(f"\r{passed} ...", end="", file=sys.stderr, flush=True)

        orders = 0
        while (left := 60.0 * wanted - (time.monotonic() - began)) > 1.0:
            if orders % len(ORDERS) == 0:
                seed += 1
                companion.reset_scene(seed)
            done += companion.carry_out(ORDERS[orders % len(ORDERS)], min(left, 40.0), look).success
            orders += 1
        companion.spin(1.5)
        state, control = graph.state(), companion.diagnostics
    print(file=sys.stderr)
    figures = {"minutes": wanted, "orders": orders, "done": done}
    figures["restarts"] = sum(node["restarts"] for node in state.values())
    for each in control.values():
        figures |= {key: each[key] for key in ("late_ticks", "ticks", "watchdog_trips") if key in each}
    return course, figures


def plot(path: Path, courses: dict[str, Course]) -> None:
    """Memory above, descriptors below; one column for each part."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0 * len(courses), 7.0), layout="constrained")
    axes = figure.subplots(2, len(courses), squeeze=False, sharex="col")
    for column, (title, course) in enumerate(courses.items()):
        for name, rows in course.seen.items():
            times, *values = np.array(rows).T
            for row, each in enumerate(values):
                axes[row][column].plot(times / 60.0, each, label=name, linewidth=1.2)
        axes[0][column].set_title(title)
        axes[0][column].set_ylabel("memory (PSS), MB")
        axes[1][column].set_ylabel("open descriptors")
        axes[1][column].set_xlabel("minutes")
        axes[0][column].legend(fontsize=7, ncols=2, loc="upper left")
        for row in range(2):
            axes[row][column].set_ylim(0.0, 1.5 * axes[row][column].get_ylim()[1])  # room for the names
            axes[row][column].grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=1_000_000, help="0 for none")
    parser.add_argument("--minutes", type=float, default=60.0, help="0 for none")
    parser.add_argument("--picture", type=Path, default=Path("runs/soak.png"))
    parser.add_argument("--json", action="store_true", help="print one line of JSON last")
    options = parser.parse_args()
    courses: dict[str, Course] = {}
    result: dict[str, Any] = {}
    if options.cycles:
        title = f"{options.cycles:,} control cycles"
        courses[title], result["control"] = cycles(options.cycles)
        result["control"]["growth"] = courses[title].growth()
    if options.minutes:
        title = f"{options.minutes:g} minutes of the whole robot"
        with tempfile.TemporaryDirectory() as folder:
            courses[title], result["robot"] = minutes(options.minutes, Path(folder))
        result["robot"]["growth"] = courses[title].growth()
    for part, figures in result.items():
        print(f"{part}: " + ", ".join(f"{key} {value}" for key, value in figures.items() if key != "growth"))
        for name, row in figures["growth"].items():
            print(f"  {name:18}" + "".join(f"{value:9.1f} {key}" for key, value in row.items()))
    plot(options.picture, courses)
    print(f"written: {options.picture}")
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
