"""LeRobot's ACT on Meta-World, with the settings that LeRobot documents. Needs LeRobot's environment.

What was said reaches it as one of ten through its input `observation.environment_state`, which ACT turns into a token.
Frames come from memory, so it never waits for LeRobot's video decoder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from metaworld_parts import ACTIONS, CAMERAS, SIDE, TASKS, Demonstrations
from torch import Tensor

from optimus_nodes.learning.checkpoint import TENSORS, load_checkpoint, save_checkpoint
from optimus_nodes.learning.processor import has_bf16

BATCH, CLIP, ENSEMBLING = 8, 10.0, 0.01  # LeRobot's defaults for training, and ACT's own for ensembling
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # LeRobot normalises pictures for ACT with these
STATE, SAID, ACTION = "observation.state", "observation.environment_state", "action"
SPREADS = {"position": 1e-2, "action": 1e-2}  # least standard deviations


def new_policy(ensembling: bool = False, rate: float = 1e-5) -> ACTPolicy:
    """ACT with nothing learnt. No package carries ImageNet's weights for its ResNet-18, so that starts random too."""
    state, picture = PolicyFeature(FeatureType.STATE, (ACTIONS,)), PolicyFeature(FeatureType.VISUAL, (3, SIDE, SIDE))
    config = ACTConfig(
        device="cpu",
        pretrained_backbone_weights=None,
        optimizer_lr=rate,
        optimizer_lr_backbone=rate,
        input_features={
            STATE: state,
            SAID: PolicyFeature(FeatureType.ENV, (len(TASKS),)),
            **{f"observation.images.{camera}": picture for camera in CAMERAS},
        },
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (ACTIONS,))},
        **({"temporal_ensemble_coeff": ENSEMBLING, "n_action_steps": 1} if ensembling else {}),
    )
    return ACTPolicy(config)


def inputs(images: list[Tensor], position: Tensor, task: Tensor, scale: dict[str, Tensor]) -> dict[str, Tensor]:
    """What ACT reads, from pictures per camera (B, H, W, 3) uint8, position (B, 4) and task (B,)."""
    mean, std = (torch.tensor(values)[:, None, None] for values in IMAGENET)
    found = {
        f"observation.images.{camera}": (one.permute(0, 3, 1, 2).float() / 255.0 - mean) / std
        for camera, one in zip(CAMERAS, images)
    }
    found[STATE] = (position - scale["position_mean"]) / scale["position_std"]
    found[SAID] = torch.nn.functional.one_hot(task, len(TASKS)).float()
    return found


class Training:
    """One training of ACT. `step` until the budget is used."""

    def __init__(self, data: Demonstrations, work: Path, seed: int, rate: float) -> None:
        self.data, self.work, self.seed, self.steps = data, work, seed, 0
        torch.manual_seed(seed)
        self.policy = new_policy(rate=rate).train()
        self.scale = {}
        for name, least in SPREADS.items():
            values = getattr(data, name)
            self.scale[f"{name}_mean"] = torch.from_numpy(values.mean(0))
            self.scale[f"{name}_std"] = torch.from_numpy(np.maximum(values.std(0), least))
        for name, value in self.scale.items():
            self.policy.register_buffer(name, value)
        preset = self.policy.config.get_optimizer_preset()
        self.optimizer = torch.optim.AdamW(
            self.policy.get_optim_params(), lr=preset.lr, weight_decay=preset.weight_decay, fused=True
        )

    def resume(self) -> dict[str, Any]:
        """Go on from the checkpoint; its state, {} when there is none."""
        if not (self.work / TENSORS).exists():
            return {}
        state = load_checkpoint(self.work, self.policy, {}, self.optimizer)
        self.steps = state["steps"]
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.work, self.policy, {}, self.optimizer, {**state, "steps": self.steps})

    def step(self, fraction: float) -> dict[str, float]:
        """One update. LeRobot's recipe for ACT has no schedule: `fraction` is not used."""
        frames = np.random.default_rng((self.seed, self.steps)).integers(len(self.data.action), size=BATCH)
        torch.manual_seed(self.seed * 1_000_003 + self.steps)  # dropout and the latent: the same after a resume
        chunk, repeats = self.data.chunks(frames, self.policy.config.chunk_size)
        pictures = [torch.from_numpy(self.data.images[frames, camera]) for camera in range(len(CAMERAS))]
        position, task = torch.from_numpy(self.data.position[frames]), torch.from_numpy(self.data.task[frames])
        batch = inputs(pictures, position, task, self.scale)
        batch[ACTION] = (torch.from_numpy(chunk) - self.scale["action_mean"]) / self.scale["action_std"]
        batch["action_is_pad"] = torch.from_numpy(repeats)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16()):
            loss, parts = self.policy.forward(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), CLIP)
        self.optimizer.step()
        self.steps += 1
        return {"action": parts["l1_loss"], "kl": parts.get("kld_loss", 0.0)}


class Policy:
    """The trained ACT at work: whole chunks (LeRobot's default), or a chunk every step, ensembled (ACT's paper)."""

    def __init__(self, work: Path, ensembling: bool) -> None:
        from safetensors.torch import load_file

        tensors = load_file(work / TENSORS)
        state = {name[8:]: value for name, value in tensors.items() if name.startswith("network.")}
        self.scale = {name: state.pop(name) for name in list(state) if not name.startswith("model.")}
        self.policy = new_policy(ensembling).eval()
        self.policy.load_state_dict(state)
        self.ensembling = ensembling

    def reset(self, task: str) -> None:
        """A new episode begins."""
        self.policy.reset()
        self._task = torch.tensor([TASKS.index(task)])

    def due(self) -> bool:
        """Does the next action need pictures?"""
        return self.ensembling or not self.policy._action_queue

    @torch.inference_mode()
    def act(self, images: np.ndarray | None, position: np.ndarray) -> np.ndarray:
        """The next action (4,), from pictures (C, H, W, 3) where they are due and the robot's position (4,)."""
        batch: dict[str, Tensor] = {}
        if images is not None:
            pictures = [torch.from_numpy(np.ascontiguousarray(one))[None] for one in images]
            batch = inputs(pictures, torch.from_numpy(position)[None], self._task, self.scale)
        action = self.policy.select_action(batch)[0]
        return (action * self.scale["action_std"] + self.scale["action_mean"]).numpy()
