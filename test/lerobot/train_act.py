"""Trains a small ACT policy on a data set with LeRobot's own factories, and prints the losses as JSON.

    .venv-lerobot/bin/python test/lerobot/train_act.py data/mine --steps 20

The exit code is 1, with the reason on stderr, when the loss at the end is not below the one at the start.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHUNK = 20  # actions that the policy predicts at once


def main() -> int:
    """Exit code 0 when the loss went down, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="the data set's folder")
    parser.add_argument("--steps", type=int, default=20, help="training steps, 4 or more")
    parser.add_argument("--batch", type=int, default=4, help="samples in a step")
    parser.add_argument("--seed", type=int, default=1, help="of the weights and of the order of the samples")
    options = parser.parse_args()
    if options.steps < 4:
        parser.error(f"--steps is {options.steps}; it must be 4 or more, for a start and an end to compare")
    if not (options.root / "meta/info.json").is_file():  # LeRobot would make the folder and look for it on the network
        print(f"{options.root} is no data set: it has no meta/info.json", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update(HF_HUB_OFFLINE="1", HF_HOME=cache, HF_LEROBOT_HOME=f"{cache}/lerobot")
        found = train(options.root, options.steps, options.batch, options.seed)
    print(json.dumps(found))
    if not found["end"] < found["start"]:
        print(f"the loss did not fall: {found['start']} at the start, {found['end']} at the end", file=sys.stderr)
        return 1
    return 0


def configuration(root: Path, batch: int, seed: int) -> Any:
    """What `lerobot-train` makes of its command line: ACT, small, without weights from the network."""
    from lerobot.configs.default import DatasetConfig
    from lerobot.configs.train import TrainPipelineConfig
    from lerobot.policies.act.configuration_act import ACTConfig

    policy = ACTConfig(
        device="cpu",
        push_to_hub=False,
        chunk_size=CHUNK,
        n_action_steps=CHUNK,
        pretrained_backbone_weights=None,
        dim_model=128,
        n_heads=4,
        dim_feedforward=256,
        optimizer_lr=1e-4,
        optimizer_lr_backbone=1e-4,
    )
    dataset = DatasetConfig(repo_id="local/trained", root=str(root))
    found = TrainPipelineConfig(dataset=dataset, policy=policy, batch_size=batch, seed=seed, num_workers=0)
    found.optimizer = policy.get_optimizer_preset()
    return found


def train(root: Path, steps: int, batch: int, seed: int) -> dict[str, Any]:
    """Train for `steps`; the losses, and the mean of the first and of the last quarter of them."""
    import torch
    from lerobot.datasets.factory import make_dataset
    from lerobot.datasets.utils import cycle
    from lerobot.optim.factory import make_optimizer_and_scheduler
    from lerobot.policies.factory import make_policy, make_pre_post_processors
    from lerobot.utils.random_utils import set_seed

    began = time.monotonic()
    config = configuration(root, batch, seed)
    set_seed(seed)
    data = make_dataset(config)  # with delta_timestamps, from the policy's chunk
    policy = make_policy(config.policy, ds_meta=data.meta)
    prepare, _ = make_pre_post_processors(config.policy, dataset_stats=data.meta.stats)
    optimizer, _ = make_optimizer_and_scheduler(config, policy)
    batches = cycle(torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True, drop_last=len(data) >= batch))
    policy.train()
    losses = []
    for _ in range(steps):
        loss, _ = policy.forward(prepare(next(batches)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 10.0)
        optimizer.step()
        losses.append(round(loss.item(), 4))
    quarter = steps // 4
    return {
        "root": str(root),
        "frames": len(data),
        "steps": steps,
        "inputs": sorted(config.policy.input_features),
        "actions": list(data[0]["action"].shape),
        "losses": losses,
        "start": round(sum(losses[:quarter]) / quarter, 4),
        "end": round(sum(losses[-quarter:]) / quarter, 4),
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
