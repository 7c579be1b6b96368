"""Other networks to measure the chosen one against: other ways to decide, to see and to listen.

Each is a `PolicyNetwork` with one part exchanged, so that everything else in a comparison is equal.
`bench/ablation.py` trains and plays them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..policy.network import Augmentation, NetworkConfig, Perception, PolicyNetwork

_EULER_STEPS = 5
_TIMES = 16  # features that spell out the time of the flow
_BINS, _WIDEST = 63, 4.0  # bins per action over +-_WIDEST standard deviations
_PATCH = 16  # px


class FlowNetwork(PolicyNetwork):
    """Flow matching (Lipman et al. 2023): learns the velocity from noise to the chunk, then follows it."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        d = config.width
        self.noisy = nn.Linear(config.steps_per_token * config.joints, d)
        self.time = nn.Sequential(nn.Linear(_TIMES, d), nn.ReLU(), nn.Linear(d, d))

    def decide(self, seen: Perception, augment: Augmentation | None) -> dict[str, Any]:
        wanted = augment.wanted if augment is not None else None
        batch = len(seen.tokens)
        shape = (batch, self.config.horizon, self.config.joints)
        if wanted is not None:
            time = torch.distributions.Beta(1.0, 1.5).sample((batch,))  # more of the noisy end, as pi0 does
            noise = torch.randn(shape)
            mixed = torch.lerp(noise, wanted, time[:, None, None])
            velocity, x = self._velocity(mixed, time, seen)
            return {"velocity": velocity, "flow": wanted - noise, "actions": mixed, **self.report(x, seen)}
        actions = torch.zeros(shape)  # the middle of the noise: the same question gets the same answer
        for k in range(_EULER_STEPS):
            time = torch.full((batch,), k / _EULER_STEPS)
            velocity, x = self._velocity(actions, time, seen)
            actions = actions + velocity / _EULER_STEPS
        return {"actions": actions, **self.report(x, seen)}

    def _velocity(self, actions: Tensor, time: Tensor, seen: Perception) -> tuple[Tensor, Tensor]:
        config, batch = self.config, len(actions)
        short = (len(self.action_tokens) - 1) * config.steps_per_token - config.horizon
        padded = nn.functional.pad(actions, (0, 0, 0, short)).reshape(batch, len(self.action_tokens) - 1, -1)
        waves = time[:, None] * torch.logspace(0.0, 2.0, _TIMES // 2)
        spelled = self.time(torch.cat([waves.sin(), waves.cos()], dim=1))[:, None]
        asked = nn.functional.pad(self.noisy(padded), (0, 0, 1, 0))
        x = self.think(self.action_tokens + seen.glance + spelled + asked, seen)
        with torch.autocast("cpu", enabled=False):
            velocity = self.actions(x[:, 1:]).view(batch, -1, config.joints)[:, : config.horizon]
        return velocity, x

    def action_loss(self, out: dict[str, Any], wanted: Tensor, weights: Tensor) -> Tensor:
        if "velocity" not in out:
            return super().action_loss(out, wanted, weights)
        return ((out["velocity"] - out["flow"]).square().mean(dim=0) * weights).mean()


class TokenNetwork(PolicyNetwork):
    """Actions as words: each joint of each step is one of _BINS bins (as in RT-1), all said at once."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.actions = nn.Linear(config.width, config.steps_per_token * config.joints * _BINS)
        self.register_buffer("centres", torch.linspace(-_WIDEST, _WIDEST, _BINS))

    def decide(self, seen: Perception, augment: Augmentation | None) -> dict[str, Any]:
        x = self.think(self.action_tokens + seen.glance, seen)
        with torch.autocast("cpu", enabled=False):
            said = self.actions(x[:, 1:]).view(len(x), -1, self.config.joints, _BINS)[:, : self.config.horizon]
        likely = said.argmax(dim=-1, keepdim=True)
        near = (torch.arange(_BINS) - likely).abs() <= 1  # between bins, the mean of the likeliest three
        share = said.masked_fill(~near, -torch.inf).softmax(dim=-1)
        return {"actions": share @ self.centres, "said": said, **self.report(x, seen)}

    def action_loss(self, out: dict[str, Any], wanted: Tensor, weights: Tensor) -> Tensor:
        bins = ((wanted.clamp(-_WIDEST, _WIDEST) + _WIDEST) * ((_BINS - 1) / (2 * _WIDEST))).round().long()
        wrong = nn.functional.cross_entropy(out["said"].flatten(0, 2), bins.flatten(), reduction="none")
        return (wrong.view(bins.shape).mean(dim=0) * weights).mean()


class PatchNetwork(PolicyNetwork):
    """Pictures as a grid of patches (as in ViT) that meet the words in the transformer only."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        d = config.width
        self.patches = nn.ModuleList(nn.Conv2d(3, d, _PATCH, stride=_PATCH) for _ in config.cameras)
        self.spots = nn.ParameterList(
            torch.randn((height // _PATCH) * (width // _PATCH), d) * 0.1 for _, height, width in config.cameras
        )

    def see(
        self, images: list[Tensor], sentence: Tensor, context: Tensor, augment: Augmentation
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        tokens, described, coordinates, places = [], [], [], []
        for i, image in enumerate(images):
            pixels = image.permute(0, 3, 1, 2).float() * (1.0 / 127.5) - 1.0
            if augment.gain is not None and augment.bias is not None:
                pixels = torch.addcmul(augment.bias, pixels, augment.gain)
            tokens.append(self.patches[i](pixels).flatten(2).transpose(1, 2) + self.spots[i])
            pool, queries = self.pools[i], self.pools[i].queries
            features, asked = pool.key.in_features, self.coords[i].in_features
            described.append(torch.zeros(len(image), queries * (features + asked)))
            coordinates.append(torch.zeros(len(image), queries * asked))
            places.append(torch.zeros(len(image), queries, 2))
        return tokens, described, coordinates, places


class LateNetwork(PolicyNetwork):
    """The stems do not listen: words meet the pictures in pooling and transformer only."""

    def see(
        self, images: list[Tensor], sentence: Tensor, context: Tensor, augment: Augmentation
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        return super().see(images, torch.zeros_like(sentence), context, augment)


class HalfNetwork(PolicyNetwork):
    """Sees every picture at half its height and width."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(replace(config, cameras=tuple((name, h // 2, w // 2) for name, h, w in config.cameras)))
        self.config = config

    def see(
        self, images: list[Tensor], sentence: Tensor, context: Tensor, augment: Augmentation
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        halves = [nn.functional.avg_pool2d(one.permute(0, 3, 1, 2).float(), 2).permute(0, 2, 3, 1) for one in images]
        return super().see(halves, sentence, context, augment)


class MomentNetwork(PolicyNetwork):
    """Feels where the joints are, and not where they were a moment ago."""

    def feel(self, position: Tensor, previous: Tensor, tactile: Tensor, keep: Tensor | None) -> list[Tensor]:
        return super().feel(position, position, tactile, keep)


VARIANTS: dict[str, type[PolicyNetwork]] = {
    "chosen": PolicyNetwork,
    "flow": FlowNetwork,
    "tokens": TokenNetwork,
    "patches": PatchNetwork,
    "late_language": LateNetwork,
    "half_pictures": HalfNetwork,
    "no_history": MomentNetwork,
}
