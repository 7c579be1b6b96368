"""Demonstrations are checked when they are opened, split by episode, and batched the same way every time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from learning_fakes import small_mixture
from synthetic_data import make_data_set, synthetic_robot

from optimus_nodes.core.errors import ConfigError, ContractError
from optimus_nodes.learning.batches import AugmentConfig, BatchMaker, copy_shifted, training_batches
from optimus_nodes.learning.data import Mixture, read_data_set
from optimus_nodes.learning.loss import AuxLayout
from optimus_nodes.policy.tokenizer import Tokenizer, grammar_vocabulary


def change_meta(folder: Path, **changes: object) -> None:
    path = folder / "shard-0000" / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_episodes_are_either_trained_on_or_held_out(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    episode = mixture.shards[0].rows["episode"]
    assert not set(episode[mixture.training]) & set(episode[mixture.held_out])
    assert len(mixture.training) + len(mixture.held_out) == len(mixture) == 80
    assert len(mixture.held_out) > 0


def test_the_frame_before_is_of_the_same_episode(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    assert mixture.previous[:4].tolist() == [0, 0, 2, 2]


def test_a_weight_multiplies_how_often_a_frame_is_drawn(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_data_set(tmp_path / name, episodes=20, length=2, shrink=2)
    sets = [read_data_set(f"{tmp_path / 'a'}:3", {}), read_data_set(str(tmp_path / "b"), {})]
    mixture = Mixture(sets, held_out=0.0)
    share = mixture.probability[mixture.shard[mixture.training] == 0].sum()
    assert share == pytest.approx(0.75)


def test_data_for_another_robot_is_refused_naming_both_folders(tmp_path: Path) -> None:
    make_data_set(tmp_path / "a", episodes=2)
    make_data_set(tmp_path / "b", episodes=2)
    change_meta(tmp_path / "b", urdf_sha256="f" * 64)
    sets = [read_data_set(str(tmp_path / name), {}) for name in ("a", "b")]
    with pytest.raises(ContractError, match=rf"urdf_sha256: {tmp_path}/a was made with 000000000000, {tmp_path}/b has"):
        Mixture(sets)


def test_data_with_joints_in_another_order_is_refused(tmp_path: Path) -> None:
    make_data_set(tmp_path / "a", episodes=2)
    make_data_set(tmp_path / "b", episodes=2)
    names = list(synthetic_robot().joint_names)
    change_meta(tmp_path / "b", joint_names=[names[1], names[0], *names[2:]])
    with pytest.raises(ContractError, match="joint order: number 0 is 'joint_0' in .*/a but 'joint_1' in .*/b"):
        Mixture([read_data_set(str(tmp_path / name), {}) for name in ("a", "b")])


def test_an_empty_folder_says_how_to_make_data(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no shard-.*optimus collect"):
        read_data_set(str(tmp_path), {})


def test_a_broken_shard_is_named(tmp_path: Path) -> None:
    shard = make_data_set(tmp_path / "d", episodes=3) / "shard-0000"
    action = np.load(shard / "action.npy")
    action[4, 0, 0] = np.nan
    np.save(shard / "action.npy", action)
    with pytest.raises(ConfigError, match=r"action.npy is not finite in frame 4 \(1 such frames\)"):
        read_data_set(str(tmp_path / "d"), {})
    np.save(shard / "action.npy", action[:5])
    with pytest.raises(ConfigError, match=r"action.npy has shape \(5, 16, 8\); its meta.json asks for \(12, 16, 8\)"):
        read_data_set(str(tmp_path / "d"), {})
    (shard / "head.npy").unlink()
    with pytest.raises(ConfigError, match="is not a whole shard.*collect it again"):
        read_data_set(str(tmp_path / "d"), {})


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, -2), (-4, 4), (1, 0)])
def test_a_shift_moves_the_content_and_repeats_the_border(dx: int, dy: int) -> None:
    source = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    target = np.empty_like(source)
    copy_shifted(target, source, dx, dy)
    y, x = np.clip(np.arange(12) - dy, 0, 11), np.clip(np.arange(16) - dx, 0, 15)
    np.testing.assert_array_equal(target, source[y][:, x])


def test_a_batch_depends_on_seed_and_number_only(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    maker = BatchMaker(mixture, Tokenizer(grammar_vocabulary()), 8, seed=5, augment=AugmentConfig())
    alone = maker.new()
    maker.training_batch(7, alone)
    with training_batches(maker, 5) as batches:
        next(batches), next(batches)
        later = next(batches)
        np.testing.assert_array_equal(later.images[0], alone.images[0])
        np.testing.assert_array_equal(later.rows["position"], alone.rows["position"])
        next(batches)
        assert not np.array_equal(next(batches).images[0], alone.images[0])


class Failing(BatchMaker):
    """Every batch goes wrong."""

    def training_batch(self, number: int, batch: object) -> None:
        raise OSError(f"the disk is gone at batch {number}")


def test_an_error_in_the_batch_thread_reaches_training(tmp_path: Path) -> None:
    maker = Failing(small_mixture(tmp_path / "d"), Tokenizer(grammar_vocabulary()), 8, seed=0, augment=AugmentConfig())
    with pytest.raises(OSError, match="the disk is gone at batch 3"), training_batches(maker, 3) as batches:
        next(batches)


def test_names_of_training_only_targets_say_what_is_known_and_where_to_look() -> None:
    names = ("box_x", "box_mask", "goal_x", "box_head_u", "box_head_v", "hand_wrist_u", "hand_wrist_v")
    layout = AuxLayout(names, ["head", "wrist"])
    assert [names[i] for i in layout.targets] == ["box_x", "goal_x"]
    assert layout.places == [[(3, 4)], [(5, 6)]]
    import torch

    rows = torch.tensor([[0.3, 1.0, float("nan"), 0, 0, 0, 0], [0.3, 0.0, 0.7, 0, 0, 0, 0]])
    targets, known = layout.split(rows)
    assert known.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    np.testing.assert_allclose(targets, [[0.3, 0.0], [0.0, 0.7]], rtol=1e-6)
