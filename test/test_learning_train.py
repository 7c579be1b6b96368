"""Training learns to look and to listen, and stops and goes on without a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learning_fakes import SMALL, small_mixture, small_trainer

from optimus_nodes.core.errors import ConfigError, ContractError
from optimus_nodes.learning.batches import AugmentConfig
from optimus_nodes.learning.export import read_weights, sizes_of
from optimus_nodes.learning.processor import has_bf16
from optimus_nodes.learning.train import TrainConfig, Trainer
from optimus_nodes.policy.bundle import read_bundle
from optimus_nodes.policy.network import Block, NetworkConfig, PolicyNetwork

pytestmark = pytest.mark.long


def quiet(_: dict[str, Any]) -> None:
    """Nobody watches."""


def goals(trainer: Trainer, said: torch.Tensor, batch: Any, blind: bool = False) -> torch.Tensor:
    """Where joints 0 and 1 should end, (B, 2) rad, for something else `said` than the batch's."""
    network = trainer.averaged()
    images = [torch.zeros_like(i) for i in batch.images] if blind else batch.images
    with torch.no_grad():
        out = network(images, said, batch.rows["position"], batch.previous, batch.rows["tactile"])
    return network.targets(out["actions"], batch.rows["position"])[:, -1, :2]


@pytest.mark.timeout(600)
def test_it_goes_where_the_sentence_and_the_picture_say(tmp_path: Path) -> None:
    """Four squares, one sentence: only who reads the colour and finds the square can reach it."""
    mixture = small_mixture(tmp_path / "d", episodes=1200, cameras=("head",))
    trainer = small_trainer(mixture, tmp_path / "w", steps=320, batch=32, validate_every=320, bf16=False, words=False)
    before = trainer.validate()
    assert trainer.run(quiet)
    after = trainer.validate()
    assert after["held_action"] < 0.5 * before["held_action"]
    assert after["held_places"] < 0.1  # of a picture that is 2 wide
    maker = trainer.batches(96, 0, AugmentConfig.none())
    batch = maker.new()
    maker.fill(mixture.held_out[:96], np.zeros((96, 1, 2), np.int64), batch)
    wanted = batch.rows["action"][:, -1, :2]
    errors = {
        "right": (goals(trainer, batch.language, batch) - wanted).abs().mean(),
        "other sentence": (goals(trainer, batch.language.roll(2, 0), batch) - wanted).abs().mean(),
        "dark": (goals(trainer, batch.language, batch, blind=True) - wanted).abs().mean(),
    }
    assert errors["right"] < 0.6 * min(errors["other sentence"], errors["dark"]), errors


