"""The vision-language-action transformer (PyTorch: for training and export only).

Camera pictures, what was said, joint positions now and a moment ago, and touch become tokens; a
transformer mixes them; action tokens become joint targets for the next steps. Shapes: B batch,
J joints, P pads, W words, M values of a meaning, K slots of it, H steps of the chunk,
A training-only targets, D token width.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .vision import COORDINATE_FEATURES, Pool, Stem, coordinate_features


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of the network. `cameras`: (name, height, width); the first gets the fine stem, the rest share one.

    `slots`: how many values each slot of a meaning has (`core.meaning`). Where it is empty the network reads word
    numbers instead: up to `max_words` out of `vocabulary`. `local`: see `Stem`.
    """

    joints: int
    pads: int
    horizon: int
    cameras: tuple[tuple[str, int, int], ...]
    slots: tuple[int, ...] = ()
    vocabulary: int = 0
    max_words: int = 0
    aux: int = 0
    width: int = 192
    layers: int = 4
    heads: int = 6
    mlp_ratio: int = 3
    sentence: int = 128
    fine_queries: int = 10
    coarse_queries: int = 6
    steps_per_token: int = 8
    local: bool = False

    @classmethod
    def from_mapping(cls, raw: dict[str, Any]) -> NetworkConfig:
        cameras = tuple((str(n), int(h), int(w)) for n, h, w in raw["cameras"])
        older = {"local": True}  # what bundles do not say that were made before there was a choice
        return cls(**{**older, **raw, "cameras": cameras, "slots": tuple(raw.get("slots", ()))})

    def to_mapping(self) -> dict[str, Any]:
        return {**asdict(self), "cameras": [list(c) for c in self.cameras], "slots": list(self.slots)}


@dataclass(slots=True)
class Augmentation:
    """Changes made to a training batch, all optional. `shift` (B, cameras, 2): px the picture content moved right
    and down, taken off again from the places the network reports, so that the picture still says where things are.
    `gain` (B, 3, 1, 1) and `bias` (B, 1, 1, 1) of the pictures; `keep` (B, 2) bool: history and touch are visible.
    `wanted` (B, H, J): the normalised actions, for networks that learn from a disturbed answer."""

    shift: Tensor | None = None
    gain: Tensor | None = None
    bias: Tensor | None = None
    keep: Tensor | None = None
    wanted: Tensor | None = None


@dataclass(slots=True)
class Perception:
    """What the network knows before it decides: `tokens` (B, T, D), `glance` (B, 1, D) for the answer tokens,
    the first guess at the training-only targets (B, A), and the `places` looked at, per camera (B, Q, 2)."""

    tokens: Tensor
    glance: Tensor
    early_aux: Tensor
    places: list[Tensor]


class Block(nn.Module):
    """Pre-norm transformer layer. Attention is written out: at this size several times faster than the fused one."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, 1.0 / math.sqrt(width // heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)

    def forward(self, x: Tensor, first: int | None = None) -> Tensor:
        """(B, T, D) -> the `first` tokens (all by default) after they have listened to all T."""
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = torch.matmul(q[:, :, :first] * self.scale, k.transpose(-1, -2)).softmax(dim=-1)
        heard = torch.matmul(weights.to(v.dtype), v).transpose(1, 2).flatten(2)
        x = x[:, :first] + self.out(heard)
        return x + self.down(torch.relu(self.up(self.norm2(x))))


class SentenceEncoder(nn.Module):
    """Word numbers (B, W) -> word tokens (B, W, D) and one sentence vector (B, S)."""

    def __init__(self, config: NetworkConfig, size: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(config.vocabulary, size, padding_idx=0)
        self.place = nn.Parameter(torch.randn(config.max_words, size) * 0.1)
        self.block = Block(size, 4, 2)
        self.words = nn.Linear(size, config.width)
        self.sentence = nn.Sequential(nn.Linear(size, config.sentence), nn.LayerNorm(config.sentence))

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        x = self.block(self.embed(words) + self.place)
        present = (words > 0).to(x.dtype).unsqueeze(-1)
        mean = (x * present).sum(1) / present.sum(1).clamp_min(1.0)
        return self.words(x), self.sentence(mean)


class MeaningEncoder(nn.Module):
    """Probabilities of a meaning's values (B, M) -> one token per slot (B, K, D) and one vector of all (B, S)."""

    def __init__(self, config: NetworkConfig, size: int = 64) -> None:
        super().__init__()
        self.sizes = list(config.slots)
        self.slots = nn.ModuleList(nn.Linear(values, size) for values in config.slots)
        self.words = nn.Linear(size, config.width)
        mixed, out = 2 * config.sentence, config.sentence
        self.sentence = nn.Sequential(
            nn.Linear(len(config.slots) * size, mixed), nn.ReLU(), nn.Linear(mixed, out), nn.LayerNorm(out)
        )

    def forward(self, meaning: Tensor) -> tuple[Tensor, Tensor]:
        parts = meaning.split(self.sizes, dim=1)
        x = torch.stack([slot(part) for slot, part in zip(self.slots, parts)], dim=1)
        return self.words(x), self.sentence(x.flatten(1))


