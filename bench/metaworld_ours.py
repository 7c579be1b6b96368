"""Our network on Meta-World: the project's architecture and loss, trained as `optimus train` trains.

In training only, the network is also asked where things are (`metaworld_parts.TRUTH`), which the simulator knows.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from metaworld_parts import ACTIONS, CAMERAS, SIDE, TASKS, TRUTH, Demonstrations, Player
from torch import Tensor

from optimus_nodes.learning.batches import Batch, copy_shifted
from optimus_nodes.learning.checkpoint import TENSORS, load_checkpoint, save_checkpoint
from optimus_nodes.learning.loss import AuxLayout, LossWeights, loss_parts, statistics, total
from optimus_nodes.learning.processor import has_bf16
from optimus_nodes.policy.network import Augmentation, NetworkConfig, PolicyNetwork

HORIZON, BATCH, LEARNING_RATE, WEIGHT_DECAY, WARM_UP, EMA, CLIP = 16, 32, 1e-3, 0.02, 200, 0.998, 1.0
SHIFT = (4, 3)  # px, of each camera
POSITION_NOISE = np.array([0.003, 0.003, 0.003, 0.02], np.float32)  # m, and share of the fingers' opening
BRIGHTNESS, CONTRAST, TINT, HISTORY_DROPOUT = 0.1, 0.15, 0.03, 0.2
EVERY, KEEP = 2, 0.6  # how chunks are played: see metaworld_parts.Player
LAYOUT = AuxLayout(TRUTH, CAMERAS)


def new_network() -> PolicyNetwork:
    """The network with nothing learnt. What was said reaches it as one of ten."""
    config = NetworkConfig(
        joints=ACTIONS,
        pads=1,  # there is no touch here: always 0
        horizon=HORIZON,
        steps_per_token=4,
        cameras=tuple((name, SIDE, SIDE) for name in CAMERAS),
        slots=(len(TASKS),),
        aux=len(LAYOUT.targets),
    )
    network = PolicyNetwork(config).to(memory_format=torch.channels_last)
    network.relative.zero_()
    return network


class Training:
    """One training of ours. `step` until the budget is used."""

    def __init__(self, data: Demonstrations, work: Path, seed: int) -> None:
        self.data, self.work, self.seed, self.steps = data, work, seed, 0
        torch.manual_seed(seed)
        self.network = new_network()
        every = np.arange(0, len(data.action), max(1, len(data.action) // 20_000))
        rows = {"position": data.position, "action": data.chunks(every, HORIZON)[0], "aux": data.truth}
        rows = {name: rows[name] if name == "action" else rows[name][every] for name in rows}
        statistics(
            self.network, rows | {"tactile": np.zeros((len(every), 1), np.float32)}, data.previous[every], LAYOUT
        )
        decayed = [p for n, p in self.network.named_parameters() if p.ndim > 1 and "tokens" not in n]
        ids = {id(p) for p in decayed}
        rest = [p for p in self.network.parameters() if id(p) not in ids]
        groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True)
        self.ema = {name: p.detach().clone() for name, p in self.network.named_parameters()}
        self._of_task = [np.flatnonzero(data.task == task) for task in np.unique(data.task)]
        self._weights = torch.ones(ACTIONS)

    def resume(self) -> dict[str, Any]:
        """Go on from the checkpoint; its state, {} when there is none."""
        if not (self.work / TENSORS).exists():
            return {}
        state = load_checkpoint(self.work, self.network, self.ema, self.optimizer)
        self.steps = state["steps"]
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.work, self.network, self.ema, self.optimizer, {**state, "steps": self.steps})

    def step(self, fraction: float) -> dict[str, float]:
        """One update, `fraction` of the budget being used. The parts of the loss."""
        warm = min(1.0, (self.steps + 1) / WARM_UP)
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * fraction)))
        batch = self._batch(np.random.default_rng((self.seed, self.steps)))
        augment = Augmentation(batch.shift, batch.gain, batch.bias, batch.keep)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16()):
            out = self.network(
                batch.images, batch.language, batch.rows["position"], batch.previous, batch.rows["tactile"], augment
            )
        parts = loss_parts(self.network, out, batch, self._weights, LAYOUT)
        self.optimizer.zero_grad(set_to_none=True)
        total(parts, LossWeights()).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimizer.step()
        self.steps += 1
        keep = min(EMA, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.ema.values()), list(self.network.parameters()), 1.0 - keep)
        return {name: float(part.detach()) for name, part in parts.items()}

    def _batch(self, chance: np.random.Generator) -> Batch:
        """As many frames of each task as of the others, disturbed."""
        data, size, cameras = self.data, BATCH, len(CAMERAS)
        tasks = chance.permutation(np.arange(size) % len(self._of_task))
        frames = np.array([self._of_task[task][chance.integers(len(self._of_task[task]))] for task in tasks])
        limit = np.array(SHIFT)[None, :, None]
        shift = chance.integers(-limit, limit + 1, size=(size, cameras, 2))
        pictures = np.empty((cameras, size, SIDE, SIDE, 3), np.uint8)
        for i, frame in enumerate(frames):
            for camera in range(cameras):
                copy_shifted(pictures[camera, i], data.images[frame, camera], *shift[i, camera].tolist())
        noise = chance.standard_normal((size, ACTIONS)).astype(np.float32) * POSITION_NOISE
        drift = chance.standard_normal((size, ACTIONS)).astype(np.float32) * POSITION_NOISE * 0.2
        contrast = 1 + CONTRAST * chance.uniform(-1, 1, (size, 1, 1, 1))
        gain = contrast * (1 + TINT * chance.uniform(-1, 1, (size, 3, 1, 1)))
        rows = {
            "position": data.position[frames] + noise,
            "tactile": np.zeros((size, 1)),
            "action": data.chunks(frames, HORIZON)[0],
            "progress": data.progress[frames],
            "aux": data.truth[frames],
        }
        return Batch(
            images=[torch.from_numpy(one) for one in pictures],
            language=torch.from_numpy(np.eye(len(TASKS), dtype=np.float32)[data.task[frames]]),
            previous=_float(data.previous[frames] + noise + drift),
            shift=_float(shift),
            gain=_float(gain),
            bias=_float(BRIGHTNESS * chance.uniform(-1, 1, (size, 1, 1, 1))),
            keep=torch.from_numpy(chance.random((size, 2)) >= [HISTORY_DROPOUT, 0.0]),
            rows={name: _float(value) for name, value in rows.items()},
        )


def _float(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


class Policy:
    """The trained network at work, with its averaged weights."""

    def __init__(self, work: Path) -> None:
        from safetensors.torch import load_file

        tensors = load_file(work / TENSORS)
        state = {name[8:]: value for name, value in tensors.items() if name.startswith("network.")}
        state |= {name[4:]: value for name, value in tensors.items() if name.startswith("ema.")}
        self.network = new_network().eval()
        self.network.load_state_dict(state)

    def reset(self, task: str) -> None:
        """A new episode begins."""
        self._language = torch.from_numpy(np.eye(len(TASKS), dtype=np.float32)[[TASKS.index(task)]])
        self._player, self._previous = Player(EVERY, KEEP), np.zeros(0)

    def due(self) -> bool:
        """Does the next action need pictures?"""
        return self._player.due()

    @torch.inference_mode()
    def act(self, images: np.ndarray | None, position: np.ndarray) -> np.ndarray:
        """The next action (4,), from pictures (C, H, W, 3) where they are due and the robot's position (4,)."""
        if images is not None:
            pictures = [torch.from_numpy(np.ascontiguousarray(one))[None] for one in images]
            before = _float(self._previous if len(self._previous) else position)[None]
            now, touch = _float(position)[None], torch.zeros(1, 1)
            out = self.network(pictures, self._language, now, before, touch)
            self._player.give(self.network.targets(out["actions"], now)[0].numpy())
        self._previous = position
        return self._player.action()
