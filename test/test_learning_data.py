"""Demonstrations are checked when they are opened, split by episode, and batched the same way every time."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from learning_fakes import small_mixture
from synthetic_data import make_data_set, store, synthetic, synthetic_robot

from optimus_nodes.core.errors import ConfigError, ContractError
from optimus_nodes.learning.batches import AugmentConfig, BatchMaker, copy_shifted, training_batches
from optimus_nodes.learning.data import DataSet, Mixture, read_data_set
from optimus_nodes.learning.frames import chunks_from_applied
from optimus_nodes.learning.loss import AuxLayout


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., DataSet]:
    """Reads a data set below tmp_path with a cache of its own."""
    return lambda name: read_data_set(f"{tmp_path}/{name}", tmp_path / "cache")


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
    made = synthetic(episodes=20, length=2, shrink=2)
    sets = [replace(made.data_set(tmp_path / "a"), weight=3.0), made.data_set(tmp_path / "b")]
    mixture = Mixture(sets, held_out=0.0)
    share = mixture.probability[mixture.shard[mixture.training] == 0].sum()
    assert share == pytest.approx(0.75)


def test_frames_that_a_person_corrected_count_more(tmp_path: Path) -> None:
    made = synthetic(episodes=20, length=2, shrink=2)
    made.rows["intervention"][:10] = True
    mixture = Mixture([made.data_set(tmp_path)], held_out=0.0, balance=0.0, intervention=3.0)
    assert mixture.probability[:10].sum() == pytest.approx(0.5)


def test_a_recording_is_read_as_it_was_made(tmp_path: Path, read: Callable[..., DataSet]) -> None:
    made = synthetic(episodes=3, length=4)
    make_data_set(tmp_path / "d", episodes=3, length=4)
    (shard,) = read("d").shards
    for name, values in made.rows.items():
        if name != "task":
            np.testing.assert_array_equal(shard.rows[name], values, err_msg=name)
    told = [read("d").sentences[k] for k in shard.rows["task"]]
    assert told == [made.sentences[k] for k in made.rows["task"]]
    off = np.abs(shard.images["head"].astype(int) - made.images["head"])
    assert shard.images["head"].shape == (12, 96, 128, 3) and off.mean() < 6.0
    assert shard.images["wrist_left"].shape == (12, 60, 80, 3)


def test_pictures_are_decoded_once(tmp_path: Path, read: Callable[..., DataSet]) -> None:
    make_data_set(tmp_path / "d", episodes=2, shrink=2)
    first = read("d").shards[0].folder
    stamp = (first / "head.npy").stat().st_mtime_ns
    again = read("d").shards[0].folder
    assert again == first and (again / "head.npy").stat().st_mtime_ns == stamp


def test_changed_recordings_are_decoded_anew_and_the_old_frames_go(
    tmp_path: Path, read: Callable[..., DataSet]
) -> None:
    make_data_set(tmp_path / "d", episodes=2, shrink=2)
    first = read("d").shards[0].folder
    os.utime(tmp_path / "d" / "data" / "chunk-000" / "file-000.parquet", (1, 1))
    assert read("d").shards[0].folder != first and not first.exists()


def test_failed_episodes_are_kept_but_not_learned_from(tmp_path: Path, read: Callable[..., DataSet]) -> None:
    make_data_set(tmp_path / "d", episodes=5, length=2, shrink=2, failed=(1, 3))
    mixture = Mixture([read("d")], held_out=0.0)
    assert len(mixture) == 10
    assert mixture.shards[0].rows["episode"][mixture.training].tolist() == [0, 0, 2, 2, 4, 4]
    make_data_set(tmp_path / "f", episodes=1, shrink=2, failed=(0,))
    with pytest.raises(ConfigError, match="every episode of .*/f failed; there is nothing to learn from"):
        Mixture([read("f")])


def test_what_an_expert_said_while_a_policy_failed_is_learned_from(
    tmp_path: Path, read: Callable[..., DataSet]
) -> None:
    """Corrections are worth most where the policy goes wrong; they were left out like the expert's own failures."""
    make_data_set(tmp_path / "d", episodes=3, length=2, shrink=2, failed=(1,), operator="policy")
    assert len(Mixture([read("d")], held_out=0.0).training) == 6


def test_a_persons_motion_is_its_own_advice() -> None:
    """Row k of what was applied is in force when frame k + 1 is taken."""
    applied = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
    chunks = chunks_from_applied(applied, fps=10, horizon=4, step_dt=0.05)
    assert chunks[..., 0].tolist() == [[1, 1, 1, 1.5], [1, 1.5, 2, 2.5], [2, 2.5, 3, 3.5], [3, 3.5, 4, 4]]


def test_data_sets_without_targets_know_nothing_of_them(tmp_path: Path) -> None:
    made = synthetic(episodes=4, length=2, shrink=2)
    bare = made.data_set(tmp_path / "b")
    bare = replace(bare, aux=(), shards=(replace(bare.shards[0], rows={**made.rows, "aux": np.zeros((8, 0))}),))
    mixture = Mixture([bare, made.data_set(tmp_path / "a")], held_out=0.0)
    assert mixture.aux == made.data_set(tmp_path).aux
    assert np.isnan(mixture.gather("aux", np.arange(8))).all()
    assert np.isfinite(mixture.gather("aux", np.arange(8, 16))).all()


