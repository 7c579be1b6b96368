"""A spare node: it reads its modules, waits, and then is the node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "optimus_nodes.spare", "joint_control_node", "--ros-args", "-p", "rate_hz:=1.0")


@pytest.mark.parametrize("told, code, said", [(b"1", 2, "rate_hz is 1.0; it must be 50 to 1000"), (b"", 0, "")])
def test_it_is_the_node_once_it_is_told_to_and_nothing_before(told: bytes, code: int, said: str) -> None:
    ran = subprocess.run(COMMAND, input=told, capture_output=True, cwd=ROOT, timeout=60.0)
    assert ran.returncode == code
    assert said in ran.stderr.decode() if said else not ran.stderr


def test_an_unknown_node_is_named() -> None:
    command = [*COMMAND[:3], "gripper_node"]
    ran = subprocess.run(command, input=b"1", capture_output=True, cwd=ROOT, timeout=60.0)
    assert ran.returncode == 1 and "optimus_nodes.gripper_node" in ran.stderr.decode()
