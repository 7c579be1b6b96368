"""Records episodes on the simulated robot, replays each and prints how many ended with the boxes where they were.

    python bench/replay.py --episodes 20

Each episode is one instruction in a scene of its own, carried out by the policy and recorded by the graph's own
recorder; `optimus replay` then lays the same scene out and repeats the motion through the joint controller, blind.
A box is where it was when it is in the same bin, or else within 5 cm, and nothing holds it that did not before.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.demo import wait_until_ready
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.replay import Replayer
from optimus_nodes.cli.running import RunningGraph
from optimus_nodes.core.errors import DeviceError, OptimusError
from optimus_nodes.core.language import all_instructions
from optimus_nodes.dataset.layout import Layout
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros.recorded_path import read_path

ORDERS = [instruction.sentence for instruction in all_instructions() if instruction.skill == "place"]
SAVED = 10.0  # s an episode may take to appear on disk


def measure(folder: Path, episodes: int, seed: int) -> dict[str, Any]:
    """Record, replay, compare. Raises OptimusError when the graph does not run."""
    robot, _ = load_robot("optimus")
    layout, domain = Layout(folder / "recording"), free_domain()
    enter_graph_environment(domain)
    with RunningGraph(folder, domain, ["--set", f"sim.seed={seed}"]) as graph, Companion() as companion:
        wait_until_ready(companion, graph)
        done = 0
        for number in track(range(episodes), "recording", transient=True):
            companion.reset_scene(seed + number)
            companion.spin(1.0)
            done += companion.carry_out(ORDERS[number % len(ORDERS)], 60.0, graph.check).success
            if not companion.wait(layout.document(number).exists, SAVED):
                raise DeviceError(f"episode {number} was not saved within {SAVED:g} s (see {folder}/recorder.log)")
        results, player = [], Replayer(companion, robot)
        for number in track(range(episodes), "replaying", transient=True):
            results.append(player.play(read_path(layout.root, number, robot), quiet=True))
            graph.check()
    apart = [box["apart"] for result in results for box in result["boxes"].values()]
    return {
        "episodes": episodes,
        "recorded_successes": done,
        "same_end": sum(result["same"] is True for result in results),
        "apart_mm_median": round(1e3 * float(np.median(apart)), 2),
        "apart_mm_worst": round(1e3 * max(apart), 1),
        "elsewhere": [number for number, result in enumerate(results) if result["same"] is not True],
        "load_average": round(os.getloadavg()[0], 2),
    }


def main() -> int:
    """Exit code 0, or 2 when the graph does not run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5000, help="of the first scene")
    parser.add_argument("--folder", type=Path, help="where logs and recordings go; a temporary folder by default")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(measure(options.folder or Path(scratch), options.episodes, options.seed)))
    except OptimusError as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
