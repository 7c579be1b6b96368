"""Behaviour cloning on the CPU: bf16 where it helps, averaged weights, exact resume, learning curves."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import ConfigError
from ..core.meaning import MEANING
from ..core.robot import RobotSpec
from ..policy.network import Augmentation, NetworkConfig, PolicyNetwork
from ..policy.tokenizer import Tokenizer
from .batches import AugmentConfig, Batch, BatchMaker, training_batches
from .checkpoint import TENSORS as TENSORS
from .checkpoint import load_checkpoint, save_checkpoint
from .curves import Curves
from .data import Mixture
from .distributed import Group, local, parallel, put, require_slices, whole
from .evaluation import Evaluation
from .loss import AuxLayout, LossWeights, action_weights, errors, loss_parts, statistics, total
from .processor import has_bf16

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train. Exactly one of `minutes` and `steps` is above 0 and ends the training; the learning rate follows
    a cosine over it after `warmup` steps. `ema`: how much of the averaged weights survives a step. `memory`: GB of
    frames kept in memory, 0 as many as the system likes. `shard`: weights are divided among the processes (FSDP2).
    `language`: the folder of the reader that read the sentences; its head becomes part of every bundle."""

    work: Path
    minutes: float = 0.0
    steps: int = 0
    batch: int = 32
    lr: float = 1e-3
    weight_decay: float = 0.02
    warmup: int = 200
    ema: float = 0.998
    clip: float = 1.0
    seed: int = 0
    validate_every: int = 1000
    validation_frames: int = 768
    bf16: bool = field(default_factory=has_bf16)
    memory: float = 0.0
    shard: bool = False
    language: Path | None = None
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    shares: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        if (self.minutes > 0) == (self.steps > 0):
            raise ConfigError(f"minutes is {self.minutes} and steps {self.steps}; give exactly one of them above 0")
        if self.batch < 1 or self.lr <= 0:
            raise ConfigError(f"batch is {self.batch} and lr {self.lr}; both must be above 0")


