"""A network small enough to train inside a test, on the synthetic data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthetic_data import synthetic, synthetic_robot

from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.learning.batches import AugmentConfig
from optimus_nodes.learning.data import Mixture
from optimus_nodes.learning.distributed import Group
from optimus_nodes.learning.processor import use_threads
from optimus_nodes.learning.train import TrainConfig, Trainer
from optimus_nodes.policy.tokenizer import Tokenizer, grammar_vocabulary

ROBOT = synthetic_robot(joints=4)
SMALL = {"width": 64, "layers": 2, "heads": 4, "sentence": 64, "fine_queries": 4, "coarse_queries": 2}
SMALL["steps_per_token"] = 4


def small_mixture(folder: Path, episodes: int = 40, **options: Any) -> Mixture:
    """The synthetic data set with half-size pictures, in memory, as if it had been read from `folder`."""
    made = synthetic(episodes=episodes, length=2, shrink=2, robot=ROBOT, **options)
    return Mixture([made.data_set(folder)], held_out=0.1)


def small_trainer(
    mixture: Mixture,
    work: Path,
    robot: RobotSpec = ROBOT,
    group: Group | None = None,
    words: bool = True,
    **changes: Any,
) -> Trainer:
    """A trainer of the small network on one thread. `words`: it reads words, and its bundle needs no reader."""
    words_read = Tokenizer(grammar_vocabulary()) if words else None
    use_threads(1)
    values: dict[str, Any] = {"steps": 6, "batch": 8, "lr": 2e-3, "warmup": 20, "ema": 0.97, "validate_every": 3}
    augment = AugmentConfig(head_shift=2, wrist_shift=1)
    return Trainer(
        mixture, robot, TrainConfig(work=work, augment=augment, **(values | changes)), SMALL, group, words=words_read
    )