class PolicyNetwork(nn.Module):
    """See the module's docstring. Statistics of the data are buffers, so weights carry their own units."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        d, j = config.width, config.joints
        self.sentence = MeaningEncoder(config) if config.slots else SentenceEncoder(config)
        self.fine = Stem(config.sentence, fine=True, local=config.local)
        self.coarse = Stem(config.sentence, fine=False)
        self.position = nn.Linear(j, d)
        self.history = nn.Linear(j, d)
        self.touch = nn.Linear(config.pads, d)
        self.hidden_inputs = nn.Parameter(torch.randn(2, d) * 0.02)
        context = config.sentence + d
        self.pools, self.coords, self.looks, self.views = (nn.ModuleList() for _ in range(4))
        described, coordinates = context, 0
        for i, (_, height, width) in enumerate(config.cameras):
            stride, queries = (4, config.fine_queries) if i == 0 else (8, config.coarse_queries)
            channels = (self.fine if i == 0 else self.coarse).channels
            size = (-(-height // stride), -(-width // stride))
            self.pools.append(Pool(channels, size, queries, context))
            self.looks.append(nn.Linear(channels, d))
            self.coords.append(nn.Linear(COORDINATE_FEATURES, d))
            self.views.append(nn.Embedding(queries, d))
            described += queries * (channels + COORDINATE_FEATURES)
            coordinates += queries * COORDINATE_FEATURES
        self.side = nn.Parameter(torch.randn(len(config.cameras), config.sentence) * 0.1)
        self.action_tokens = nn.Parameter(torch.randn(-(-config.horizon // config.steps_per_token) + 1, d) * 0.5)
        self.kinds = nn.Parameter(torch.randn(4, d) * 0.1)
        self.blocks = nn.ModuleList(Block(d, config.heads, config.mlp_ratio) for _ in range(config.layers))
        self.norm = nn.LayerNorm(d)
        self.actions = nn.Linear(d, config.steps_per_token * j)
        self.progress = nn.Linear(d, 1)
        self.late_aux = nn.Linear(d, config.aux)
        self.glance = nn.Linear(coordinates, d)  # a short way from where things are to what to do
        self.early_aux = nn.Sequential(nn.Linear(described, 128), nn.ReLU(), nn.Linear(128, config.aux))
        self._register_statistics()
        self.register_buffer("relative", torch.ones(config.joints))
        nn.init.normal_(self.actions.weight, std=0.01)

    def _register_statistics(self) -> None:
        c = self.config
        for name, shape in {
            "position": (c.joints,),
            "history": (c.joints,),
            "touch": (c.pads,),
            "action": (c.horizon, c.joints),
            "aux": (c.aux,),
        }.items():
            self.register_buffer(f"{name}_mean", torch.zeros(shape))
            self.register_buffer(f"{name}_std", torch.ones(shape))

    def see(
        self, images: list[Tensor], sentence: Tensor, context: Tensor, augment: Augmentation
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Per camera: tokens (B, Q, D), all that was seen, its coordinates (both flat), places (B, Q, 2)."""
        tokens, described, coordinates, places = [], [], [], []
        for i, image in enumerate(images):
            stem = self.fine if i == 0 else self.coarse
            pixels = image.permute(0, 3, 1, 2).float() * (1.0 / 127.5) - 1.0
            if augment.gain is not None and augment.bias is not None:
                pixels = torch.addcmul(augment.bias, pixels, augment.gain)
            features, place = self.pools[i](stem(pixels, sentence + self.side[i]), context)
            if augment.shift is not None:
                _, height, width = self.config.cameras[i]
                moved = augment.shift[:, i] * (2.0 / torch.tensor([width, height]))
                place = torch.cat([place[..., :2] - moved[:, None, :], place[..., 2:]], dim=-1)
            with torch.autocast("cpu", enabled=False):
                spelled = coordinate_features(place)
                token = self.coords[i](spelled) + self.views[i].weight
            tokens.append(token + self.looks[i](features))
            described.append(torch.cat([features.float(), spelled], dim=-1).flatten(1))
            coordinates.append(spelled.flatten(1))
            places.append(place[..., :2])
        return tokens, described, coordinates, places

    def feel(self, position: Tensor, previous: Tensor, tactile: Tensor, keep: Tensor | None) -> list[Tensor]:
        """Joint, history and touch tokens, each (B, D). Touch is compressed: the first newton says most."""
        now = self.position((position - self.position_mean) / self.position_std)
        moved = self.history((position - previous - self.history_mean) / self.history_std)
        touch = self.touch((torch.log1p(tactile.clamp_min(0.0)) - self.touch_mean) / self.touch_std)
        if keep is not None:
            moved = torch.where(keep[:, :1], moved, self.hidden_inputs[0].to(moved.dtype))
            touch = torch.where(keep[:, 1:], touch, self.hidden_inputs[1].to(touch.dtype))
        return [now, moved, touch]

    def forward(
        self,
        images: list[Tensor],
        language: Tensor,
        position: Tensor,
        previous: Tensor,
        tactile: Tensor,
        augment: Augmentation | None = None,
    ) -> dict[str, Any]:
        """`images`: per camera (B, h, w, 3) uint8; `language`: a meaning (B, M) or word numbers (B, W), as the
        configuration says; the rest (B, J) rad and (B, P) N.

        Returns normalised `actions` (B, H, J), `progress` logits (B,), `aux` two guesses [(B, A), (B, A)] in
        normalised units, and `places` per camera (B, Q, 2). `targets` turns actions into joint angles.
        """
        seen = self.perceive(images, language, position, previous, tactile, augment or Augmentation())
        return self.decide(seen, augment)

    def perceive(
        self,
        images: list[Tensor],
        language: Tensor,
        position: Tensor,
        previous: Tensor,
        tactile: Tensor,
        augment: Augmentation,
    ) -> Perception:
        """All that is known before anything is decided; arguments as those of `forward`."""
        word_tokens, sentence = self.sentence(language)
        body = self.feel(position, previous, tactile, augment.keep)
        context = torch.cat([sentence, body[0]], dim=-1)
        tokens, described, coordinates, places = self.see(images, sentence, context, augment)
        state = torch.stack(body, dim=1) + self.kinds[1:]
        early = self.early_aux(torch.cat([context.float(), *described], dim=-1)).float()
        glance = self.glance(torch.cat(coordinates, dim=-1)).unsqueeze(1)
        return Perception(torch.cat([*tokens, word_tokens + self.kinds[0], state], dim=1), glance, early, places)

    def decide(self, seen: Perception, augment: Augmentation | None) -> dict[str, Any]:
        """From what is known to what `forward` returns."""
        x = self.think(self.action_tokens + seen.glance, seen)
        with torch.autocast("cpu", enabled=False):
            actions = self.actions(x[:, 1:]).view(len(x), -1, self.config.joints)[:, : self.config.horizon]
        return {"actions": actions, **self.report(x, seen)}

    def think(self, answer: Tensor, seen: Perception) -> Tensor:
        """Mix the answer tokens (B, T, D) with all others; returns what they became, float32."""
        x = torch.cat([answer, seen.tokens], dim=1).float()
        for block in self.blocks[:-1]:
            x = block(x)
        x = self.blocks[-1](x, answer.shape[1])  # of the last layer nothing but the answers is read
        with torch.autocast("cpu", enabled=False):
            return self.norm(x.float())

    def report(self, x: Tensor, seen: Perception) -> dict[str, Any]:
        """Progress and the training-only guesses from the answer tokens `x`."""
        with torch.autocast("cpu", enabled=False):
            progress, late = self.progress(x[:, 0]).squeeze(-1), self.late_aux(x[:, 0])
        return {"progress": progress, "aux": [seen.early_aux, late], "places": seen.places}

    def action_loss(self, out: dict[str, Any], wanted: Tensor, weights: Tensor) -> Tensor:
        """How far `out` is from the normalised actions `wanted` (B, H, J): a mean weighted by `weights` (H, J)."""
        return ((out["actions"] - wanted).abs().mean(dim=0) * weights).mean()

    def normalise_actions(self, targets: Tensor, position: Tensor) -> Tensor:
        """Absolute joint targets (B, H, J) rad -> what `forward` should say.

        Where the buffer `relative` is 1 (the arms) that is relative to `position` (B, J), which makes small motions
        exact; elsewhere it is absolute, so that a joint that is only held cannot drift.
        """
        return (targets - (position * self.relative)[:, None, :] - self.action_mean) / self.action_std

    def targets(self, actions: Tensor, position: Tensor) -> Tensor:
        """The other way round: normalised actions -> absolute joint targets (B, H, J) rad."""
        return actions * self.action_std + self.action_mean + (position * self.relative)[:, None, :]

    def count_parameters(self) -> int:
        """Parameters used at run time (the training-only heads left out)."""
        extra = sum(p.numel() for m in (self.early_aux, self.late_aux) for p in m.parameters())
        return sum(p.numel() for p in self.parameters()) - extra
