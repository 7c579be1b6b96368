"""Two processes that train together do what one does alone, and one goes on where two stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from learning_fakes import small_mixture, small_trainer
from train_together import train

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.learning.distributed import Group

pytestmark = pytest.mark.long

HERE = Path(__file__).resolve().parent


def train_two(out: Path, until: int, *options: str) -> dict[str, Any]:
    """Losses and weights of a training of two processes that stops after step `until` of 20."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    out.mkdir(exist_ok=True)
    running = []
    for rank in range(2):
        variables = {**os.environ, "PYTHONPATH": f"{HERE.parent}:{HERE}", "OMP_NUM_THREADS": "1"}
        variables |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        words = [sys.executable, str(HERE / "train_together.py"), str(out), str(until), *options]
        running.append(subprocess.Popen(words, env=variables, stderr=subprocess.PIPE, text=True))
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], "\n".join(said)
    found: dict[str, Any] = torch.load(out / f"at-{until}.pt")
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(tmp_path_factory.mktemp("alone"), 20, Group())


def same(one: dict[str, Any], other: dict[str, Any], since: int = 0) -> None:
    torch.testing.assert_close(torch.tensor(one["losses"]), torch.tensor(other["losses"])[since:], rtol=1e-4, atol=1e-6)
    for name, value in one["weights"].items():
        if name.endswith("key.bias"):  # changes nothing, so its gradient is rounding alone
            continue
        torch.testing.assert_close(value, other["weights"][name], rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.timeout(300)
def test_two_processes_give_the_losses_of_one(alone: dict[str, Any], tmp_path: Path) -> None:
    together = train_two(tmp_path, 20)
    assert len(together["losses"]) == 20
    same(together, alone)


@pytest.mark.timeout(300)
def test_divided_weights_give_the_losses_of_one(alone: dict[str, Any], tmp_path: Path) -> None:
    """FSDP2; and one process alone goes on from what two saved."""
    train_two(tmp_path, 10, "--shard")
    same(train(tmp_path, 20, Group()), alone, since=10)


def test_a_batch_that_cannot_be_divided_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a batch of 8 frames can't be divided among 3 processes; give --batch 9"):
        small_trainer(small_mixture(tmp_path), tmp_path, group=Group(0, 3))
