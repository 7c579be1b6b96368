"""A policy on disk: `policy.onnx` and `policy.yaml`, the contract that says what it was made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..core.contract import PolicyContract, contract_from_mapping
from ..core.errors import ContractError

MODEL, CONTRACT, WEIGHTS, CARD = "policy.onnx", "policy.yaml", "weights.safetensors", "MODEL_CARD.md"
FORMAT = 1
MAX_BYTES = 25_000_000


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's folder and what its policy.yaml says. `network`: sizes; `training`: data, seeds and budget."""

    folder: Path
    policy_id: str
    contract: PolicyContract
    vocabulary: tuple[str, ...]
    max_words: int
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def read_bundle(folder: Path | str) -> Bundle:
    """Read policy.yaml. Raises ContractError when the folder is no bundle or an entry is missing."""
    folder = Path(folder)
    where = folder / CONTRACT
    if not where.is_file() or not (folder / MODEL).is_file():
        missing = where if not where.is_file() else folder / MODEL
        raise ContractError(
            f"{folder} is not a policy bundle: {missing.name} is missing; make one with: optimus train --out {folder}"
        )
    try:
        raw = yaml.safe_load(where.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ContractError(f"{where} cannot be read: {error}") from error
    if not isinstance(raw, dict):
        raise ContractError(f"{where} holds {type(raw).__name__}; it must be a mapping")
    if raw.get("format") != FORMAT:
        raise ContractError(f"{where} has format {raw.get('format')}; this version reads format {FORMAT}")
    for key in ("policy_id", "contract", "vocabulary", "max_words"):
        if key not in raw:
            raise ContractError(f"{where} has no entry {key!r}")
    return Bundle(
        folder=folder,
        policy_id=str(raw["policy_id"]),
        contract=contract_from_mapping(raw["contract"], str(where)),
        vocabulary=tuple(str(w) for w in raw["vocabulary"]),
        max_words=int(raw["max_words"]),
        network=dict(raw.get("network") or {}),
        training=dict(raw.get("training") or {}),
    )


def write_bundle(bundle: Bundle) -> None:
    """Write policy.yaml; the model must be in the folder already."""
    content = {
        "format": FORMAT,
        "policy_id": bundle.policy_id,
        "contract": bundle.contract.to_mapping(),
        "max_words": bundle.max_words,
        "vocabulary": list(bundle.vocabulary),
        "network": bundle.network,
        "training": bundle.training,
    }
    head = "# What this policy was made for; written by `optimus train`. Positions rad, forces N, times s, sizes px.\n"
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=116, allow_unicode=True)
    (bundle.folder / CONTRACT).write_text(head + text)


def bundle_bytes(folder: Path) -> int:
    """Size of everything in the bundle, bytes."""
    return sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
