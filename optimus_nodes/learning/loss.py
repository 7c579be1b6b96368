"""What training asks of the network, and how far off it is in units people know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.robot import RobotSpec
from ..policy.network import PolicyNetwork
from .batches import Batch
from .distributed import shared

GROUP_WEIGHTS = {"neck": 0.3, "waist": 0.5, "left_arm": 1.0, "right_arm": 1.0, "left_leg": 0.05, "right_leg": 0.05}
GROUP_WEIGHTS.update(left_hand=0.5, right_hand=0.5)
FORESIGHT = 1.5  # s: a target so much later counts 1/e as much, since it is decided anew before
_MASK = re.compile(r"(.+)_mask$")


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Share of each part of the loss beside the actions' 1."""

    progress: float = 0.1
    aux: float = 0.3
    places: float = 1.0


def action_weights(robot: RobotSpec, horizon: int, step_dt: float) -> Tensor:
    """Weight of each joint of each step (H, J), mean 1: near steps weigh more, a group shares its weight."""
    later = np.exp(-np.arange(horizon) * step_dt / FORESIGHT)
    return torch.from_numpy(np.outer(later / later.mean(), _joint_weights(robot)).astype(np.float32))


def _joint_weights(robot: RobotSpec) -> NDArray[np.float64]:
    weights = np.full(len(robot.joint_names), 0.01)
    for group, weight in GROUP_WEIGHTS.items():
        if group in robot.groups:
            index = robot.group(group)
            weights[index] = weight / len(index)
    return weights / weights.mean()


class AuxLayout:
    """What the names of training-only targets mean (see `learning.data`).

    `targets`: columns to predict. `masks`: for each of them the column of its mask, or -1. `places`: per camera,
    pairs of columns (u, v); pair i teaches question i of that camera.
    """

    def __init__(self, names: Sequence[str], cameras: Sequence[str]) -> None:
        masks = {found.group(1): i for i, name in enumerate(names) if (found := _MASK.match(name))}
        self.places: list[list[tuple[int, int]]] = []
        for camera in cameras:
            pairs = [n[:-2] for n in names if n.endswith(f"_{camera}_u") and n[:-1] + "v" in names]
            self.places.append([(names.index(p + "_u"), names.index(p + "_v")) for p in pairs])
        taught = {column for pairs in self.places for pair in pairs for column in pair}
        self.targets = [i for i, name in enumerate(names) if i not in taught and not _MASK.match(name)]
        self.masks = [
            max(((len(k), c) for k, c in masks.items() if names[i].startswith(k + "_")), default=(0, -1))[1]
            for i in self.targets
        ]
        self.metres = [k for k, i in enumerate(self.targets) if re.search(r"_[xyz]$", names[i])]

    def split(self, aux: Tensor) -> tuple[Tensor, Tensor]:
        """Raw columns (B, A) -> targets (B, T), unknown ones 0, and how far they count (B, T), 0 or 1."""
        wanted = aux[:, self.targets]
        known = torch.isfinite(wanted).float()
        for k, column in enumerate(self.masks):
            if column >= 0:
                known[:, k] *= (aux[:, column] > 0.5).float()
        return torch.nan_to_num(wanted) * known, known


def statistics(
    network: PolicyNetwork, rows: dict[str, NDArray[np.float32]], previous: NDArray[np.float32], layout: AuxLayout
) -> None:
    """Set the network's buffers from a sample of the data: `rows` of (N, ...) arrays. Standard deviations have floors,
    so that a joint that never moves asks for nothing."""
    position = rows["position"]

    def put(name: str, values: NDArray[Any], floor: float) -> None:
        getattr(network, f"{name}_mean").copy_(torch.from_numpy(values.mean(0, dtype=np.float64).astype(np.float32)))
        std = np.maximum(values.std(0, dtype=np.float64), floor)
        getattr(network, f"{name}_std").copy_(torch.from_numpy(std.astype(np.float32)))

    put("position", position, 0.05)
    put("history", position - previous, 0.01)
    put("touch", np.log1p(np.maximum(rows["tactile"], 0.0)), 0.2)
    put("action", rows["action"] - (position * network.relative.numpy())[:, None, :], 0.02)
    targets, known = (t.numpy() for t in layout.split(torch.from_numpy(rows["aux"])))
    if targets.shape[1]:
        count = np.maximum(known.sum(0), 1.0)
        mean = targets.sum(0) / count
        std = np.sqrt((((targets - mean) * known) ** 2).sum(0) / count)
        network.aux_mean.copy_(torch.from_numpy(mean))
        network.aux_std.copy_(torch.from_numpy(np.maximum(std, 1e-3)))


def loss_parts(
    network: PolicyNetwork, out: dict[str, Any], batch: Batch, weights: Tensor, layout: AuxLayout
) -> dict[str, Tensor]:
    """The parts of the loss, each a scalar: L1 on normalised actions, cross-entropy on progress, L1 on the rest."""
    rows = batch.rows
    wanted = network.normalise_actions(rows["action"], rows["position"])
    parts = {"action": network.action_loss(out, wanted, weights)}
    target = rows["progress"].clamp(0.0, 1.0)
    parts["progress"] = torch.nn.functional.binary_cross_entropy_with_logits(out["progress"], target)
    targets, known = layout.split(rows["aux"])
    if targets.shape[1]:
        normal = (targets - network.aux_mean) / network.aux_std
        errors = sum(((guess - normal).abs() * known).sum() for guess in out["aux"])
        parts["aux"] = errors / _count(known) / len(out["aux"])
    places = [_place_error(p, rows["aux"], pairs) for p, pairs in zip(out["places"], layout.places) if pairs]
    if places:
        parts["places"] = torch.stack(places).mean()
    return parts


def _place_error(places: Tensor, aux: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    wanted = torch.stack([aux[:, [u, v]] for u, v in pairs], dim=1) * 2.0 - 1.0
    known = torch.isfinite(wanted).float() * (wanted.abs().amax(dim=-1, keepdim=True) <= 1.0)
    error = (places[:, : len(pairs)] - torch.nan_to_num(wanted)).abs() * known
    return error.sum() / _count(known)


def _count(known: Tensor) -> Tensor:
    """What to divide a sum over the known values by: the same on all processes that share a batch."""
    return shared(known.sum()).clamp_min(0.01)


def total(parts: dict[str, Tensor], shares: LossWeights) -> Tensor:
    """One number to make small."""
    loss = parts["action"] + shares.progress * parts["progress"]
    for name in ("aux", "places"):
        if name in parts:
            loss = loss + getattr(shares, name) * parts[name]
    return loss


def errors(
    network: PolicyNetwork, out: dict[str, Any], batch: Batch, groups: dict[str, NDArray[np.intp]], layout: AuxLayout
) -> dict[str, float]:
    """Mean errors of one batch: rad per joint group, progress, and m of the training-only places (as `place_cm`)."""
    rows = batch.rows
    off = (network.targets(out["actions"], rows["position"]) - rows["action"]).abs().mean(dim=(0, 1))
    found = {f"{name}_rad": float(off[torch.from_numpy(index)].mean()) for name, index in groups.items()}
    found["progress"] = float((torch.sigmoid(out["progress"]) - rows["progress"]).abs().mean())
    targets, known = layout.split(rows["aux"])
    if layout.metres:
        guess = out["aux"][-1] * network.aux_std + network.aux_mean
        missed, counted = ((guess - targets).abs() * known)[:, layout.metres], known[:, layout.metres]
        found["place_cm"] = float(100.0 * missed.sum() / counted.sum().clamp_min(1.0))
    return found
