"""Data sets as pages: what is in them, and that a browser needs nothing but the folder."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up import data_set

from optimus_nodes.dataset.files import DatasetError
from optimus_nodes.dataset.view import POINTS, write_view


def data_of(page: Path) -> dict[str, Any]:
    (text,) = re.findall(r"^const DATA = (.*);$", page.read_text(), re.MULTILINE)
    return json.loads(text)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return data_set(tmp_path / "ours", (12, 8))


def test_the_index_lists_every_episode_with_instruction_outcome_and_length(ours: Path) -> None:
    index = data_of(write_view(ours))
    assert index["kind"] == "index" and index["cameras"] == ["head", "wrist"]
    first, second = index["episodes"]
    assert (first["instruction"], first["length"], second["length"]) == ("wave and go home", 1.2, 0.8)
    assert first["outcome"]["success"] is True and first["page"] and first["accepted"] is True


def test_a_page_holds_joints_actions_touch_tasks_and_events(ours: Path) -> None:
    write_view(ours)
    page = data_of(ours / "view" / "episode-000000.html")
    assert page["joints"] == ["neck", "elbow", "wrist"]
    assert page["curves"]["position"][1][:3] == [0.0, 0.02, 0.04] and page["action"][1][0] == 0.1
    assert set(page["curves"]) == {"position", "velocity", "effort"}
    assert page["touch"] == {"names": ["left_tip", "right_tip"], "values": [[1.0] * 12] * 2}
    assert page["tasks"] == [{"from": 0.0, "to": 0.6, "text": "wave"}, {"from": 0.6, "to": 1.2, "text": "go home"}]
    assert page["events"] == [{"time": 0.1, "kind": "task", "text": "wave"}]
    assert (page["previous"], page["next"], page["sync_png"]) == (None, 1, None)


def test_every_path_in_a_page_is_there_and_nothing_comes_from_the_network(ours: Path) -> None:
    (ours / "episodes" / "episode-000001" / "sync.png").write_bytes(b"")
    write_view(ours)
    page = ours / "view" / "episode-000001.html"
    data = data_of(page)
    paths = [video["path"] for video in data["videos"]] + [data["sync_png"]]
    assert len(paths) == 3
    assert all((page.parent / unquote(path)).is_file() for path in paths)
    assert not re.search(r"https?:|//[a-z]+\.|<link|@import|\bsrc=", page.read_text())


def test_joints_are_in_the_smallest_group_of_the_robot_that_has_them(ours: Path) -> None:
    groups = {"arm": ["elbow_joint", "wrist_joint"], "body": ["neck_joint", "elbow_joint", "wrist_joint"]}
    write_view(ours, groups)
    found = data_of(ours / "view" / "episode-000000.html")["groups"]
    assert found == [{"name": "body", "joints": [0]}, {"name": "arm", "joints": [1, 2]}]


def test_words_can_not_break_out_of_the_page(ours: Path) -> None:
    path = ours / "episodes" / "episode-000000" / "episode.json"
    document = json.loads(path.read_text())
    document["instruction"] = "</script><!--<script> & é"
    path.write_text(json.dumps(document))
    write_view(ours)
    text = (ours / "view" / "episode-000000.html").read_text()
    assert text.count("</script>") == 1 and "<!--<script>" not in text
    assert data_of(ours / "view" / "episode-000000.html")["instruction"] == "</script><!--<script> & é"


def test_only_the_chosen_episodes_are_written_and_progress_is_told(ours: Path) -> None:
    told: list[tuple[int, int]] = []
    index = data_of(write_view(ours, episodes=[1], progress=lambda done, total: told.append((done, total))))
    assert sorted(path.name for path in (ours / "view").iterdir()) == ["episode-000001.html", "index.html"]
    assert [episode["page"] for episode in index["episodes"]] == [False, True] and told == [(1, 1)]
    with pytest.raises(DatasetError, match="has no episode 9; it has 2, from 0"):
        write_view(ours, episodes=[9])


def foreign(root: Path, lengths: tuple[int, ...]) -> Path:
    """What others write: several episodes in one file, no episode.json, names in a mapping."""
    features = {
        "observation.state": {"dtype": "float32", "shape": [2], "names": {"motors": ["a.pos", "b.pos"]}},
        "action": {"dtype": "float32", "shape": [2], "names": None},
        "observation.images.top": {"dtype": "video", "shape": [4, 4, 3], "names": None},
        "timestamp": {"dtype": "float32", "shape": [1], "names": None},
        "task_index": {"dtype": "int64", "shape": [1], "names": None},
    }
    place = "chunk-{chunk_index:03d}/file-{file_index:03d}"
    info = {"codebase_version": "v3.0", "fps": 50, "features": features, "data_path": f"data/{place}.parquet"}
    info["video_path"] = "videos/{video_key}/" + place + ".mp4"
    count = np.arange(max(lengths))
    table = {
        "observation.state": [[float(i), -float(i)] for n in lengths for i in count[:n]],
        "action": [[float(i), 0.0] for n in lengths for i in count[:n]],
        "timestamp": np.concatenate([count[:n] / 50 for n in lengths]).astype(np.float32),
        "episode_index": np.repeat(np.arange(len(lengths)), lengths),
        "task_index": np.zeros(sum(lengths), np.int64),
    }
    key = "videos/observation.images.top"
    rows = [
        {"episode_index": e, "tasks": ["fold"], "length": n, "data/chunk_index": 0, "data/file_index": 0}
        | {f"{key}/chunk_index": 0, f"{key}/file_index": 0, f"{key}/from_timestamp": sum(lengths[:e]) / 50}
        for e, n in enumerate(lengths)
    ]
    for folder in ("meta/episodes/chunk-000", "data/chunk-000"):
        (root / folder).mkdir(parents=True)
    (root / "meta" / "info.json").write_text(json.dumps(info))
    pq.write_table(pa.table(table), root / "data/chunk-000/file-000.parquet")
    pq.write_table(pa.Table.from_pylist(rows), root / "meta/episodes/chunk-000/file-000.parquet")
    pq.write_table(pa.table({"task_index": [0], "__index_level_0__": ["fold"]}), root / "meta/tasks.parquet")
    return root


def test_a_foreign_data_set_with_shared_files_is_shown_too(tmp_path: Path) -> None:
    root = foreign(tmp_path / "other", (30, 20))
    index = data_of(write_view(root))
    assert [e["instruction"] for e in index["episodes"]] == ["fold", "fold"]
    page = data_of(root / "view" / "episode-000001.html")
    assert page["videos"][0]["from"] == pytest.approx(0.6)
    assert page["joints"] == ["a", "b"] and page["curves"]["position"][1] == [-float(i) for i in range(20)]
    assert (page["frames"], page["outcome"], page["touch"]["values"]) == (20, {}, [])


def test_long_episodes_are_thinned_out(tmp_path: Path) -> None:
    root = foreign(tmp_path / "other", (5000,))
    write_view(root)
    page = data_of(root / "view" / "episode-000000.html")
    assert len(page["t"]) == len(page["action"][0]) == POINTS
    assert page["t"][-1] == pytest.approx(99.98)


def test_a_folder_without_a_data_set_is_an_error(tmp_path: Path, ours: Path) -> None:
    with pytest.raises(DatasetError, match="is no data set: it has no meta/info.json"):
        write_view(tmp_path / "nothing")
    info = ours / "meta" / "info.json"
    info.write_text(info.read_text().replace("v3.0", "v2.1"))
    with pytest.raises(DatasetError, match="is a data set of version v2.1; this shows v3.0 only"):
        write_view(ours)


def test_a_damaged_episode_document_is_said_on_its_page(ours: Path) -> None:
    (ours / "episodes" / "episode-000000" / "episode.json").write_text("{")
    shutil.rmtree(ours / "episodes" / "episode-000001")
    first, second = data_of(write_view(ours))["episodes"]
    assert first["outcome"]["reason"] == "episode.json is damaged"
    assert second["outcome"] == {} and second["instruction"] == "wave; go home"
