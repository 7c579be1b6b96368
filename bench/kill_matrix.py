"""Every node of the robot at work, killed, stopped, hung and starved: the joints are held, and nothing moves by itself.

    python bench/kill_matrix.py --runs 20 --json

Kinds: KILL and STOP are signals; a busy loop, a deadlock and 2 GB of memory are injected (ros/fault_injection.py). The
policy is moving an arm each time. What hangs is killed by the supervisor after 3 s here, 15 s by default.

held       nothing was told to move from `held after` (s of robot time; 0.25 is promised) until the node was back
went on    the node, or the rest without it, went on moving the robot as it should, and stopped when it was told to
went not on, did not stop: the opposite; what became of the plan is noted
moved      after the node was back, something moved though nobody had asked for it: must not happen
back       s until the node was heard again, hung ones from when they were killed

Each run is a line in --log; a run that is there already is not done again, so that the whole may be done in parts.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test"), str(ROOT / "test/nodes")]

from optimus_humanoid.srv import InjectFault  # noqa: E402
from told import HOLD, MOVED, SETTLED, Told, moving, since  # noqa: E402

from optimus_nodes.cli.companion import Companion  # noqa: E402
from optimus_nodes.cli.demo import wait_until_ready  # noqa: E402
from optimus_nodes.cli.environment import enter_graph_environment, free_domain  # noqa: E402
from optimus_nodes.cli.running import RunningGraph  # noqa: E402
from optimus_nodes.ros.fault_injection import ALLOW, FAULTS, SOON  # noqa: E402

NODES = ("joint_control", "sim", "vla", "planner", "recorder")
SIGNALS = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP}
KINDS = (*SIGNALS, *FAULTS)
BESIDE = ("recorder",)  # what moves the robot does not need it
LIVES = ("allocate",)  # the node comes through it, unless it takes so long that it counts as hanging
HANG_AFTER = 3.0  # s
WATCH = 2.8  # s in which what goes on shows that it does
STILL_COMMAND = 0.01  # rad/s: less is what a watchdog makes of the noise in a measured speed
LONGEST = 30.0  # s until a node must be back
ORDERS = ("put the red box in the left bin", "put the green box in the right bin", "put the blue box in the left bin")


class Matrix:
    """A running graph and one fault after the other."""

    def __init__(self, graph: RunningGraph, listener: Companion) -> None:
        self.graph, self.listener, self.told = graph, listener, Told(listener)
        self._clients = {
            name: listener.node.create_client(InjectFault, f"{name}/inject_fault") for name in NODES
        }
        for name, client in self._clients.items():
            assert listener.wait(client.service_is_ready, 2.0 * LONGEST), f"{name} did not start"

    def run(self, node: str, kind: str, number: int) -> dict[str, Any]:
        told, listener = self.told, self.listener
        told.rest()
        told.order(ORDERS[number % len(ORDERS)])
        assert listener.wait(lambda: self.graph.pid(node), LONGEST), f"{node} does not run"
        before = self.graph.pid(node) or 0
        self._do(node, kind, before)
        moment, stamp = time.monotonic(), told.states.stamps()[-1] + (SOON if kind in FAULTS else 0.0)
        result: dict[str, Any] = {"node": node, "kind": kind, "run": number}
        ended = listener.wait(lambda: self.graph.pid(node) not in (None, before), WATCH)
        if node in BESIDE or (not ended and self._moves(stamp + WATCH - 0.3)):
            listener.spin(max(0.0, moment + WATCH - time.monotonic()))
            return result | self._went_on(stamp + WATCH - 0.3)
        returned = self._wait_for_return(node, before, kind)
        back = returned - moment
        if self.graph.pid(node) == before:  # it came through it, after a while
            listener.spin(1.0)
            return result | self._went_on(told.states.stamps()[-1] - 0.5)
        back -= 0.0 if kind == "KILL" else HANG_AFTER
        there = told.states.stamps()[-1] if told.states else 0.0
        listener.spin(2.0)
        told_to = [at for at, m in since(stamp, told.applied) if _tells_to_move(m) and at < there - stamp]
        return result | {
            "held_after": round(max([0.0, *told_to]), 3),
            "moved": self._moved(node, returned),
            "back": round(max(back, 0.0), 2),
        }

    def _do(self, node: str, kind: str, process: int) -> None:
        if kind in SIGNALS:
            os.kill(process, SIGNALS[kind])
            return
        client = self._clients[node]
        for _ in range(10):  # a node that was killed before is known for a while, and answers nothing
            future = client.call_async(InjectFault.Request(fault=kind))
            if self.listener.wait(future.done, 1.0):
                break
        assert future.done() and future.result().success, f"{node} took no fault: {future.result()}"

    def _moves(self, stamp: float) -> bool:
        """Whether the drives were told to move after robot time `stamp`."""
        return any(_tells_to_move(m) for at, m in since(stamp, self.told.applied) if at > 0.0)

    def _went_on(self, stamp: float) -> dict[str, Any]:
        """It moves after robot time `stamp` as if nothing had happened: then it must also stop when it is told to."""
        goes_on = self.listener.wait(lambda: self._moves(stamp), 3.0)  # it pauses where it grasps
        plan = None if goes_on else self.listener.plan
        self.told.say("stop")
        self.listener.spin(1.5)
        stamp = self.told.states.stamps()[-1]
        self.listener.spin(0.5)
        result: dict[str, Any] = {"went_on": goes_on, "stops": not self._moves(stamp)}
        if plan is not None:
            result["plan"] = f"{plan.instruction}: {plan.state.name}, {plan.say}"
        return result

    def _wait_for_return(self, node: str, before: int, kind: str) -> float:
        """Monotonic time at which the node was there again."""
        listener, states = self.listener, self.told.states
        gone = kind not in LIVES
        if gone:
            ended = listener.wait(lambda: self.graph.pid(node) not in (None, before), LONGEST)
            assert ended, f"{node} never came back"
        client, arrived = self._clients[node], time.monotonic()
        if node == "sim" and gone:
            listener.wait(lambda: states and states[-1][0] > arrived, LONGEST)
        while True:  # whoever answers this is there
            future = client.call_async(InjectFault.Request(fault="none"))
            if listener.wait(future.done, 0.5):
                return time.monotonic()
            assert time.monotonic() < arrived + LONGEST, f"{node} never answered"

    def _moved(self, node: str, returned: float) -> str:
        """What moved after monotonic time `returned`, when the node was back and nobody had asked for anything."""
        settled = returned + (0.0 if node != "sim" else SETTLED)  # laid out anew, it settles into its springs
        states = zip(since(0.0, self.told.states), self.told.states, strict=True)
        after = [one for one, (arrived, _) in states if arrived > settled]  # a simulation anew counts from 0 again
        if not after:
            return ""
        way = np.abs(np.array(after[-1][1].position) - after[0][1].position)
        joint = int(way.argmax())
        far = f"{after[0][1].name[joint]} by {way[joint]:.3f} rad" if way[joint] > MOVED else ""
        return far or "; ".join(f"{name} at {speed} rad/s after {at} s" for at, speed, name in moving(after)[:2])


def _tells_to_move(message: Any) -> bool:
    return bool(np.abs(message.velocity).max() > STILL_COMMAND)


def table(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each node and kind."""
    rows = []
    for node in NODES:
        for kind in KINDS:
            mine = [one for one in results if (one["node"], one["kind"]) == (node, kind)]
            if not mine:
                continue
            held = [one["held_after"] for one in mine if "held_after" in one]
            backs = [one["back"] for one in mine if "back" in one]
            rows.append(
                {
                    "node": node,
                    "kind": kind,
                    "runs": len(mine),
                    "held": sum(at <= HOLD for at in held),
                    "held_late": sum(at > HOLD for at in held),
                    "held_after_worst": max(held, default=0.0),
                    "went_on": sum(bool(one.get("went_on") and one.get("stops")) for one in mine),
                    "went_not_on": sum(one.get("went_on") is False for one in mine),
                    "did_not_stop": sum(one.get("stops") is False for one in mine),
                    "moved": sum(bool(one.get("moved")) for one in mine),
                    "back_median": float(np.median(backs)) if backs else None,
                }
            )
    return rows


