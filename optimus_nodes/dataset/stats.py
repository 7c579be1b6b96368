"""Statistics as LeRobot keeps them: min, max, mean, std, count and quantiles of every feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.values import ImageArray

Stats = dict[str, NDArray[Any]]
QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_STRIDE = 4  # every so many-th pixel of a picture is counted


def column_stats(values: NDArray[Any]) -> Stats:
    """Statistics of a column (F,) or (F, N), each of shape (1,) or (N,); count is (1,)."""
    table = np.sort(values.reshape(len(values), -1).T, axis=1).astype(np.float64)  # one sort for all: 6 times quicker
    place = np.array(list(QUANTILES.values())) * (len(values) - 1)  # linear between neighbours, as np.quantile
    before = place.astype(np.int64)
    after = np.minimum(before + 1, len(values) - 1)
    quantiles = (table[:, before] + (place - before) * (table[:, after] - table[:, before])).T
    found = {"min": table[:, 0], "max": table[:, -1], "mean": table.mean(1), "std": table.std(1)}
    found |= dict(zip(QUANTILES, quantiles))
    return {**found, "count": np.array([len(values)])}


def sample(pixels: ImageArray) -> ImageArray:
    """What of a picture (H, W, 3) is counted: a copy of some of its pixels."""
    return pixels[::_STRIDE, ::_STRIDE].copy()


class PictureStats:
    """Statistics of one camera's pictures, from samples of some of them."""

    def __init__(self) -> None:
        self._histogram = np.zeros((3, 256), np.int64)
        self._counted = 0

    def add(self, pixels: ImageArray) -> None:
        """One sampled picture (h, w, 3) uint8 RGB."""
        for channel in range(3):
            self._histogram[channel] += np.bincount(pixels[..., channel].ravel(), minlength=256)
        self._counted += 1

    def result(self) -> Stats:
        """Each of shape (3, 1, 1), scaled to 0 to 1."""
        levels = np.arange(256) / 255.0
        counts = self._histogram.sum(1)
        mean = self._histogram @ levels / counts
        found = {
            "min": np.array([levels[h > 0].min() for h in self._histogram]),
            "max": np.array([levels[h > 0].max() for h in self._histogram]),
            "mean": mean,
            "std": np.sqrt(np.maximum(self._histogram @ levels**2 / counts - mean**2, 0.0)),
        }
        share = np.cumsum(self._histogram, axis=1) / counts[:, None]
        for name, quantile in QUANTILES.items():
            found[name] = np.array([levels[np.searchsorted(s, quantile)] for s in share])
        return {**{k: v.reshape(3, 1, 1) for k, v in found.items()}, "count": np.array([self._counted])}


def merged(parts: Sequence[Mapping[str, Stats]]) -> dict[str, Stats]:
    """Statistics of all episodes together; quantiles are the weighted mean of the episodes', as LeRobot has it."""
    found: dict[str, Stats] = {}
    for key in parts[0] if parts else ():
        stats = [part[key] for part in parts]
        weight = np.array([s["count"][0] for s in stats], np.float64)
        shape = (-1, *[1] * stats[0]["mean"].ndim)
        share = (weight / weight.sum()).reshape(shape)
        mean = (np.stack([s["mean"] for s in stats]) * share).sum(0)
        spread = np.stack([s["std"] ** 2 + (s["mean"] - mean) ** 2 for s in stats])
        found[key] = {
            "min": np.min([s["min"] for s in stats], axis=0),
            "max": np.max([s["max"] for s in stats], axis=0),
            "mean": mean,
            "std": np.sqrt((spread * share).sum(0)),
            **{q: (np.stack([s[q] for s in stats]) * share).sum(0) for q in QUANTILES},
            "count": np.array([int(weight.sum())]),
        }
    return found
