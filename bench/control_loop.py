"""Measure joint_control_node: lateness at 250 Hz, cost of a tick, CPU, and state-to-command time.

    .venv/bin/python bench/control_loop.py [--seconds 10] [--busy 1]

A perfect robot sends joint states at 250 Hz and a policy 20 chunks a second; `--busy` starts that many
processes that do nothing but compute. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test"), str(ROOT / "test" / "nodes")]

from control_bench import ControlBench  # noqa: E402

from optimus_nodes.ros.runtime import real_time  # noqa: E402

KEYS = ("rate_hz", "late_ticks", "lateness_p50_ms", "lateness_p99_ms", "tick_p50_ms", "tick_p99_ms")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--busy", type=int, default=0)
    options = parser.parse_args()
    burners = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(options.busy)]
    try:
        with ControlBench() as bench:
            real_time(30)  # the bench itself must not be what is late
            bench.run(2.0, lambda k: bench.chunk(0.0) if k % 12 == 0 else None)
            assert bench.process is not None
            before, bench.commands[:] = cpu_seconds(bench.process.pid), []
            bench.run(options.seconds, lambda k: bench.chunk(0.0) if k % 12 == 0 else None)
            used = cpu_seconds(bench.process.pid) - before
            gaps = np.diff([at for at, _ in bench.commands]) * 1e3
            figures = {key: round(float(bench.figures[key]), 3) for key in KEYS}
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    figures |= {
        "cpu_percent": round(100.0 * used / options.seconds, 1),
        "command_gap_p50_ms": round(float(np.percentile(gaps, 50)), 3),
        "command_gap_p99_ms": round(float(np.percentile(gaps, 99)), 3),
        "busy": options.busy,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
