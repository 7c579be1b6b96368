"""A bundle answers like the network it came from, without torch, and only for the robot it was made for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from learning_fakes import ROBOT, small_mixture, small_trainer
from synthetic_data import CAMERAS

from optimus_nodes.core.errors import ContractError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import Observation
from optimus_nodes.learning.export import TOLERANCE, export_training, read_weights
from optimus_nodes.policy.bundle import MAX_BYTES, bundle_bytes
from optimus_nodes.policy.runtime import load_policy
from optimus_nodes.robot.share import model_path

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    trainer = small_trainer(small_mixture(folder / "d"), folder / "w", steps=3)
    trainer.run(lambda _: None)
    with torch.no_grad():  # large enough an answer for differences to show
        trainer.ema["actions.weight"].normal_(std=0.2)
    assert export_training(trainer, folder / "tiny") < TOLERANCE
    return folder / "tiny"


def observation(stamp: float = 1.0, sentence: str = "pick up the red box", seed: int = 0) -> Observation:
    rng = np.random.default_rng(seed)
    images = {n: rng.integers(0, 256, (h * 5, w * 5, 3), dtype=np.uint8) for n, (h, w) in CAMERAS.items()}
    return Observation(stamp, images, rng.normal(size=4) * 0.1, np.zeros(4), np.zeros(2), sentence)


def test_it_answers_with_targets_and_progress(bundle: Path) -> None:
    policy = load_policy(bundle, ROBOT)
    answer = policy.infer(observation())
    assert answer.positions.shape == (16, 4) and np.isfinite(answer.positions).all()
    assert 0.0 <= answer.progress <= 1.0
    assert policy.policy_id == "tiny" and policy.step_dt == 0.05


def test_picture_sentence_and_motion_change_the_answer(bundle: Path) -> None:
    policy = load_policy(bundle, ROBOT)
    first = policy.infer(observation()).positions
    assert not np.allclose(first, policy.infer(observation(sentence="go home")).positions, atol=1e-6)
    other = replace(observation(), images=observation(seed=3).images)
    assert not np.allclose(first, policy.infer(other).positions, atol=1e-6)
    policy.infer(replace(observation(5.0), position=np.full(4, 0.3)))
    assert not np.allclose(first, policy.infer(observation(5.1)).positions, atol=1e-6), "it forgets where it was"
    policy.reset()
    np.testing.assert_array_equal(first, policy.infer(observation(5.2)).positions)


def test_it_runs_where_there_is_no_torch(bundle: Path) -> None:
    code = (
        "import sys; from learning_stub import ROBOT, seen; from optimus_nodes.policy.runtime import load_policy;"
        f"print(load_policy({str(bundle)!r}, ROBOT).infer(seen).positions.shape);"
        "assert 'torch' not in sys.modules and 'rclpy' not in sys.modules"
    )
    stub = bundle.parent / "learning_stub.py"
    stub.write_text(
        "import numpy as np\nfrom synthetic_data import CAMERAS, synthetic_robot\n"
        "from optimus_nodes.core.values import Observation\nROBOT = synthetic_robot(joints=4)\n"
        "images = {n: np.zeros((h, w, 3), np.uint8) for n, (h, w) in CAMERAS.items()}\n"
        "seen = Observation(0.0, images, np.zeros(4), np.zeros(4), np.zeros(2), 'go home')\n"
    )
    path = f"{bundle.parent}:{ROOT}:{ROOT / 'test'}"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(16, 4)"


@pytest.mark.parametrize(
    ("robot", "text"),
    [
        (
            replace(ROBOT, urdf_sha256="f" * 64),
            "urdf_sha256: bundle tiny .policy.yaml. was made with 000000000000, robot square",
        ),
        (
            replace(ROBOT, joint_names=tuple(reversed(ROBOT.joint_names))),
            "joint order: number 0 is 'joint_0' in bundle tiny",
        ),
        (replace(ROBOT, cameras=ROBOT.cameras[:2]), "camera 'wrist_right': bundle tiny .policy.yaml. needs it"),
        (replace(ROBOT, name="round"), "policy bundle .*tiny does not fit robot round:\n  robot: bundle tiny"),
    ],
)
def test_another_robot_is_refused_with_the_difference(bundle: Path, robot: RobotSpec, text: str) -> None:
    with pytest.raises(ContractError, match=text):
        load_policy(bundle, robot)


def copy(bundle: Path, target: Path, leave_out: str = "", **changes: object) -> Path:
    target.mkdir()
    for name in ("policy.onnx", "policy.yaml"):
        if name != leave_out:
            (target / name).write_bytes((bundle / name).read_bytes())
    if changes:
        content = yaml.safe_load((bundle / "policy.yaml").read_text())
        (target / "policy.yaml").write_text(yaml.safe_dump({**content, **changes}))
    return target


def test_what_is_no_bundle_is_refused_by_name(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ContractError, match="is not a policy bundle: policy.yaml is missing; make one with: optimus train"
    ):
        load_policy(copy(bundle, tmp_path / "a", leave_out="policy.yaml"), ROBOT)
    with pytest.raises(ContractError, match="is not a policy bundle: policy.onnx is missing"):
        load_policy(copy(bundle, tmp_path / "b", leave_out="policy.onnx"), ROBOT)
    with pytest.raises(ContractError, match="policy.yaml has format 99; this version reads format 1"):
        load_policy(copy(bundle, tmp_path / "c", format=99), ROBOT)
    damaged = copy(bundle, tmp_path / "d")
    (damaged / "policy.onnx").write_bytes(b"no model")
    with pytest.raises(ContractError, match="policy.onnx cannot be loaded by ONNX Runtime"):
        load_policy(damaged, ROBOT)
    (damaged / "policy.yaml").write_text("- a list")
    with pytest.raises(ContractError, match="policy.yaml holds list; it must be a mapping"):
        load_policy(damaged, ROBOT)


def test_an_observation_that_lacks_something_is_refused(bundle: Path) -> None:
    policy = load_policy(bundle, ROBOT)
    blind = replace(observation(), images={"head": np.zeros((96, 128, 3), np.uint8)})
    with pytest.raises(ContractError, match=r"has the cameras \['head'\]; policy tiny needs 'wrist_left'"):
        policy.infer(blind)
    with pytest.raises(ContractError, match="has 3 joints and 2 pads; policy tiny takes 4 and 2"):
        policy.infer(replace(observation(), position=np.zeros(3)))


def test_weights_can_be_read_back_for_further_training(bundle: Path) -> None:
    weights = read_weights(bundle)
    kept = read_weights(bundle.parent / "w")
    assert set(weights) == set(kept)
    assert torch.allclose(weights["position.weight"], kept["position.weight"], atol=1e-3)
    assert bundle_bytes(bundle) < MAX_BYTES
    with pytest.raises(ContractError, match="holds neither weights.safetensors"):
        read_weights(bundle.parent / "d")


def test_a_folder_that_only_has_the_name_of_a_policy_is_not_taken_for_it(tmp_path, monkeypatch):
    """`--model bench` took the folder of benchmarks."""
    (tmp_path / "bench").mkdir()
    monkeypatch.chdir(tmp_path)
    assert (model_path("bench") / "policy.yaml").is_file()
    (tmp_path / "bench" / "policy.yaml").touch()
    assert model_path("bench").resolve() == tmp_path / "bench"
