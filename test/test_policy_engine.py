"""The engine under a policy: buffers that stay, answers that are not computed twice, and what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from optimus_nodes.core.errors import ConfigError, ContractError
from optimus_nodes.core.values import Observation
from optimus_nodes.policy.engine import load_engine
from optimus_nodes.policy.runtime import load_policy
from optimus_nodes.policy.vla_params import VlaParams
from optimus_nodes.robot.load import load_robot

BUNDLE = Path(__file__).resolve().parents[1] / "models" / "pick_place"
MODEL = BUNDLE / "policy.onnx"
ROBOT, _ = load_robot("optimus")


def observation(stamp: float, seed: int = 0, sentence: str = "pick up the red box") -> Observation:
    rng = np.random.default_rng(seed)
    images = {c.name: rng.integers(0, 256, (c.height, c.width, 3), dtype=np.uint8) for c in ROBOT.cameras}
    return Observation(stamp, images, ROBOT.home.copy(), np.zeros(72), np.zeros(12), sentence)


@pytest.mark.parametrize("threads", [1, 2])
def test_bound_buffers_say_what_a_plain_session_says(threads: int) -> None:
    policy = load_policy(BUNDLE, ROBOT, threads)
    session = onnxruntime.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])
    for seed in range(3):
        answer = policy.infer(observation(0.05 * seed, seed))
        positions, progress = session.run(["positions", "progress"], dict(policy.inputs))
        np.testing.assert_allclose(answer.positions, positions[0], atol=1e-5)
        assert answer.progress == pytest.approx(progress[0], abs=1e-5)


def test_an_answer_is_not_overwritten_by_the_next() -> None:
    policy = load_policy(BUNDLE, ROBOT)
    first = policy.infer(observation(0.0))
    kept = first.positions.copy()
    policy.infer(observation(0.05, seed=1))
    np.testing.assert_array_equal(first.positions, kept)


def test_nothing_is_computed_when_nothing_changed() -> None:
    policy = load_policy(BUNDLE, ROBOT)
    runs, run = [], policy._engine.run
    policy._engine.run = lambda: (runs.append(1), run())  # type: ignore[method-assign, func-returns-value]
    first = policy.infer(observation(0.0))
    np.testing.assert_array_equal(first.positions, policy.infer(observation(0.05)).positions)
    assert len(runs) == 1
    policy.infer(observation(0.1, sentence="go home"))
    policy.infer(observation(0.15, seed=1, sentence="go home"))
    policy.reset()
    policy.infer(observation(0.2, seed=1, sentence="go home"))
    assert len(runs) == 4


def test_openvino_says_the_same_where_it_is_installed() -> None:
    if importlib.util.find_spec("openvino") is None:
        with pytest.raises(ConfigError, match="engine openvino is not installed: .* use engine onnxruntime"):
            load_engine(MODEL, "openvino")
        pytest.skip("openvino is not installed")
    ours, seen = load_policy(BUNDLE, ROBOT).infer(observation(0.0)), observation(0.0)
    for engine, tolerance in (("openvino", 1e-4), ("openvino-bf16", 0.1)):
        theirs = load_policy(BUNDLE, ROBOT, engine=engine).infer(seen)
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=tolerance)


def test_what_cannot_be_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.onnx").write_bytes(b"no model")
    with pytest.raises(ContractError, match="policy.onnx cannot be loaded by ONNX Runtime"):
        load_engine(tmp_path / "policy.onnx")
    with pytest.raises(ConfigError, match="engine is 'fast'; allowed: onnxruntime, openvino, openvino-bf16"):
        load_engine(MODEL, "fast")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"engine": "fast"}, "engine is 'fast'; allowed: onnxruntime, openvino, openvino-bf16"),
        ({"remote": "http://robot"}, "remote is 'http://robot' .ws://HOST:PORT or nothing. and jpeg 0"),
        ({"jpeg": 101}, "jpeg 101 .0 to 100."),
        ({"chunking": "fast"}, "chunking is 'fast'; allowed: realtime, naive"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(values: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        VlaParams(**values)  # type: ignore[arg-type]
