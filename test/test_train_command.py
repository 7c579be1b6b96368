"""`optimus train` on its own: options that cannot work, Ctrl-C, and going on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_data import make_data_set, synthetic_robot

from optimus_nodes.cli.train import run
from optimus_nodes.core.errors import ConfigError, ContractError
from optimus_nodes.policy.runtime import load_policy
from optimus_nodes.robot.load import load_robot

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[1]
ROBOT, _ = load_robot("optimus")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoded pictures go where they are forgotten."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(make_data_set(tmp_path / "data", episodes=12, length=2, robot=ROBOT))


def test_a_training_without_a_budget_says_what_to_give(data: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="minutes is 0.0 and steps 0; give exactly one of them above 0"):
        run([data], tmp_path / "m", work=tmp_path / "w")


def test_data_of_another_robot_is_refused(tmp_path: Path) -> None:
    make_data_set(tmp_path / "other", episodes=2, robot=synthetic_robot())
    with pytest.raises(ContractError, match="the data do not fit robot optimus:\n  robot: data set .*other"):
        run([str(tmp_path / "other")], tmp_path / "m", work=tmp_path / "w", steps=1)


def test_nothing_to_resume_is_said(data: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no checkpoint to resume; leave --resume out"):
        run([data], tmp_path / "m", work=tmp_path / "w", steps=1, resume=True)


@pytest.mark.timeout(300)
def test_ctrl_c_writes_the_bundle_and_resume_finishes_it(data: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "optimus_nodes.cli.main", "train", data, "--out", str(tmp_path / "m")]
    command += ["--work", str(tmp_path / "w"), "--batch", "4", "--threads", "1", "--steps"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([*command, "100000"], env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith("step"))
            assert "s/step" in line and "min left" in line
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(100) == 0
        finally:
            process.kill()
    assert "go on with the same options and --resume" in rest
    stopped = int(rest.split("stopped at step ")[1].split(";")[0])
    with pytest.raises(ConfigError, match="holds a checkpoint; add --resume to go on"):
        run([data], tmp_path / "m", work=tmp_path / "w", resume=False)
    done = subprocess.run(
        [*command, str(stopped + 1), "--resume"], env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert load_policy(tmp_path / "m", ROBOT).policy_id == "m"
