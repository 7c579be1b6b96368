"""From trained weights to a bundle a robot can run, checked against the network it came from."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..core.contract import PolicyContract
from ..core.errors import ConfigError, ContractError
from ..policy.bundle import MAX_BYTES, MODEL, WEIGHTS, Bundle, bundle_bytes, write_bundle
from ..policy.network import PolicyNetwork
from .batches import AugmentConfig, Batch
from .checkpoint import TENSORS
from .train import Trainer

TOLERANCE = 2e-4  # rad, between PyTorch and ONNX Runtime in float32


class Deployed(nn.Module):
    """The network as a robot uses it: tensors in, joint targets (1, H, J) rad and progress (1,) out."""

    def __init__(self, network: PolicyNetwork) -> None:
        super().__init__()
        self.network, self.cameras = network, len(network.config.cameras)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        language, position, previous, tactile = inputs[self.cameras :]
        out = self.network(list(inputs[: self.cameras]), language, position, previous, tactile)
        return self.network.targets(out["actions"], position), torch.sigmoid(out["progress"])


def export_bundle(
    network: PolicyNetwork,
    folder: Path,
    contract: PolicyContract,
    vocabulary: tuple[str, ...],
    training: dict[str, Any],
    samples: Batch,
    largest: int = MAX_BYTES,
) -> float:
    """Write the bundle `folder` and return the largest difference (rad) of its answers from the network's on `samples`.

    Raises ConfigError when they differ by more than TOLERANCE or the bundle has more than `largest` bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    deployed = Deployed(network.eval().to(memory_format=torch.contiguous_format))
    language = "meaning" if network.config.slots else "words"
    names = [*(name for name, _, _ in contract.cameras), language, "position", "previous", "tactile"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            deployed,
            _inputs(samples, 0),
            str(folder / MODEL),
            input_names=names,
            output_names=["positions", "progress"],
            dynamo=False,
        )
    worst = parity(deployed, folder / MODEL, names, samples)
    if not worst < TOLERANCE:
        raise ConfigError(f"{folder / MODEL} differs from the network by {worst:.2g} rad; allowed {TOLERANCE}")
    state = network.state_dict()
    small = {k: v.half() if v.ndim > 1 and not k.endswith(("_mean", "_std")) else v for k, v in state.items()}
    save_file({k: v.contiguous() for k, v in small.items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)
    config = network.config.to_mapping()
    write_bundle(Bundle(folder, folder.name, contract, vocabulary, network.config.max_words, config, training))
    if bundle_bytes(folder) > largest:
        raise ConfigError(f"{folder} has {bundle_bytes(folder) / 1e6:.1f} MB; allowed are {largest / 1e6:.0f} MB")
    return worst


def export_training(
    trainer: Trainer, folder: Path, network: PolicyNetwork | None = None, largest: int = MAX_BYTES
) -> float:
    """Write the averaged weights of a training as the bundle `folder`, checked on 16 held-out frames.

    `network`: what `trainer.averaged()` gave, where every process had to call it. `largest`: bytes, of the bundle.
    """
    m, c = trainer.mixture, trainer.config
    maker = trainer.batches(16, 0, AugmentConfig.none())
    vocabulary = trainer.words.vocabulary if trainer.words else ()
    if c.language is not None:
        from ..policy.language import HEAD

        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(c.language / HEAD, folder / HEAD)
    samples = maker.new()
    frames = m.held_out if len(m.held_out) else m.training
    frames = frames[np.linspace(0, len(frames) - 1, 16).astype(np.int64)]
    maker.fill(frames, np.zeros((16, len(samples.images), 2), np.int64), samples)
    training = {
        "data": m.folders,
        "skills": m.skills,
        "frames": len(m.training),
        "episodes": int(m.episodes),
        "steps": trainer.step,
        "minutes": round(trainer.elapsed / 60, 1),
        "batch": c.batch,
        "lr": c.lr,
        "seed": c.seed,
        "started_from": trainer.started_from,
    }
    return export_bundle(network or trainer.averaged(), folder, m.contract, vocabulary, training, samples, largest)


def _inputs(samples: Batch, i: int) -> tuple[Tensor, ...]:
    rows, one = samples.rows, slice(i, i + 1)
    body = (samples.language, rows["position"], samples.previous, rows["tactile"])
    return tuple(x[one].contiguous().clone() for x in (*samples.images, *body))


@torch.no_grad()
def parity(deployed: Deployed, model: Path, names: list[str], samples: Batch) -> float:
    """Largest difference between PyTorch and ONNX Runtime over `samples`, rad (progress counts as rad)."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    worst = 0.0
    for i in range(min(16, samples.language.shape[0])):
        inputs = _inputs(samples, i)
        expected = deployed(*inputs)
        got = session.run(["positions", "progress"], {n: x.numpy() for n, x in zip(names, inputs)})
        worst = max(worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, got)))
    return worst


def read_weights(source: Path) -> dict[str, Tensor]:
    """Averaged weights of a bundle or of a training's work folder, float32. ContractError when there are none."""
    if (source / TENSORS).is_file():
        tensors = _load(source / TENSORS)
        network = {k[8:]: v for k, v in tensors.items() if k.startswith("network.")}
        return network | {k[4:]: v for k, v in tensors.items() if k.startswith("ema.")}
    if not (source / WEIGHTS).is_file():
        raise ContractError(f"{source} holds neither {WEIGHTS} (a bundle) nor {TENSORS} (a training's work folder)")
    return {k: v.float() for k, v in _load(source / WEIGHTS).items()}


def sizes_of(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """What has to be said of a network (`NetworkConfig`) so that it can take these `weights`."""
    layers = {name.split(".")[1] for name in weights if name.startswith("blocks.")}
    return {"layers": len(layers), "local": "fine.local.weight" in weights}


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ContractError(f"{path} cannot be read: {error}") from error
