"""Everything a stopped training needs to go on as if it had not stopped. Safetensors and JSON, never pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..core.errors import ConfigError
from .distributed import put, whole

STATE, TENSORS = "state.json", "checkpoint.safetensors"


def save_checkpoint(
    folder: Path,
    network: nn.Module,
    ema: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
    write: bool = True,
) -> None:
    """Write weights, their average, the optimizer's moments and `state` so that a crash leaves the old or the new.

    `write`: false in all processes but the first, which take part because weights may be divided among them.
    """
    tensors = {f"network.{k}": whole(v) for k, v in network.state_dict().items()}
    tensors.update({f"ema.{k}": whole(v) for k, v in ema.items()})
    for i, moments in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer.{i}.{k}": whole(v) for k, v in moments.items()})
    if not write:
        return
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(state)
    path = folder / TENSORS
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, path.with_suffix(".new"), {"state": text})
    os.replace(path.with_suffix(".new"), path)
    (folder / STATE).write_text(json.dumps(state, indent=1) + "\n")


@torch.no_grad()
def load_checkpoint(
    folder: Path, network: nn.Module, ema: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Put a saved training back into the given objects and return its `state`."""
    path = folder / TENSORS
    try:
        tensors, state = load_file(path), read_state(path)
        put_state(network, {k[8:]: v for k, v in tensors.items() if k.startswith("network.")})
        for name in ema:
            put(ema[name], tensors[f"ema.{name}"])
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise ConfigError(f"{path} cannot be resumed: {error}; delete {folder} to start afresh") from error
    parameters = [p.detach() for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".")
            like = parameters[int(number)]
            if value.shape == like.shape:  # the fused optimizer works on raw memory: same layout as the weight
                copy = torch.empty_like(like)
                put(copy, value)
                value = copy
            moments.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return state


def put_state(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy whole tensors into a network that may be divided. Raises RuntimeError when names or shapes differ."""
    own = network.state_dict()
    if own.keys() != tensors.keys():
        raise RuntimeError(f"it has other weights: {sorted(own.keys() ^ tensors.keys())[:4]}")
    for name, value in tensors.items():
        if own[name].shape != value.shape:
            raise RuntimeError(f"{name} has shape {tuple(value.shape)}, expected is {tuple(own[name].shape)}")
        put(own[name], value)


def read_state(path: Path) -> dict[str, Any]:
    """The JSON kept inside a checkpoint file (the same transaction as its tensors)."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        state: dict[str, Any] = json.loads((file.metadata() or {})["state"])
    return state
