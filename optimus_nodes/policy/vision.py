"""The eyes of the policy: a small convolutional stem that listens, and pooling that says where it looked.

Shapes: B batch, C channels, h w feature map, P = h * w places, Q queries, D token width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_FREQUENCIES = (1.0, 2.0, 4.0, 8.0)
COORDINATE_FEATURES = 2 + 4 * len(_FREQUENCIES) + 2


class Stem(nn.Module):
    """(B, 3, H, W) -> (B, C, H/4, W/4) when `fine`, else (B, C, H/8, W/8), modulated by the sentence throughout.

    The sentence scales and shifts the channels right after the first convolution (FiLM), so that
    from there on the network may look for what was named and ignore the rest. The fine map fuses
    the stride-8 map (what it is) into the stride-4 map (where exactly it is), which `local` convolves once more before.
    """

    def __init__(self, sentence: int, *, fine: bool, local: bool = False, narrow: int = 64, wide: int = 96) -> None:
        super().__init__()
        self.fine = fine
        self.channels = narrow if fine else wide
        self.patch = nn.Conv2d(3, narrow, 7, stride=4, padding=3)
        self.local = nn.Conv2d(narrow, narrow, 3, padding=1) if local else None
        self.down = nn.Conv2d(narrow, wide, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(wide, wide, 3, padding=1)
        self._sizes = [narrow, wide, wide] + ([narrow] if local else [])
        self.film = nn.Linear(sentence, 2 * sum(self._sizes))
        if fine:
            self.skip = nn.Conv2d(narrow, narrow, 1)
            self.up = nn.Conv2d(wide, narrow, 1)

    def forward(self, image: Tensor, sentence: Tensor) -> Tensor:
        modulation = self.film(sentence)[:, :, None, None].split([2 * n for n in self._sizes], dim=1)
        x = _film_relu(self.patch(image), modulation[0])
        if self.local is not None:
            x = x + _film_relu(self.local(x), modulation[3])
        y = _film_relu(self.down(x), modulation[1])
        y = y + _film_relu(self.deep(y), modulation[2])
        if not self.fine:
            return y
        up = nn.functional.interpolate(self.up(y), size=x.shape[-2:], mode="nearest")
        return torch.relu(self.skip(x) + up)


def _film_relu(x: Tensor, modulation: Tensor) -> Tensor:
    scale, shift = modulation.to(x.dtype).chunk(2, dim=1)
    return torch.relu(torch.addcmul(x + shift, x, scale))


class Pool(nn.Module):
    """Q questions asked of a feature map; each answer is a feature and the place it came from.

    `forward` returns features (B, Q, C) and places (B, Q, 4): expected x, y in [-1, 1] over the
    picture (x right, y down) and their standard deviations. Questions depend on sentence and joints.
    """

    def __init__(self, channels: int, size: tuple[int, int], queries: int, context: int, key: int = 48) -> None:
        super().__init__()
        self.queries, self.key_size = queries, key
        self.query = nn.Parameter(torch.randn(queries, key))
        self.ask = nn.Linear(context, queries * key)
        self.key = nn.Linear(channels, key)
        self.place_key = nn.Parameter(torch.randn(size[0] * size[1], key) * 0.1)
        y, x = torch.meshgrid(_centres(size[0]), _centres(size[1]), indexing="ij")
        grid = torch.stack([x.flatten(), y.flatten()], dim=1)
        self.register_buffer("grid", torch.cat([grid, grid * grid], dim=1), persistent=False)

    def forward(self, feature_map: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        values = feature_map.flatten(2).transpose(1, 2)
        keys = self.key(values) + self.place_key.to(values.dtype)
        query = self.query + self.ask(context).view(-1, self.queries, self.key_size)
        scores = torch.matmul(query.to(keys.dtype), keys.transpose(1, 2)).float() / math.sqrt(self.key_size)
        weights = scores.softmax(dim=-1)
        features = torch.matmul(weights.to(values.dtype), values)
        with torch.autocast("cpu", enabled=False):  # bf16 would round places to half a pixel
            moments = torch.matmul(weights, self.grid)
        mean, square = moments[..., :2], moments[..., 2:]
        spread = (square - mean * mean).clamp_min(1e-6).sqrt()
        return features, torch.cat([mean, spread], dim=-1)


def _centres(n: int) -> Tensor:
    return (torch.arange(n, dtype=torch.float32) + 0.5) / n * 2.0 - 1.0


def coordinate_features(places: Tensor) -> Tensor:
    """(..., 4) places -> (..., COORDINATE_FEATURES): the values, and sines that spell out small steps."""
    mean, spread = places[..., :2], places[..., 2:]
    waves = [f(mean * (math.pi * k)) for k in _FREQUENCIES for f in (torch.sin, torch.cos)]
    return torch.cat([mean, *waves, spread], dim=-1)
