"""Batches for training from any LeRobotDataset: their order can be resumed, their buffers last as promised."""

from __future__ import annotations

import sys
import threading
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs `make env-train`")
sys.path.insert(0, str(Path(__file__).resolve().parent / "dataset"))

from made_up import data_set  # noqa: E402

from optimus_nodes.core.errors import ConfigError  # noqa: E402
from optimus_nodes.dataset.files import DatasetError  # noqa: E402
from optimus_nodes.dataset.loader import Loader  # noqa: E402
from optimus_nodes.learning.lerobot_data import batches, episode_weights, sample_order  # noqa: E402


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    return Loader(data_set(folder / "d", (12, 8)), {"action": [0.0, 0.1]}, cache=folder / "cache")


def frames_of(iterator, count: int) -> list[list[int]]:
    """Which frames the next batches hold."""
    with closing(iterator) as open_one:
        return [batch["index"].tolist() for batch in islice(open_one, count)]


def test_a_batch_holds_tensors_of_the_frames_and_their_sentences(loader):
    with closing(batches(loader, 4, seed=3)) as iterator:
        batch = next(iterator)
    rows = batch["index"].numpy()
    expected = loader.batch(rows)
    assert batch["task"] == expected["task"] and batch.keys() == expected.keys()
    for key in batch.keys() - {"task"}:
        assert np.array_equal(batch[key].numpy(), expected[key]), key


def test_training_that_resumes_sees_the_batches_it_would_have_seen(loader):
    whole = frames_of(batches(loader, 6, seed=1), 8)
    assert frames_of(batches(loader, 6, seed=1, step=5), 3) == whole[5:]
    assert frames_of(batches(loader, 6, seed=2), 8) != whole


def test_every_epoch_shows_each_frame_once_in_an_order_of_its_own(loader):
    found = frames_of(batches(loader, 8, drop_last=False), 6)
    assert [len(one) for one in found] == [8, 8, 4] * 2
    first, second = [*chain(*found[:3])], [*chain(*found[3:])]
    assert sorted(first) == sorted(second) == list(range(20)) and first != second
    assert frames_of(batches(loader, 8, shuffle=False), 3) == [list(range(8)), list(range(8, 16)), list(range(8))]


def test_processes_divide_every_batch_among_them(loader):
    whole = frames_of(batches(loader, 6), 3)
    parts = [frames_of(batches(loader, 6, share=(rank, 2)), 3) for rank in range(2)]
    assert [sorted(a + b) for a, b in zip(*parts)] == [sorted(one) for one in whole]


def test_a_batch_stays_until_the_next_but_one_is_asked_for(loader):
    with closing(batches(loader, 5, seed=4, ahead=2)) as iterator:
        last = next(iterator)
        kept = last["action"].clone()
        for _ in range(12):
            new = next(iterator)
            assert torch.equal(last["action"], kept)
            last, kept = new, new["action"].clone()


def test_weights_choose_episodes(loader):
    weights = episode_weights(loader, {0: 0.0})
    assert min(chain(*frames_of(batches(loader, 10, weights=weights), 4))) >= 12
    often = np.concatenate(list(islice(sample_order(20, 20, 0, weights=episode_weights(loader, {1: 3.0})), 100)))
    assert np.mean(often >= 12) == pytest.approx(24 / 36, abs=0.05)


def test_closing_ends_the_thread(loader):
    iterator = batches(loader, 4)
    next(iterator)
    assert any(thread.name == "batches" for thread in threading.enumerate())
    iterator.close()
    assert not any(thread.name == "batches" for thread in threading.enumerate())


def test_an_error_while_loading_comes_out_where_the_batch_is_asked_for(tmp_path):
    place = data_set(tmp_path / "d", (12,))
    broken = Loader(place, on_demand=True)
    for video in place.glob("videos/*/*/*.mp4"):
        video.write_bytes(b"")
    with pytest.raises(DatasetError, match="can't be read"):
        next(batches(broken, 4))
    assert not any(thread.name == "batches" for thread in threading.enumerate())


def test_batches_that_cannot_be_made_are_refused(loader):
    with pytest.raises(ConfigError, match=r"batch_size 21 must be 1 \(processes\) to 20 \(frames loaded\)"):
        batches(loader, 21)
    with pytest.raises(ConfigError, match=r"batch_size 1 must be 2 \(processes\)"):
        batches(loader, 1, share=(0, 2))
    for weights in (np.ones(3), -np.ones(20), np.zeros(20)):
        with pytest.raises(ConfigError, match=r"must be \(20,\), one per frame, none negative, not all zero"):
            batches(loader, 4, weights=weights)
