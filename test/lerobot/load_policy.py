"""Saves a small ACT with random weights by LeRobot's own means and lets our port load it; run in LeRobot's environment.

    .venv-lerobot/bin/python test/lerobot/load_policy.py FOLDER

Prints one line of JSON: shapes, how far our answers are from LeRobot's, and what is refused.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "test")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
from fakes import fake_robot  # noqa: E402
from lerobot.configs.types import FeatureType, PolicyFeature  # noqa: E402
from lerobot.policies.act.configuration_act import ACTConfig  # noqa: E402
from lerobot.policies.act.modeling_act import ACTPolicy  # noqa: E402
from lerobot.policies.factory import make_pre_post_processors  # noqa: E402

from optimus_nodes.core.contract import PolicyContract  # noqa: E402
from optimus_nodes.core.errors import ContractError  # noqa: E402
from optimus_nodes.core.robot import CameraSpec  # noqa: E402
from optimus_nodes.core.values import Observation  # noqa: E402
from optimus_nodes.policy.lerobot_policy import load_lerobot  # noqa: E402

ROBOT = replace(fake_robot(4), cameras=(CameraSpec("head", "head_optical_frame", 128, 96, 20.0, 60.0),))
CONTRACT = PolicyContract("fake", "0" * 64, ROBOT.joint_names, (), (("head", 48, 64),), 0.05, 8, 0.1)


def save(folder: Path, camera: str = "head") -> None:
    """What `lerobot-train` leaves behind, and the contract."""
    torch.manual_seed(0)
    config = ACTConfig(
        input_features={
            "observation.state": PolicyFeature(FeatureType.STATE, (4,)),
            f"observation.images.{camera}": PolicyFeature(FeatureType.VISUAL, (3, 48, 64)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (4,))},
        chunk_size=8,
        n_action_steps=8,
        pretrained_backbone_weights=None,
        dim_model=32,
        n_heads=2,
        dim_feedforward=64,
        latent_dim=8,
        n_encoder_layers=1,
        n_vae_encoder_layers=1,
        device="cpu",
        push_to_hub=False,
    )
    ACTPolicy(config).save_pretrained(folder)
    scale = {"mean": np.full(4, 0.5), "std": np.full(4, 2.0)}
    picture = {"mean": np.zeros((3, 1, 1)), "std": np.ones((3, 1, 1))}
    statistics = {"observation.state": scale, "action": scale, f"observation.images.{camera}": picture}
    for one in make_pre_post_processors(config, dataset_stats=statistics):
        one.save_pretrained(folder)
    (folder / "contract.yaml").write_text(yaml.safe_dump(CONTRACT.to_mapping()))


def observation(sentence: str) -> Observation:
    picture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    return Observation(0.0, {"head": picture}, np.array([0.1, 0.2, 0.3, 0.4]), np.zeros(4), np.zeros(0), sentence)


def theirs(folder: Path, seen: Observation) -> np.ndarray:
    """LeRobot's own way from the same picture to actions."""
    import cv2

    policy = ACTPolicy.from_pretrained(folder)
    prepare, restore = make_pre_post_processors(policy.config, str(folder))
    picture = cv2.resize(seen.images["head"], (64, 48), interpolation=cv2.INTER_AREA)
    batch: dict[str, Any] = {
        "observation.state": torch.tensor(seen.position, dtype=torch.float32),
        "observation.images.head": torch.from_numpy(picture).permute(2, 0, 1) / 255.0,
    }
    with torch.no_grad():
        return np.asarray(restore(policy.predict_action_chunk(prepare(batch)))[0])


def refusal(folder: Path, **changes: Any) -> str:
    """Why the policy in `folder` is refused for the robot changed so."""
    try:
        load_lerobot(folder, replace(ROBOT, **changes))
    except ContractError as error:
        return str(error)
    return ""


def main() -> None:
    folder = Path(sys.argv[1])
    save(folder / "small_act")
    save(folder / "other_camera", "belly")
    policy, seen = load_lerobot(folder / "small_act", ROBOT), observation("pick up the red box")
    answer = policy.infer(seen)
    policy.reset()
    found = {
        "shape": list(answer.positions.shape),
        "policy_id": policy.policy_id,
        "step_dt": policy.step_dt,
        "difference": float(np.abs(answer.positions - theirs(folder / "small_act", seen)).max()),
        "spread": float(answer.positions.std()),
        "joints": refusal(folder / "small_act", joint_names=("j0", "j1", "j2", "elbow")),
        "order": refusal(folder / "small_act", joint_names=("j1", "j0", "j2", "j3")),
        "camera": refusal(folder / "other_camera"),
    }
    (folder / "small_act" / "contract.yaml").unlink()
    found["contract"] = refusal(folder / "small_act")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
