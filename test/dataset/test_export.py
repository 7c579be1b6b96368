"""What GR00T reads is there: LeRobot v2.1 files, and which joints are where in the vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_up import CONTRACT, data_set, picture
from test_reader import foreign

from optimus_nodes.dataset.export import export_gr00t
from optimus_nodes.dataset.files import DatasetError
from optimus_nodes.dataset.reader import DataSet
from optimus_nodes.dataset.video import decodable_frames

GROUPS = {
    "neck": ("neck_joint",),
    "arm": ("elbow_joint", "wrist_joint"),
    "body": ("neck_joint", "elbow_joint", "wrist_joint"),  # made of the others
    "ends": ("neck_joint", "wrist_joint"),  # not side by side
}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("make", [data_set, foreign])
def test_an_exported_data_set_is_read_as_gr00t_reads_it(tmp_path, make):
    root, out = make(tmp_path / "d", (12, 8)), tmp_path / "g"
    seen: list[tuple[int, int]] = []
    export_gr00t(root, out, GROUPS, lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]
    info, modality, stats = (json.loads((out / f"meta/{n}.json").read_text()) for n in ("info", "modality", "stats"))
    tasks = {one["task_index"]: one["task"] for one in lines(out / "meta/tasks.jsonl")}
    source = DataSet.open(root)
    assert info["codebase_version"] == "v2.1"
    assert (info["total_episodes"], info["total_videos"], info["total_chunks"]) == (2, 4, 1)
    episodes = lines(out / "meta/episodes.jsonl")
    assert episodes[1] == {"episode_index": 1, "tasks": ["wave", "go home"], "length": 8}
    for episode in episodes:
        number = episode["episode_index"]
        place = {"episode_chunk": number // info["chunks_size"], "episode_index": number}
        table = pq.read_table(out / info["data_path"].format(**place), partitioning=None)
        before = source.columns(number)
        assert len(table) == episode["length"]
        for kind, key in (("state", "observation.state"), ("action", "action")):
            values = np.array(table[key].to_pylist(), np.float32)
            sliced = [values[:, one["start"] : one["end"]] for one in modality[kind].values()]
            np.testing.assert_array_equal(np.concatenate(sliced, axis=1), before[key])
            assert len(stats[key]["q99"]) == values.shape[1]
        note = modality["annotation"]["human.task_description"]["original_key"]
        assert [tasks[i] for i in table[note].to_pylist()][:: episode["length"] - 1] == ["wave", "go home"]
        for name, one in modality["video"].items():
            video = out / info["video_path"].format(video_key=one["original_key"], **place)
            assert decodable_frames(video) == episode["length"], name
    first = lines(out / "meta/episodes_stats.jsonl")[0]
    assert first["stats"]["observation.state"]["count"] == [12]
    assert np.array(first["stats"]["observation.images.head"]["mean"]).shape == (3, 1, 1)


def test_groups_are_slices_and_cover_every_joint_once(tmp_path):
    export_gr00t(data_set(tmp_path / "d", (5,)), tmp_path / "g", GROUPS)
    modality = json.loads((tmp_path / "g/meta/modality.json").read_text())
    assert modality["state"] == modality["action"] == {"neck": {"start": 0, "end": 1}, "arm": {"start": 1, "end": 3}}
    export_gr00t(tmp_path / "d", tmp_path / "h")
    modality = json.loads((tmp_path / "h/meta/modality.json").read_text())
    assert modality["state"] == {"all": {"start": 0, "end": len(CONTRACT.joint_names)}}


def test_an_episode_is_cut_out_of_a_shared_video_where_it_begins(tmp_path):
    import av

    export_gr00t(foreign(tmp_path / "f", (12, 8)), tmp_path / "g")
    path = tmp_path / "g/videos/chunk-000/observation.images.head/episode_000001.mp4"
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert [round(frame.time * CONTRACT.fps) for frame in frames] == list(range(8))
    assert np.abs(frames[0].to_ndarray(format="rgb24").astype(int) - picture(0, 48, 64)).mean() < 12


def test_tables_are_described_with_words_that_older_readers_know(tmp_path):
    export_gr00t(data_set(tmp_path / "d", (5,)), tmp_path / "g")
    schema = pq.read_schema(tmp_path / "g/data/chunk-000/episode_000000.parquet")
    kinds = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert kinds["action"] == {"feature": {"dtype": "float32", "_type": "Value"}, "length": 3, "_type": "Sequence"}


def test_an_export_overwrites_nothing_and_spreads_no_damage(tmp_path):
    root = data_set(tmp_path / "d", (5,))
    with pytest.raises(DatasetError, match="d exists already and stays as it is"):
        export_gr00t(root, root)
    video = root / "videos/observation.images.head/chunk-000/file-000.mp4"
    content = bytearray(video.read_bytes())
    content[len(content) // 2] ^= 1
    video.write_bytes(content)
    with pytest.raises(DatasetError, match=r"file-000\.mp4 is damaged"):
        export_gr00t(root, tmp_path / "g")
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
