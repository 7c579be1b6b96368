"""Runs the whole graph, recorder and all, on this machine and prints what it costs, as one line of JSON.

python bench/graph_load.py --seconds 30 --bundle models/pick_place
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

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.demo import wait_until_ready
from optimus_nodes.cli.demo_summary import stage_figures
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.running import RunningGraph
from optimus_nodes.core.errors import OptimusError
from optimus_nodes.core.language import all_instructions
from optimus_nodes.dataset.files import DatasetError
from optimus_nodes.dataset.reader import DataSet

ORDERS = [instruction.sentence for instruction in all_instructions() if instruction.skill == "place"]


def measure(folder: Path, seconds: float, settings: list[str], seed: int) -> dict[str, Any]:
    """Let the robot work for `seconds` and return the figures. Raises OptimusError when the graph does not run."""
    domain = free_domain()
    enter_graph_environment(domain)
    options = [word for setting in [f"sim.seed={seed}", *settings] for word in ("--set", setting)]
    with RunningGraph(folder, domain, options) as graph, Companion() as companion:
        wait_until_ready(companion, graph)
        scene = companion.reset_scene(seed)
        companion.spin(3.0)  # every node has started and reported
        before, cpu, began = dict(companion.diagnostics), graph.cpu(), time.monotonic()
        scene = companion.scene or scene
        orders = 0
        while (left := seconds - (time.monotonic() - began)) > 0.5:
            companion.carry_out(ORDERS[orders % len(ORDERS)], left, graph.check)
            orders += 1
        companion.spin(1.2)
        passed, last = time.monotonic() - began, companion.scene or scene
        memory, used = graph.memory(), graph.cpu()
        stages = stage_figures(before, companion.diagnostics)
    return {
        "seconds": round(passed, 1),
        "real_time_factor": round((last.stamp - scene.stamp) / passed, 4),
        "control_ticks_on_time_percent": stages["control"].get("on_time_percent"),
        "inference_p50_ms": stages["policy"].get("inference_p50_ms"),
        "camera_to_command_p50_ms": stages["control"].get("camera_to_command_p50_ms"),
        "camera_to_command_p99_ms": stages["control"].get("camera_to_command_p99_ms"),
        "starved_ticks": stages["control"].get("starved_ticks"),
        "head_hz": stages["cameras"].get("head_hz"),
        "chunk_hz": stages["policy"].get("chunk_hz"),
        "memory_pss_mb": round(sum(figures.get("pss", 0.0) for figures in memory.values()), 1),
        "memory_peak_rss_mb": round(sum(figures.get("peak", 0.0) for figures in memory.values()), 1),
        "cpu_percent": {name: round(100.0 * (used[name] - cpu.get(name, 0.0)) / passed, 1) for name in used},
        "orders": orders,
        **recorded(folder / "recording"),
        "load_average": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
    }


def recorded(root: Path) -> dict[str, Any]:
    """What the graph's recorder made of it: each order is an episode."""
    try:
        data = DataSet.open(root)
    except DatasetError as error:
        return {"recorded_episodes": 0, "recorder": str(error)}
    missing = sum(int(data.columns(one.number, ["gap"])["gap"].sum()) for one in data.episodes)
    return {
        "recorded_episodes": len(data.episodes),
        "recorded_s": round(data.frames_total / data.fps, 1),
        "recorded_frames_late_or_repeated": missing,
    }


def main() -> int:
    """Exit code 0, or 2 when the graph does not run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to measure")
    parser.add_argument("--seed", type=int, default=1, help="seed of the scene")
    parser.add_argument("--bundle", help="policy bundle other than the default one")
    parser.add_argument("--set", action="append", default=[], help="node parameter, node.parameter=value")
    parser.add_argument("--folder", type=Path, help="where logs go; a temporary folder by default")
    options = parser.parse_args()
    settings = [*options.set, *([f"vla.bundle={Path(options.bundle).resolve()}"] if options.bundle else [])]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(measure(options.folder or Path(scratch), options.seconds, settings, options.seed)))
    except OptimusError as error:
        print(f"graph_load: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