def test_a_bound_on_memory_lets_frames_go_and_changes_no_batch(tmp_path: Path, read: Callable[..., DataSet]) -> None:
    make_data_set(tmp_path / "d", episodes=4, shrink=2)
    released: list[int] = []

    class Watched(Mixture):
        def release(self) -> None:
            released.append(1)
            super().release()

    mixture = Watched([read("d")], held_out=0.0)
    small = 20 * mixture.bytes_per_frame / 1e9
    bound, free = (BatchMaker(mixture, 8, 0, AugmentConfig(), memory=m) for m in (small, 0.0))
    one, other = bound.new(), free.new()
    for number in range(5):
        bound.training_batch(number, one)
        free.training_batch(number, other)
        assert torch.equal(one.images[0], other.images[0])
    assert len(released) == 2


def test_data_for_another_robot_is_refused_naming_both_folders(tmp_path: Path) -> None:
    one, other = (synthetic(episodes=2).data_set(tmp_path / name) for name in ("a", "b"))
    other = replace(other, contract=replace(other.contract, urdf_sha256="f" * 64))
    with pytest.raises(ContractError, match=rf"urdf_sha256: {tmp_path}/a was made with 000000000000, {tmp_path}/b has"):
        Mixture([one, other])


def test_data_with_joints_in_another_order_is_refused(tmp_path: Path, read: Callable[..., DataSet]) -> None:
    robot = synthetic_robot()
    names = robot.joint_names
    turned = replace(robot, joint_names=(names[1], names[0], *names[2:]))
    make_data_set(tmp_path / "a", episodes=1, robot=robot)
    make_data_set(tmp_path / "b", episodes=1, robot=turned)
    with pytest.raises(ContractError, match="joint order: number 0 is 'joint_0' in .*/a but 'joint_1' in .*/b"):
        Mixture([read("a"), read("b")])


def test_an_empty_folder_says_how_to_make_data(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no data set; make one with: optimus collect"):
        read_data_set(str(tmp_path))


def test_a_number_that_is_none_is_named(tmp_path: Path) -> None:
    made = synthetic(episodes=3, shrink=2)
    made.rows["action"][4, 0, 0] = np.nan
    with pytest.raises(ConfigError, match=r"action of episode 1 is not finite in frame 0 \(1 such frames\)"):
        read_data_set(str(store(tmp_path / "d", made)), tmp_path / "cache")


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, -2), (-4, 4), (1, 0)])
def test_a_shift_moves_the_content_and_repeats_the_border(dx: int, dy: int) -> None:
    source = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    target = np.empty_like(source)
    copy_shifted(target, source, dx, dy)
    y, x = np.clip(np.arange(12) - dy, 0, 11), np.clip(np.arange(16) - dx, 0, 15)
    np.testing.assert_array_equal(target, source[y][:, x])


def test_a_batch_depends_on_seed_and_number_only(tmp_path: Path) -> None:
    mixture = small_mixture(tmp_path / "d")
    maker = BatchMaker(mixture, 8, seed=5, augment=AugmentConfig())
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
    maker = Failing(small_mixture(tmp_path / "d"), 8, seed=0, augment=AugmentConfig())
    with pytest.raises(OSError, match="the disk is gone at batch 3"), training_batches(maker, 3) as batches:
        next(batches)


def test_names_of_training_only_targets_say_what_is_known_and_where_to_look() -> None:
    names = ("box_x", "box_mask", "goal_x", "box_head_u", "box_head_v", "hand_wrist_u", "hand_wrist_v")
    layout = AuxLayout(names, ["head", "wrist"])
    assert [names[i] for i in layout.targets] == ["box_x", "goal_x"]
    assert layout.places == [[(3, 4)], [(5, 6)]]
    rows = torch.tensor([[0.3, 1.0, float("nan"), 0, 0, 0, 0], [0.3, 0.0, 0.7, 0, 0, 0, 0]])
    targets, known = layout.split(rows)
    assert known.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    np.testing.assert_allclose(targets, [[0.3, 0.0], [0.0, 0.7]], rtol=1e-6)


def test_a_shorter_horizon_learns_the_first_rows_of_each_chunk(tmp_path: Path) -> None:
    made = synthetic(episodes=4, length=2, shrink=2)
    whole, short = (Mixture([made.data_set(tmp_path)], held_out=0.0, horizon=rows) for rows in (0, 3))
    frames = np.arange(4)
    assert short.contract.horizon == 3
    assert np.array_equal(short.gather("action", frames), whole.gather("action", frames)[:, :3])
    with pytest.raises(ConfigError, match=r"horizon is 99; the chunks of .* have 1 to \d+ rows \(--horizon\)"):
        Mixture([made.data_set(tmp_path)], horizon=99)