def test_a_resumed_training_ends_with_the_same_weights_as_one_that_never_stopped(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    whole = small_trainer(mixture, tmp_path / "whole")
    assert whole.run(quiet)
    half = small_trainer(mixture, tmp_path / "half")
    assert not half.run(quiet, stop=lambda: half.step >= 3)
    resumed = small_trainer(mixture, tmp_path / "half")
    resumed.resume()
    assert resumed.step == 3
    assert resumed.run(quiet)
    for (name, a), b in zip(whole.network.state_dict().items(), resumed.network.state_dict().values()):
        assert torch.equal(a, b), name
    for name, value in whole.ema.items():
        assert torch.equal(value, resumed.ema[name]), name


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    first, again, other = (
        small_trainer(mixture, tmp_path / n, steps=2, seed=s) for n, s in (("a", 1), ("b", 1), ("c", 2))
    )
    for trainer in (first, again, other):
        trainer.run(quiet)
    key = "actions.weight"
    assert torch.equal(first.network.state_dict()[key], again.network.state_dict()[key])
    assert not torch.equal(first.network.state_dict()[key], other.network.state_dict()[key])


def test_resuming_with_other_options_is_refused_naming_both(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    small_trainer(mixture, tmp_path / "w", steps=1).run(quiet)
    with pytest.raises(ConfigError, match=r"was made with batch = 8, now it is 4; give the same options"):
        small_trainer(mixture, tmp_path / "w", batch=4).resume()


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    trainer = small_trainer(mixture, tmp_path / "w", steps=1)
    trainer.run(quiet)
    path = tmp_path / "w" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match="checkpoint.safetensors cannot be resumed: .*delete .* to start afresh"):
        small_trainer(mixture, tmp_path / "w").resume()


def test_training_leaves_curves_and_a_checkpoint(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    small_trainer(small_mixture(tmp_path / "d"), tmp_path / "w").run(seen.append)
    assert {p.name for p in (tmp_path / "w").iterdir()} == {
        "checkpoint.safetensors",
        "state.json",
        "curves.csv",
        "curves.png",
    }
    lines = (tmp_path / "w" / "curves.csv").read_text().splitlines()
    assert lines[0].startswith("step,minutes,lr,train_action") and [x.split(",")[0] for x in lines[1:]] == [
        "3",
        "6",
    ]
    assert sum("validation" in event for event in seen) == 2


def test_a_new_training_can_begin_with_an_earlier_one(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    earlier = small_trainer(mixture, tmp_path / "a", seed=1)
    earlier.run(quiet)
    later = small_trainer(mixture, tmp_path / "b", seed=2)
    tensors = {**earlier.network.state_dict(), **earlier.ema}
    later.start_from(tensors, "a")
    assert later.started_from == "a"
    for name, value in later.network.named_parameters():
        assert torch.equal(value, earlier.ema[name]), name
    later.start_from({k: v for k, v in tensors.items() if not k.startswith("glance")}, "a policy without a glance")
    assert not later.network.glance.weight.any()
    with pytest.raises(ConfigError, match=r"a has \(3, 3\) for the weight 'position.weight'"):
        later.start_from({**earlier.network.state_dict(), "position.weight": torch.zeros(3, 3)}, "a")


@pytest.mark.parametrize("budget", [{}, {"minutes": 1.0, "steps": 5}])
def test_a_training_needs_exactly_one_budget(tmp_path: Path, budget: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="give exactly one of them above 0"):
        TrainConfig(work=tmp_path, **budget)


def test_a_wall_clock_budget_ends_the_training(tmp_path: Path) -> None:
    trainer = small_trainer(small_mixture(tmp_path / "d"), tmp_path / "w", steps=0, minutes=0.02)
    assert trainer.run(quiet)
    assert trainer.fraction() == 1.0


def test_the_full_network_has_the_shapes_and_the_size_it_should() -> None:
    cameras = (("head", 96, 128), ("wrist_left", 60, 80), ("wrist_right", 60, 80))
    network = PolicyNetwork(NetworkConfig(72, 12, 16, cameras, vocabulary=42, max_words=14, aux=10))
    images = [torch.zeros((2, h, w, 3), dtype=torch.uint8) for _, h, w in cameras]
    rows = torch.zeros(2, 72)
    out = network(images, torch.zeros((2, 14), dtype=torch.int64), rows, rows, torch.zeros(2, 12))
    assert out["actions"].shape == (2, 16, 72) and out["progress"].shape == (2,)
    assert [a.shape for a in out["aux"]] == [(2, 10), (2, 10)]
    assert [p.shape for p in out["places"]] == [(2, 10, 2), (2, 6, 2), (2, 6, 2)]
    assert 2e6 < network.count_parameters() < 4e6


def test_a_horizon_that_no_token_divides_is_cut_to_length() -> None:
    sizes = {**SMALL, "steps_per_token": 4}
    network = PolicyNetwork(NetworkConfig(4, 2, 6, (("head", 48, 64),), vocabulary=9, max_words=5, aux=1, **sizes))
    images, rows = [torch.zeros((1, 48, 64, 3), dtype=torch.uint8)], torch.zeros(1, 4)
    out = network(images, torch.zeros((1, 5), dtype=torch.int64), rows, rows, torch.zeros(1, 2))
    assert out["actions"].shape == (1, 6, 4)


def test_of_the_last_layer_only_the_answers_are_computed() -> None:
    block, tokens = Block(12, 3, 2), torch.randn(2, 7, 12)
    torch.testing.assert_close(block(tokens, 3), block(tokens)[:, :3])


@pytest.mark.parametrize("name", ["bench", "pick_place"])
def test_training_can_begin_with_the_weights_that_come_with_the_project(name: str) -> None:
    """Also when networks made today are smaller or larger."""
    bundle = Path(__file__).resolve().parents[1] / "models" / name
    weights, config = read_weights(bundle), NetworkConfig.from_mapping(read_bundle(bundle).network)
    assert sizes_of(weights) == {"layers": config.layers, "local": config.local}
    PolicyNetwork(config).load_state_dict(weights)


def test_unreadable_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(ContractError, match=r"weights.safetensors cannot be read"):
        read_weights(tmp_path)


def test_bf16_is_used_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, wanted in (({"avx512_bf16": True}, True), ({"avx2": True, "avx512_bf16": False}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=found: found)
        assert has_bf16() is wanted and TrainConfig(Path("w"), steps=1).bf16 is wanted


def test_actions_and_joint_targets_are_each_others_inverse() -> None:
    network = PolicyNetwork(NetworkConfig(4, 2, 6, (("head", 48, 64),), vocabulary=9, max_words=5, aux=1, **SMALL))
    network.action_mean.normal_()
    network.action_std.uniform_(0.5, 2.0)
    targets, position = torch.randn(3, 6, 4), torch.randn(3, 4)
    assert torch.allclose(network.targets(network.normalise_actions(targets, position), position), targets, atol=1e-5)


def test_a_network_that_reads_meanings_listens_to_every_slot() -> None:
    torch.manual_seed(0)
    config = NetworkConfig(4, 2, 6, (("head", 48, 64),), slots=(3, 2, 4), aux=1, **SMALL)
    assert NetworkConfig.from_mapping(config.to_mapping()) == config
    network = PolicyNetwork(config).eval()
    torch.nn.init.normal_(network.actions.weight)
    images, rows = [torch.zeros((1, 48, 64, 3), dtype=torch.uint8)], torch.zeros(1, 4)
    meaning = torch.tensor([[1.0, 0, 0, 1, 0, 1, 0, 0, 0]])
    with torch.no_grad():
        first = network(images, meaning, rows, rows, torch.zeros(1, 2))["actions"]
        for slot, (start, size) in enumerate(((0, 3), (3, 2), (5, 4))):
            other = meaning.clone()
            other[:, start : start + size] = other[:, start : start + size].roll(1, 1)
            changed = network(images, other, rows, rows, torch.zeros(1, 2))["actions"]
            assert (first - changed).abs().max() > 1e-3, slot
