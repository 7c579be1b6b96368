"""`optimus wiggle` on a robot that is running."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sim_bench import ELBOW, Bench

from optimus_nodes.cli.environment import graph_environment

JOINTS = ("--joint", ELBOW, "--joint", "neck_yaw_joint")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as started:
        yield started


def wiggle(bench: Bench, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "optimus_nodes.cli.main", "wiggle", *words]
    environment = graph_environment(bench.domain)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_joint_follows_and_comes_back(bench: Bench) -> None:
    bench.start("driver_node", "driver:=mock")
    bench.start("joint_control_node")
    done = wiggle(bench, *JOINTS, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["did_not_follow"] == []
    assert [each["joint"] for each in found["joints"]] == [ELBOW, "neck_yaw_joint"]
    assert all(abs(each["went"]) > 0.08 for each in found["joints"])


def test_a_joint_that_does_not_follow_is_named(bench: Bench) -> None:
    bench.start("driver_node", "driver:=mock", "loop.command_timeout:=1e-9")  # its watchdog lets nothing through
    bench.start("joint_control_node")
    done = wiggle(bench, *JOINTS[:2], "--patience", "0.5")
    assert done.returncode == 1
    assert f"LAGS     {ELBOW}" in done.stdout and f"0 of 1 joints followed; not {ELBOW}" in done.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "no joint_states in this ROS domain (start the robot: optimus up)"),
        (("--joint", "tail_joint"), "optimus has no joint 'tail_joint'"),
        (("--way", "1.0"), "--way is 1.0; allowed are 0.01 to 0.3 rad"),
    ],
)
def test_without_a_robot_it_says_what_is_missing(bench: Bench, words: tuple[str, ...], text: str) -> None:
    done = wiggle(bench, *words)
    assert done.returncode == 2 and text in done.stderr
