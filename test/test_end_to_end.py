"""The whole robot: one command starts every node, a sentence is given, and the box is where it should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from optimus_nodes.drivers.processes import is_alive

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[1]
SEED = 7


@pytest.mark.timeout(300)
def test_the_robot_puts_the_red_box_into_the_left_bin(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "optimus_nodes.cli.main", "demo"]
    command += ["--seed", str(SEED), "--instruction", "put the red box in the left bin", "--run-dir", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"video:   {folder / 'video.mp4'}" in answer.stdout
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["success"] is True
    assert summary["robot_claims_success"] is True
    assert (summary["seed"], summary["instruction"]) == (SEED, "put the red box in the left bin")
    assert [step["state"] for step in summary["plan"]] == ["done"]
    assert summary["memory_mb"]["sum_pss_peak"] < 3000.0
    assert set(summary["restarts"].values()) == {0}
    with av.open(str(folder / "video.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in film.decode(stream)) > 20
    assert (folder / "joints.png").stat().st_size > 10_000
    state = json.loads((folder / "processes.json").read_text())
    assert not is_alive(state["supervisor"])
    for name in state["nodes"]:
        assert (folder / "logs" / f"{name}.log").exists()


def test_a_demo_whose_policy_is_missing_is_broken_and_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "optimus_nodes.cli.main", "demo", "--set", "vla.bundle=no_such_policy"]
    command += ["--run-dir", str(tmp_path / "demo")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert answer.returncode == 2
    assert "vla ended with code 2; given up: it says it cannot run like this" in answer.stderr
    assert "no_such_policy" in answer.stderr
    assert "Traceback" not in answer.stderr
