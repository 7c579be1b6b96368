"""A data set is whole whatever happens to the recorder: cut at every step, at every byte."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up import CONTRACT, SUCCESS, data_set, ended, frames, running
from mcap.reader import make_reader

from optimus_nodes.core.episode import Outcome
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.dataset import tables
from optimus_nodes.dataset.check import check
from optimus_nodes.dataset.edit import merge
from optimus_nodes.dataset.export import export_gr00t
from optimus_nodes.dataset.files import DatasetError, read_sealed
from optimus_nodes.dataset.mcap_log import McapLog
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.video import decodable_frames
from optimus_nodes.dataset.view import write_view


def as_lerobot_sees_it(root: Path) -> int:
    """Read the folder as LeRobot does, and return the number of frames. Fails when anything does not fit together."""
    info = json.loads((root / "meta/info.json").read_text())
    data = [pq.read_table(p) for p in sorted((root / "data").glob("*/*.parquet"))]
    meta = [pq.read_table(p).to_pylist()[0] for p in sorted((root / "meta/episodes").glob("*/*.parquet"))]
    tasks = tables.read_tasks((root / "meta/tasks.parquet").read_bytes())
    index = np.concatenate([t["index"].to_numpy() for t in data])
    episode = np.concatenate([t["episode_index"].to_numpy() for t in data])
    task = np.concatenate([t["task_index"].to_numpy() for t in data])
    assert (index == np.arange(len(index))).all()
    assert task.max() < len(tasks)
    assert set(range(info["total_episodes"])) <= set(episode.tolist())
    for number in np.unique(episode).tolist():
        row = meta[number]
        assert row["episode_index"] == number
        assert row["length"] == row["dataset_to_index"] - row["dataset_from_index"] == (episode == number).sum()
        for camera, _, _ in CONTRACT.cameras:
            key = f"videos/observation.images.{camera}"
            place = {name: row[f"{key}/{name}"] for name in ("chunk_index", "file_index")}
            video = root / info["video_path"].format(video_key=f"observation.images.{camera}", **place)
            assert decodable_frames(video) == row["length"]
    return len(index)


def test_an_episode_is_written_as_lerobot_reads_it(tmp_path):
    root = data_set(tmp_path / "d", (12, 8))
    assert as_lerobot_sees_it(root) == 20
    info = json.loads((root / "meta/info.json").read_text())
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"], info["fps"]) == (2, 20, 2, 10)
    table = pq.read_table(root / "data/chunk-000/file-001.parquet")
    assert set(table.column_names) == {k for k, f in info["features"].items() if f["dtype"] != "video"}
    np.testing.assert_allclose(table["timestamp"].to_numpy(), np.arange(8, dtype=np.float32) / np.float32(10))
    np.testing.assert_allclose(table["observation.state"].to_pylist()[3], [0.03, 0.06, 0.09], rtol=1e-6)
    assert "huggingface" in {k.decode() for k in table.schema.metadata}


@pytest.mark.parametrize(("joints", "pads"), [(3, 0), (1, 1), (1, 0), (3, 1)])
def test_a_robot_may_have_a_single_joint_and_no_touch(tmp_path, joints, pads):
    contract = replace(CONTRACT, joint_names=CONTRACT.joint_names[:joints], tactile_pads=CONTRACT.tactile_pads[:pads])
    roots = [data_set(tmp_path / name, (12, 8), contract) for name in "ab"]
    assert as_lerobot_sees_it(roots[0]) == 20
    kinds = pq.read_schema(roots[0] / "data/chunk-000/file-001.parquet")
    listed = {name for name, kind in zip(kinds.names, kinds.types) if pa.types.is_fixed_size_list(kind)}
    assert ("observation.state" in listed) == (joints > 1), "LeRobot keeps a single number as a plain column"
    assert ("observation.tactile" in kinds.names) == (pads > 0)
    merge(roots, tmp_path / "m")
    assert check(tmp_path / "m", deep=True) == []
    export_gr00t(tmp_path / "m", tmp_path / "gr00t")
    assert write_view(tmp_path / "m").exists()


def test_statistics_of_all_episodes_are_those_of_all_frames(tmp_path):
    root = data_set(tmp_path / "d", (12, 8))
    stats = json.loads((root / "meta/stats.json").read_text())
    data = [pq.read_table(p)["observation.state"].to_pylist() for p in sorted((root / "data").glob("*/*.parquet"))]
    everything = np.concatenate([np.array(one) for one in data])
    for name, value in (("mean", everything.mean(0)), ("std", everything.std(0)), ("max", everything.max(0))):
        np.testing.assert_allclose(stats["observation.state"][name], value, rtol=1e-5)
    assert stats["observation.state"]["count"] == [20]
    assert np.array(stats["observation.images.head"]["mean"]).shape == (3, 1, 1)
    assert 0.1 < np.mean(stats["observation.images.head"]["mean"]) < 0.5


def test_a_recorder_that_ends_between_any_two_steps_of_saving_leaves_everything_whole(tmp_path):
    number = 0
    while True:
        root = tmp_path / f"d{number}"
        data_set(root, (6,))
        store = Store(root, CONTRACT)
        steps = store.steps(ended(store, 9))
        done = sum(1 for _, step in zip(range(number), steps) if step() is None)
        finished = next(steps, None) is None
        store.close()
        assert as_lerobot_sees_it(root) in (6, 15)
        Store(root, CONTRACT).close()
        assert as_lerobot_sees_it(root) == 15
        assert not list((root / "recording").iterdir())
        assert read_sealed(root / "episodes/episode-000001/episode.json")["frames"] == 9
        info = json.loads((root / "meta/info.json").read_text())
        assert (info["total_episodes"], info["total_frames"]) == (2, 15)
        shutil.rmtree(root)
        if finished:
            break
        number += 1
    assert done >= 10


def killed(root: Path, count: int) -> Path:
    """A data set whose recorder was killed while an episode ran; returns the folder of that episode."""
    store = Store(root, CONTRACT)
    folder = running(store, count).folder
    store.close()
    return folder


def test_a_killed_recorder_loses_at_most_one_fragment(tmp_path):
    said: list[str] = []
    killed(tmp_path / "d", 40)
    store = Store(tmp_path / "d", CONTRACT, said.append)
    store.close()
    document = read_sealed(tmp_path / "d/episodes/episode-000000/episode.json")
    assert document["frames"] >= 40 - 10 * 0.5
    assert document["outcome"]["success"] is False
    assert "recorder ended" in document["outcome"]["reason"]
    assert "cut short" in said[0]
    assert as_lerobot_sees_it(tmp_path / "d") == document["frames"]


@pytest.mark.parametrize("name", ["rows.bin", "head.mp4", "notes.jsonl"])
def test_an_episode_cut_at_any_byte_comes_back_up_to_there(tmp_path, name):
    folder = killed(tmp_path / "d", 12)
    content = (folder / name).read_bytes()
    before = -1
    for length in range(0, len(content), 97):
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "d", copy)
        (copy / "recording" / folder.name / name).write_bytes(content[:length])
        Store(copy, CONTRACT).close()
        saved = sorted((copy / "episodes").glob("*")) if (copy / "episodes").exists() else []
        frames = as_lerobot_sees_it(copy) if saved else 0
        assert frames >= before, "more bytes, fewer frames"
        assert saved or list((copy / "set_aside").iterdir())
        before = frames
        shutil.rmtree(copy)
    assert before > 0


def test_a_flipped_bit_in_a_running_table_ends_it_there(tmp_path):
    folder = killed(tmp_path / "d", 12)
    path = folder / "rows.bin"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    Store(tmp_path / "d", CONTRACT).close()
    assert 0 < as_lerobot_sees_it(tmp_path / "d") <= 6


def test_a_repaired_episode_has_streams_with_an_index_again(tmp_path):
    root = tmp_path / "d"
    store = Store(root, CONTRACT)
    files = running(store, 10)
    log = McapLog(files.mcap)
    words = log.channel("/words", "std_msgs/msg/String", "string data\n")
    for number in range(7):
        log.write(words, number, number, b"\0\1\0\0\2\0\0\0a\0")
    log.flush()
    log.write(words, 7, 7, b"lost")
    store.close()
    Store(root, CONTRACT).close()
    with (root / "episodes/episode-000000/episode.mcap").open("rb") as file:
        summary = make_reader(file, validate_crcs=True).get_summary()
    assert summary is not None and summary.statistics is not None
    assert summary.statistics.message_count == 7
    log._file.abandon()


def test_streams_that_are_no_mcap_file_are_kept_and_said_and_the_rest_is_repaired(tmp_path):
    folder = killed(tmp_path / "d", 10)
    (folder / "episode.mcap").write_bytes(b"\0" * 100)
    Store(tmp_path / "d", CONTRACT).close()
    place = tmp_path / "d/episodes/episode-000000"
    assert (place / "episode.mcap").read_bytes() == b"\0" * 100
    assert "is no MCAP file" in read_sealed(place / "episode.json")["events"][-1]["text"]
    assert as_lerobot_sees_it(tmp_path / "d") > 5


def test_an_episode_without_a_frame_is_set_aside_and_said(tmp_path):
    said: list[str] = []
    killed(tmp_path / "d", 0)
    Store(tmp_path / "d", CONTRACT, said.append).close()
    (aside,) = (tmp_path / "d/set_aside").iterdir()
    assert "not one whole frame" in (aside / "reason.txt").read_text()
    assert str(aside) in said[0]


def test_sums_that_were_damaged_are_made_anew(tmp_path):
    root = data_set(tmp_path / "d")
    whole = {name: (root / "meta" / name).read_bytes() for name in ("info.json", "stats.json", "tasks.parquet")}
    for name in whole:
        (root / "meta" / name).write_bytes(b"x")
        said: list[str] = []
        Store(root, CONTRACT, said.append).close()
        assert "made anew" in said[0]
        for one, content in whole.items():
            if one != "stats.json":
                assert (root / "meta" / one).read_bytes() == content


def test_two_recorders_on_one_folder_are_refused_and_the_first_is_named(tmp_path):
    store = Store(tmp_path / "d", CONTRACT)
    with pytest.raises(
        DatasetError, match=r"recorded into by process \d+; stop that recorder or choose another folder"
    ):
        Store(tmp_path / "d", CONTRACT)
    store.close()
    Store(tmp_path / "d", CONTRACT).close()


def test_a_data_set_of_another_robot_is_refused_and_unharmed(tmp_path):
    root = data_set(tmp_path / "d", (5,))
    other = replace(CONTRACT, robot="large", joint_names=("neck_joint", "wrist_joint", "elbow_joint"))
    with pytest.raises(DatasetError, match=r"(?s)'large'.*'small'.*number 1 is 'wrist_joint'.*'elbow_joint'"):
        Store(root, other)
    assert as_lerobot_sees_it(root) == 5


def test_a_data_set_that_was_recorded_elsewhere_is_refused(tmp_path):
    root = data_set(tmp_path / "d", (5,))
    (root / "meta/robot.json").unlink()
    with pytest.raises(DatasetError, match="was not recorded here .*; record into another folder"):
        Store(root, CONTRACT)


def test_a_label_is_kept_with_the_episode(tmp_path):
    root = data_set(tmp_path / "d", (5,))
    store = Store(root, CONTRACT)
    store.label(0, False, "the box slipped", "gripper was wet")
    document = read_sealed(root / "episodes/episode-000000/episode.json")
    assert document["outcome"] == {"success": False, "reason": "the box slipped", "source": "person"}
    assert document["events"][-1]["text"] == "failure: the box slipped; gripper was wet"
    with pytest.raises(DatasetError, match="there is no episode 3; .* holds 0 to 0"):
        store.label(3, True)
    store.close()


def test_a_failure_without_a_reason_is_refused():
    with pytest.raises(ConfigError, match="needs a reason"):
        Outcome(False, "", "person")


def test_a_video_with_fewer_pictures_than_rows_is_no_episode(tmp_path):
    store = Store(tmp_path / "d", CONTRACT)
    files = running(store, 6)
    last, _, _ = list(frames(7))[-1]
    files._rows.add(last, 0)  # a row whose pictures were lost on the way
    with pytest.raises(DatasetError, match="holds 6 pictures, the table 7 rows"):
        store.save(files.finish(SUCCESS))
    store.close()
    Store(tmp_path / "d", CONTRACT).close()
    assert as_lerobot_sees_it(tmp_path / "d") == 6


def test_tasks_parquet_is_a_pandas_frame_with_the_sentence_as_index():
    table = pq.read_table(io.BytesIO(tables.tasks_parquet(["wave", "go home"])))
    pandas = json.loads(table.schema.metadata[b"pandas"])
    assert pandas["index_columns"] == ["task"]
    assert table.column_names == ["task_index", "task"]
