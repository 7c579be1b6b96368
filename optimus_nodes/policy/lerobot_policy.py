"""Other people's policies: ACT, SmolVLA, pi0 and whatever else LeRobot loads, behind the same `infer`.

Needs `lerobot` in the environment; PyTorch comes with it. The folder is one that LeRobot saved (`config.json`, weights,
its pre- and postprocessor) with a `contract.yaml` beside them, since LeRobot does not say whose joints its numbers are.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..core.contract import PolicyContract, contract_from_mapping, require_fit, robot_differences
from ..core.errors import ConfigError, ContractError
from ..core.robot import RobotSpec
from ..core.values import Observation, PolicyOutput
from .preprocess import shrink

CONTRACT = "contract.yaml"
STATE, VELOCITY, TOUCH, IMAGE = (
    "observation.state",
    "observation.velocity",
    "observation.tactile",
    "observation.images.",
)
ACTION = "action"


class LeRobotPolicy:
    """A `core.values.Policy`. LeRobot's policies do not say how far the task is: `progress` is always 0."""

    def __init__(self, folder: Path, contract: PolicyContract, config: Any, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        factory = importlib.import_module("lerobot.policies.factory")
        config.device = "cpu"
        self.policy_id, self.step_dt, self.contract = folder.name, contract.step_dt, contract
        self._torch, self._inputs = torch, dict(config.input_features)
        self._policy = factory.get_policy_class(config.type).from_pretrained(str(folder), config=config).eval()
        self._prepare, self._restore = factory.make_pre_post_processors(
            config, str(folder), preprocessor_overrides={"device_processor": {"device": "cpu"}}
        )

    def reset(self) -> None:
        """Forget what earlier observations left behind."""
        self._policy.reset()

    def infer(self, observation: Observation) -> PolicyOutput:
        """Joint targets for one observation. Raises ContractError when a picture or joint is missing."""
        joints = len(self.contract.joint_names)
        if observation.position.shape != (joints,):
            raise ContractError(
                f"an observation has {len(observation.position)} joints; policy {self.policy_id} takes {joints}"
            )
        batch: dict[str, Any] = {key: self._tensor(key, observation) for key in self._inputs}
        batch["task"] = [observation.sentence]
        with self._torch.inference_mode():
            chunk = self._restore(self._policy.predict_action_chunk(self._prepare(batch)))
        rows = chunk.reshape(-1, joints).float().cpu().numpy()
        return PolicyOutput(rows[: self.contract.horizon].astype(np.float64), 0.0)

    def _tensor(self, key: str, seen: Observation) -> Any:
        numbers = {STATE: seen.position, VELOCITY: seen.velocity, TOUCH: seen.tactile}
        if key in numbers:
            return self._torch.from_numpy(numbers[key].astype(np.float32))[None]
        name = key.removeprefix(IMAGE)
        if name not in seen.images:
            raise ContractError(
                f"an observation has the cameras {sorted(seen.images)}; policy {self.policy_id} needs {name!r}"
            )
        _, height, width = self._inputs[key].shape
        pixels = self._torch.from_numpy(shrink(seen.images[name], height, width))
        return pixels.permute(2, 0, 1).float()[None] / 255.0


def load_lerobot(folder: Path | str, robot: RobotSpec, threads: int = 1) -> LeRobotPolicy:
    """The policy LeRobot saved in `folder`. Raises ConfigError without LeRobot, ContractError with all differences."""
    folder = Path(folder)
    try:
        importlib.import_module("lerobot.policies")  # this registers the kinds of policies
    except ImportError as error:
        raise ConfigError(
            f"{folder} is a policy of LeRobot, which is not installed here ({error}); install lerobot beside this "
            "package, or serve the policy from where it is: optimus serve-policy"
        ) from error
    where = folder / CONTRACT
    if not where.is_file():
        raise ContractError(f"{where} is missing: it must name robot and joints, as the contract in a policy.yaml does")
    contract = contract_from_mapping(yaml.safe_load(where.read_text()), str(where))
    config = importlib.import_module("lerobot.configs.policies").PreTrainedConfig.from_pretrained(str(folder))
    ours = f"policy {folder.name} ({CONTRACT})"
    differences = robot_differences(contract, robot, ours) + feature_differences(config, contract, folder.name)
    require_fit(differences, f"LeRobot policy {folder} does not fit robot {robot.name}")
    return LeRobotPolicy(folder, contract, config, threads)


def feature_differences(config: Any, contract: PolicyContract, name: str) -> list[str]:
    """One line for each input or output of LeRobot's `config` that the contract does not explain."""
    joints, found = len(contract.joint_names), []
    numbers = {STATE: joints, VELOCITY: joints, TOUCH: len(contract.tactile_pads)}
    cameras = {camera for camera, _, _ in contract.cameras}
    side = f"{name}/config.json"
    for key, feature in config.input_features.items():
        if key in numbers and tuple(feature.shape) != (numbers[key],):
            found.append(f"{key}: {side} takes {tuple(feature.shape)}, {CONTRACT} names {numbers[key]}")
        elif key.startswith(IMAGE) and key.removeprefix(IMAGE) not in cameras:
            found.append(f"camera {key.removeprefix(IMAGE)!r}: {side} takes it, {CONTRACT} has {sorted(cameras)}")
        elif key not in numbers and not key.startswith(IMAGE):
            found.append(f"{key}: {side} takes it; a robot gives {', '.join(numbers)} and {IMAGE}<camera>")
    action = config.output_features.get(ACTION)
    if action is None or tuple(action.shape) != (joints,):
        got = "none" if action is None else tuple(action.shape)
        found.append(f"{ACTION}: {side} gives {got}, {CONTRACT} names {joints} joints")
    return found