class Trainer:
    """One training: `run` until the budget is used or `stop()` is true; `network` then holds the averaged weights."""

    def __init__(
        self,
        mixture: Mixture,
        robot: RobotSpec,
        config: TrainConfig,
        sizes: dict[str, Any] | None = None,
        group: Group | None = None,
        make: type[PolicyNetwork] = PolicyNetwork,
        words: Tokenizer | None = None,
    ) -> None:
        """`sizes`: of the network, other than its own. `make`: which network. `words`: it reads words, no meanings."""
        self.mixture, self.config, self.group = mixture, config, group or Group()
        require_slices(config.batch, self.group.size)
        contract = mixture.contract
        self.layout = AuxLayout(mixture.aux, [name for name, _, _ in contract.cameras])
        self.words, share = words, (self.group.rank, self.group.size)
        self._language = None if words is None else np.stack([words.encode(s) for s in mixture.sentences])
        self.maker = self.batches(config.batch, config.seed, config.augment, memory=config.memory, share=share)
        self.groups = {name: robot.group(name) for name in robot.groups if name not in ("arms", "hands", "upper_body")}
        self.weights = action_weights(robot, contract.horizon, contract.step_dt)
        torch.manual_seed(config.seed)
        network = make(
            NetworkConfig(
                joints=len(contract.joint_names),
                pads=len(contract.tactile_pads),
                horizon=contract.horizon,
                cameras=contract.cameras,
                slots=() if words else tuple(len(values) for values in MEANING.values()),
                vocabulary=len(words.vocabulary) if words else 0,
                max_words=words.max_words if words else 0,
                aux=len(self.layout.targets),
                **(sizes or {}),
            )
        )
        layout = torch.contiguous_format if config.shard else torch.channels_last  # FSDP2 takes no other
        self._make, self.network = make, network.to(memory_format=layout)
        self._set_statistics(robot)
        self._parallel = parallel(self.network, self.group, config.shard)
        self.optimizer = torch.optim.AdamW(
            self._parameter_groups(), lr=config.lr, betas=(0.9, 0.98), fused=not config.shard
        )
        self.ema = {name: p.detach().clone() for name, p in self.network.named_parameters()}
        self.step, self.elapsed, self.started_from = 0, 0.0, ""

    def batches(self, size: int, seed: int, augment: AugmentConfig, **options: Any) -> BatchMaker:
        """Makes batches as this network reads them."""
        return BatchMaker(self.mixture, size, seed, augment, language=self._language, **options)

    def _set_statistics(self, robot: RobotSpec, sample: int = 20_000) -> None:
        if "arms" in robot.groups:
            self.network.relative.zero_()
            self.network.relative[torch.from_numpy(robot.group("arms"))] = 1.0
        frames = self.mixture.training
        frames = frames[np.linspace(0, len(frames) - 1, min(sample, len(frames))).astype(np.int64)]
        rows = {name: self.mixture.gather(name, frames) for name in ("position", "tactile", "action", "aux")}
        statistics(self.network, rows, self.mixture.gather("position", frames, "previous"), self.layout)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        decayed = [
            p for n, p in self.network.named_parameters() if p.ndim > 1 and "embed" not in n and "tokens" not in n
        ]
        ids = {id(p) for p in decayed}
        rest = [p for p in self.network.parameters() if id(p) not in ids]
        return [
            {"params": decayed, "weight_decay": self.config.weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ]

    def start_from(self, tensors: dict[str, Tensor], name: str) -> None:
        """Begin with the weights and statistics of an earlier policy `name` (its training-only heads may differ)."""
        own = self.network.state_dict()
        heads = ("aux", "early_aux", "late_aux")
        for key, value in own.items():
            given = tensors.get(key)
            if given is not None and given.shape == value.shape:
                put(value, given)
            elif given is None and key.startswith("glance"):  # policies made before it had none: begin with no effect
                value.zero_()
            elif not key.startswith(heads):
                got = "nothing" if given is None else tuple(given.shape)
                raise ConfigError(
                    f"{name} has {got} for the weight {key!r}, this network {tuple(value.shape)}; start without --init"
                )
        self.ema = {name: p.detach().clone() for name, p in self.network.named_parameters()}
        self.started_from = name

    def resume(self) -> None:
        """Go on from the checkpoint in the work folder."""
        state = load_checkpoint(self.config.work, self.network, self.ema, self.optimizer)
        for key, value in self._identity().items():
            if state.get(key) != value:
                raise ConfigError(
                    f"{self.config.work / TENSORS} was made with {key} = {state.get(key)}, now it is {value}; "
                    "give the same options to resume, or another --work folder to start afresh"
                )
        self.step, self.elapsed, self.started_from = state["step"], state["elapsed"], state["started_from"]

    def _identity(self) -> dict[str, Any]:
        c = self.config
        return {
            "data": self.mixture.folders,
            "frames": len(self.mixture),
            "horizon": self.mixture.contract.horizon,
            "batch": c.batch,
            "seed": c.seed,
            "lr": c.lr,
            "augment": asdict(c.augment),
        }

    def save(self) -> None:
        """Write the checkpoint. Every process must call this."""
        state = {"step": self.step, "elapsed": self.elapsed, "started_from": self.started_from, **self._identity()}
        save_checkpoint(self.config.work, self.network, self.ema, self.optimizer, state, self.group.first)

    def fraction(self) -> float:
        """How much of the budget is used, 0 to 1."""
        c = self.config
        return min(1.0, self.step / c.steps if c.steps else self.elapsed / (60.0 * c.minutes))

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.step + 1) / max(1, self.config.warmup))
        return self.config.lr * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.fraction())))

    def run(
        self, report: Report, stop: Callable[[], bool] = lambda: False, evaluation: Evaluation | None = None
    ) -> bool:
        """Train. `report` gets a dict after every step, validation and evaluation. Returns False when stopped early."""
        curves = Curves(self.config.work, self.step, self.group.first)
        begun = time.monotonic() - self.elapsed
        recent: dict[str, list[float]] = {}
        with training_batches(self.maker, self.step) as batches:
            while True:
                stopping, self.elapsed = self.group.agree(stop(), self.elapsed)
                if stopping or self.fraction() >= 1.0:
                    break
                parts = self.group.mean(self.train_step(next(batches)))
                self.elapsed = time.monotonic() - begun
                for name, value in parts.items():
                    recent.setdefault(name, []).append(value)
                report({"step": self.step, "elapsed": self.elapsed, "fraction": self.fraction(), **parts})
                if self.step % self.config.validate_every == 0:
                    self._take_stock(curves, recent, report)
                if evaluation is not None:
                    _tell(evaluation.step(self), curves, report)
        if recent and not stopping:
            self._take_stock(curves, recent, report)
        self.save()
        if evaluation is not None:
            _tell(evaluation.finish(), curves, report)
        curves.draw()
        return self.fraction() >= 1.0

    def _take_stock(self, curves: Curves, recent: dict[str, list[float]], report: Report) -> None:
        found = {f"train_{k}": float(np.mean(v)) for k, v in recent.items()} | self.validate()
        recent.clear()
        curves.add({"step": self.step, "minutes": self.elapsed / 60, "lr": self._learning_rate(), **found})
        self.save()
        report({"step": self.step, "validation": found})

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One update. Returns the parts of the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        wanted = self.network.normalise_actions(batch.rows["action"], batch.rows["position"])
        augment = Augmentation(batch.shift, batch.gain, batch.bias, batch.keep, wanted)
        with self._precision():
            out = self._forward(self._parallel, batch, augment)
        parts = loss_parts(self.network, out, batch, self.weights, self.layout)
        self.optimizer.zero_grad(set_to_none=True)
        total(parts, self.config.shares).backward()
        norm = whole(torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip))
        values = {name: float(part.detach()) for name, part in parts.items()}
        if not math.isfinite(float(norm)):
            raise ConfigError(f"the gradient is not finite at step {self.step} ({values}); lower --lr")
        self.optimizer.step()
        self.step += 1
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            averages, now = ([local(p) for p in some] for some in (self.ema.values(), self.network.parameters()))
            torch._foreach_lerp_(averages, now, 1.0 - keep)
        return values

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16)

    @staticmethod
    def _forward(network: Any, batch: Batch, augment: Augmentation | None) -> dict[str, Any]:
        rows = batch.rows
        found: dict[str, Any] = network(
            batch.images, batch.language, rows["position"], batch.previous, rows["tactile"], augment
        )
        return found

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Losses and errors of the averaged weights on held-out episodes, undisturbed. Only the first process looks."""
        frames, network = self.mixture.held_out, self.averaged()
        if not len(frames) or not self.group.first:
            return {}
        size = min(self.config.batch, len(frames))
        count = max(1, min(self.config.validation_frames, len(frames)) // size)
        frames = frames[np.linspace(0, len(frames) - 1, count * size).astype(np.int64)]
        maker = self.batches(size, 0, AugmentConfig.none())
        batch, sums = maker.new(), dict[str, float]()
        for i in range(count):
            still = np.zeros((size, len(batch.images), 2), np.int64)
            maker.fill(frames[i * size : (i + 1) * size], still, batch)
            with self._precision():
                out = self._forward(network, batch, None)
            parts = loss_parts(network, out, batch, self.weights, self.layout)
            found = {f"held_{k}": float(v) for k, v in parts.items()}
            found |= errors(network, out, batch, self.groups, self.layout)
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + value / count
        return sums

    def averaged(self) -> PolicyNetwork:
        """A copy of the network with the averaged weights. Every process must call this."""
        network = self._make(replace(self.network.config))
        network.load_state_dict({k: whole(v) for k, v in {**self.network.state_dict(), **self.ema}.items()})
        return network.to(memory_format=torch.channels_last).eval()


def _tell(rows: Iterable[dict[str, float]], curves: Curves, report: Report) -> None:
    for row in rows:
        curves.add(row)
        report({"step": row["step"], "evaluation": row})
