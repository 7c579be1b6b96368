"""Shuffled batches of tensors from any LeRobotDataset, made ahead by one thread in buffers that are used again.

Which frames batch number n holds depends on (seed, n, batch size, data set) only: training goes on where it stopped.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.errors import ConfigError
from ..dataset.loader import Loader, Sample


def batches(
    loader: Loader,
    batch_size: int,
    seed: int = 0,
    step: int = 0,
    *,
    drop_last: bool = True,
    shuffle: bool = True,
    weights: NDArray[np.floating[Any]] | None = None,
    share: tuple[int, int] = (0, 1),
    ahead: int = 1,
) -> Iterator[dict[str, Any]]:
    """Batches without end, from number `step` on: key -> tensor (B, ...), and `task`, a list of B sentences.

    A batch may be read until the next but one is asked for; copy what is kept longer. Closing the iterator ends its
    thread.

    Args: drop_last: leave out what is left of an epoch when it fills no batch. weights: (frames,), how often each is
    drawn, by chance and with repetition; see `episode_weights`. share: (rank, of how many) processes that divide every
    batch among them. ahead: batches made before they are asked for.
    """
    if batch_size < share[1] or drop_last and batch_size > len(loader):
        raise ConfigError(
            f"batch_size {batch_size} must be {share[1]} (processes) to {len(loader)} (frames loaded); "
            "name another, or drop_last=False"
        )
    if weights is not None and (len(weights) != len(loader) or not np.all(weights >= 0) or not np.sum(weights) > 0):
        raise ConfigError(
            f"weights of shape {np.shape(weights)} must be ({len(loader)},), one per frame, none negative, not all zero"
        )
    rows = sample_order(len(loader), batch_size, seed, step, drop_last, shuffle, weights)
    sets = [loader.buffers(-(-batch_size // share[1])) for _ in range(ahead + 2)]
    mine = (one[share[0] :: share[1]] for one in rows)
    return _ahead(loader, mine, sets)


def sample_order(
    frames: int,
    batch_size: int,
    seed: int,
    step: int = 0,
    drop_last: bool = True,
    shuffle: bool = True,
    weights: NDArray[np.floating[Any]] | None = None,
) -> Iterator[NDArray[np.int64]]:
    """The frames of batch `step` and all that follow; every epoch is in an order of its own."""
    per_epoch = frames // batch_size if drop_last else -(-frames // batch_size)
    chances = None if weights is None else np.asarray(weights, np.float64) / np.sum(weights, dtype=np.float64)
    epoch, at = divmod(step, per_epoch)
    while True:
        chance, order = np.random.default_rng((seed, epoch)), np.arange(frames)
        if chances is not None:
            order = chance.choice(frames, frames, p=chances)
        elif shuffle:
            order = chance.permutation(frames)
        for number in range(at, per_epoch):
            yield order[number * batch_size : (number + 1) * batch_size]
        epoch, at = epoch + 1, 0


def episode_weights(loader: Loader, weights: Mapping[int, float], default: float = 1.0) -> NDArray[np.float64]:
    """Weights for `batches` from those of episodes, number -> weight of each of its frames."""
    found = np.full(len(loader), default)
    for episode, weight in weights.items():
        found[loader.rows_of(episode)] = weight
    return found


def _ahead(loader: Loader, rows: Iterator[NDArray[np.int64]], sets: list[Sample]) -> Iterator[dict[str, Any]]:
    free: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()  # None: end
    made: queue.SimpleQueue[tuple[Sample, Sample] | BaseException] = queue.SimpleQueue()

    def make() -> None:
        try:
            while (buffers := free.get()) is not None:
                made.put((buffers, loader.batch(next(rows), buffers)))
        except BaseException as error:  # raised where the batch is asked for
            made.put(error)

    thread = threading.Thread(target=make, name="batches", daemon=True)
    thread.start()
    for one in sets[1:]:
        free.put(one)
    lent = sets[:1]  # with the reader: the last two
    try:
        while True:
            found = made.get()
            if isinstance(found, BaseException):
                raise found
            buffers, batch = found
            lent.append(buffers)
            yield {key: _tensor(value) for key, value in batch.items()}
            free.put(lent.pop(0))
    finally:
        free.put(None)
        thread.join()


def _tensor(value: Any) -> Any:
    if isinstance(value, list):
        return value
    return value.tolist() if value.dtype == object else torch.from_numpy(value)
