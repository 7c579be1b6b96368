"""One process of a training of several: python train_together.py OUT UNTIL [--shard]; torchrun's variables say which.

It stops at step UNTIL of 20; the first process writes the losses of every step and the averaged weights to OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from learning_fakes import small_mixture, small_trainer

from optimus_nodes.learning.distributed import Group, process_group


def train(out: Path, until: int, group: Group, shard: bool = False) -> dict[str, Any]:
    """Losses of every step and averaged weights of this process's part in a training that is in `out`."""
    losses: list[list[float]] = []

    def report(event: dict[str, Any]) -> None:
        if "action" in event:
            losses.append([event[name] for name in ("action", "progress", "aux", "places")])

    options: dict[str, Any] = {"steps": 20, "bf16": False, "validate_every": 10, "shard": shard, "words": False}
    options["lr"] = 2e-4  # a higher one lets rounding grow until it hides what is compared
    trainer = small_trainer(small_mixture(out / "d", 20), out / "w", group=group, **options)
    if (out / "w" / "checkpoint.safetensors").is_file():
        trainer.resume()
    trainer.run(report, lambda: trainer.step >= until)
    return {"losses": losses, "weights": trainer.averaged().state_dict()}


def main() -> None:
    """Entry point."""
    out, until, shard = Path(sys.argv[1]), int(sys.argv[2]), "--shard" in sys.argv
    with process_group(shard) as group:
        found = train(out, until, group, shard)
        if group.first:
            torch.save(found, out / f"at-{until}.pt")


if __name__ == "__main__":
    main()
