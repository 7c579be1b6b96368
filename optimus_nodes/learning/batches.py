"""Batches for training, made ahead of time by one thread in reused buffers.

Batch number n depends on (seed, n) only: a resumed training sees exactly the batches it would have seen.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .data import Mixture

_FLOATS = ("position", "tactile", "action", "progress", "aux")


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """How training pictures and joints are disturbed. Shifts in px, noise in rad, the rest are shares."""

    head_shift: int = 4
    wrist_shift: int = 3
    position_noise: float = 0.01
    history_dropout: float = 0.2
    touch_dropout: float = 0.1
    brightness: float = 0.15
    contrast: float = 0.2
    tint: float = 0.04

    @classmethod
    def none(cls) -> AugmentConfig:
        """Nothing is disturbed."""
        return cls(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class Batch:
    """Tensors of B frames: see `learning.data` for names and units; `images` in the order of the contract's cameras.

    `language`: what was said, as the network reads it. `previous` (B, J): positions one frame earlier.
    `shift` (B, cameras, 2) px, `gain` (B, 3, 1, 1), `bias` (B, 1, 1, 1), `keep` (B, 2) as in
    `policy.network.Augmentation`.
    """

    images: list[Tensor]
    language: Tensor
    previous: Tensor
    shift: Tensor
    gain: Tensor
    bias: Tensor
    keep: Tensor
    rows: dict[str, Tensor] = field(default_factory=dict)


def copy_shifted(target: NDArray[np.uint8], source: NDArray[np.uint8], dx: int, dy: int) -> None:
    """Copy a picture (H, W, 3) with its content moved `dx` right and `dy` down; the border is repeated."""
    h, w = source.shape[:2]
    top, bottom, left, right = max(dy, 0), h + min(dy, 0), max(dx, 0), w + min(dx, 0)
    target[top:bottom, left:right] = source[top - dy : bottom - dy, left - dx : right - dx]
    target[top:bottom, :left] = target[top:bottom, left : left + 1]
    target[top:bottom, right:] = target[top:bottom, right - 1 : right]
    target[:top] = target[top]
    target[bottom:] = target[bottom - 1]


class BatchMaker:
    """Fills buffers with frames of a mixture. `memory`: GB of frames after which those read are let go, 0 never.

    `share`: (rank, of how many) processes that divide every batch of `size` frames; all draw it, each fills its part.
    `language`: what the network reads for each of the mixture's sentences, (S, ...); None: its meaning.
    """

    def __init__(
        self,
        mixture: Mixture,
        size: int,
        seed: int,
        augment: AugmentConfig,
        *,
        memory: float = 0.0,
        share: tuple[int, int] = (0, 1),
        language: NDArray[Any] | None = None,
    ) -> None:
        self._language = mixture.meaning if language is None else language
        self._budget = int(memory * 1e9 / mixture.bytes_per_frame) if memory else 0
        self._read = 0
        self.mixture, self.size, self.seed, self.augment = mixture, size, seed, augment
        part = size // share[1]
        self._mine = slice(share[0] * part, (share[0] + 1) * part)
        self._cumulative = np.cumsum(mixture.probability)

    def new(self) -> Batch:
        """An empty buffer."""
        c, b = self.mixture.contract, self._mine.stop - self._mine.start
        images = [torch.zeros((b, h, w, 3), dtype=torch.uint8) for _, h, w in c.cameras]
        rows = {n: torch.zeros((b, *self.mixture.row_shape(n))) for n in _FLOATS}
        return Batch(
            images=images,
            language=torch.from_numpy(np.zeros((b, self._language.shape[1]), self._language.dtype)),
            previous=torch.zeros((b, len(c.joint_names))),
            shift=torch.zeros((b, len(c.cameras), 2)),
            gain=torch.ones((b, 3, 1, 1)),
            bias=torch.zeros((b, 1, 1, 1)),
            keep=torch.ones((b, 2), dtype=torch.bool),
            rows=rows,
        )

    def training_batch(self, number: int, batch: Batch) -> None:
        """Fill `batch` with training frames drawn and disturbed by (seed, number)."""
        rng = np.random.default_rng((self.seed, number))
        drawn = np.searchsorted(self._cumulative, rng.random(self.size) * self._cumulative[-1])
        frames = self.mixture.training[np.minimum(drawn, len(self._cumulative) - 1)]
        a, cameras, mine = self.augment, len(batch.images), self._mine
        limit = np.array([a.head_shift] + [a.wrist_shift] * (cameras - 1))[None, :, None]
        shift = rng.integers(-limit, limit + 1, size=(self.size, cameras, 2))
        self.fill(frames[mine], shift[mine], batch)
        contrast = 1 + a.contrast * rng.uniform(-1, 1, (self.size, 1, 1, 1))
        gain = contrast * (1 + a.tint * rng.uniform(-1, 1, (self.size, 3, 1, 1)))
        batch.gain.copy_(_tensor(gain[mine]))
        batch.bias.copy_(_tensor((a.brightness * rng.uniform(-1, 1, (self.size, 1, 1, 1)))[mine]))
        keep = rng.random((self.size, 2)) >= [a.history_dropout, a.touch_dropout]
        batch.keep.copy_(torch.from_numpy(keep[mine]))
        shape = (self.size, batch.previous.shape[1])
        noise = _tensor((rng.standard_normal(shape) * a.position_noise)[mine])
        drift = _tensor((rng.standard_normal(shape) * a.position_noise * 0.2)[mine])
        batch.rows["position"] += noise
        batch.previous += noise + drift

    def fill(self, frames: NDArray[np.int64], shift: NDArray[np.int64], batch: Batch) -> None:
        """Copy `frames` (B,) into `batch`, pictures moved by `shift` (B, cameras, 2) px."""
        m = self.mixture
        self._read += len(frames)
        if self._budget and self._read > self._budget:
            m.release()
            self._read = len(frames)
        for name in _FLOATS:
            batch.rows[name].copy_(torch.from_numpy(m.gather(name, frames)))
        batch.previous.copy_(torch.from_numpy(m.gather("position", frames, "previous")))
        batch.language.copy_(torch.from_numpy(self._language[m.sentence[frames]]))
        batch.shift.copy_(torch.from_numpy(shift))
        shards, rows = m.shard[frames].tolist(), m.row[frames].tolist()
        for camera, (name, _, _) in enumerate(m.contract.cameras):
            pictures, moves = batch.images[camera].numpy(), shift[:, camera].tolist()
            for i, (s, r) in enumerate(zip(shards, rows)):
                copy_shifted(pictures[i], m.shards[s].images[name][r], *moves[i])


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


@contextmanager
def training_batches(maker: BatchMaker, first: int, ahead: int = 3) -> Iterator[Iterator[Batch]]:
    """Batches `first`, `first` + 1, ... without end. A batch is overwritten after the next one is asked for."""
    free: queue.Queue[Batch | None] = queue.Queue()
    ready: queue.Queue[Batch | BaseException] = queue.Queue()
    for _ in range(ahead):
        free.put(maker.new())

    def work() -> None:
        number = first
        while (batch := free.get()) is not None:
            try:
                maker.training_batch(number, batch)
            except BaseException as error:  # handed to the training thread, which raises it
                ready.put(error)
                return
            ready.put(batch)
            number += 1

    def hand_out() -> Iterator[Batch]:
        while True:
            batch = ready.get()
            if isinstance(batch, BaseException):
                raise batch
            yield batch
            free.put(batch)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        yield hand_out()
    finally:
        while not free.empty():
            free.get_nowait()
        free.put(None)
        thread.join()
