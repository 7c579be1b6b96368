"""A policy that LeRobot saved answers through our port as it answers through LeRobot's."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path

import pytest
from fakes import fake_robot

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.policy.lerobot_policy import load_lerobot

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parents[1] / ".venv-lerobot" / "bin" / "python"


@pytest.mark.skipif(not PYTHON.exists(), reason="run `make env-lerobot` first")
@pytest.mark.timeout(300)
def test_a_saved_act_loads_and_answers_as_lerobot_does(tmp_path: Path) -> None:
    done = subprocess.run([PYTHON, HERE / "load_policy.py", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["shape"] == [8, 4] and found["policy_id"] == "small_act" and found["step_dt"] == 0.05
    assert found["difference"] < 1e-5 and found["spread"] > 1e-3
    assert "joints ['j3'] are in policy small_act (contract.yaml) but not in robot fake" in found["joints"]
    assert "joint order: number 0 is 'j0' in policy small_act" in found["order"]
    assert "camera 'belly': other_camera/config.json takes it, contract.yaml has ['head']" in found["camera"]
    assert "contract.yaml is missing: it must name robot and joints" in found["contract"]


def test_without_lerobot_it_says_what_is_missing(tmp_path: Path) -> None:
    if _installed():
        pytest.skip("lerobot is installed here")
    with pytest.raises(ConfigError, match="is a policy of LeRobot, which is not installed here .*; install lerobot"):
        load_lerobot(tmp_path, fake_robot(2))


def _installed() -> bool:
    """This folder is called like the package, so that finding the name alone says nothing."""
    try:
        return importlib.util.find_spec("lerobot.policies") is not None
    except ImportError:
        return False