def print_table(rows: list[dict[str, Any]]) -> None:
    keys = [key for key in rows[0] if key not in ("node", "kind")]
    print("| node | kind | " + " | ".join(key.replace("_", " ") for key in keys) + " |")
    print("|---|---" + "|---" * len(keys) + "|")
    for row in rows:
        cells = ["" if row[key] is None else f"{row[key]:g}" for key in keys]
        print(f"| {row['node']} | {row['kind']} | " + " | ".join(cells) + " |")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="of each node and kind")
    parser.add_argument("--nodes", nargs="+", default=NODES, choices=NODES)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--log", type=Path, default=Path("runs/kill_matrix.jsonl"))
    parser.add_argument("--json", action="store_true", help="print one line of JSON last")
    options = parser.parse_args()
    options.log.parent.mkdir(parents=True, exist_ok=True)
    lines = options.log.read_text().splitlines() if options.log.exists() else []
    results = [json.loads(line) for line in lines]
    done = {(one["node"], one["kind"], one["run"]) for one in results}
    todo = [
        (node, kind, run)
        for run in range(options.runs)
        for kind in options.kinds
        for node in options.nodes  # innermost: a node that ends too often is given up
        if (node, kind, run) not in done
    ]
    os.environ[ALLOW] = "1"
    domain = free_domain()
    enter_graph_environment(domain)
    with tempfile.TemporaryDirectory() as folder:
        options_up = ["--hang-after", f"{HANG_AFTER:g}"]
        with RunningGraph(Path(folder), domain, options_up, spares=True) as graph, Companion() as listener:
            wait_until_ready(listener, graph)
            matrix = Matrix(graph, listener)
            for count, (node, kind, run) in enumerate(todo, start=1):
                result = matrix.run(node, kind, run)
                results.append(result)
                with options.log.open("a") as log:
                    log.write(json.dumps(result) + "\n")
                print(f"{count}/{len(todo)} {result}", flush=True)
    rows = table(results)
    print_table(rows)
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
