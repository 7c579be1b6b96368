"""Any LeRobotDataset v3.0 folder can be read: ours, and those with several episodes in a file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up import CONTRACT, data_set, picture

from optimus_nodes.dataset.files import DatasetError
from optimus_nodes.dataset.reader import DataSet
from optimus_nodes.dataset.video import Encoder, Mp4File

KEYS = [f"observation.images.{name}" for name, _, _ in CONTRACT.cameras]


def foreign(root: Path, lengths: tuple[int, ...] = (12, 8)) -> Path:
    """The same data set as LeRobot's own writer leaves it: all episodes in one file of each kind, nothing of ours."""
    ours = data_set(root.with_name(f"{root.name}-ours"), lengths)
    for kind in ("data", "meta/episodes"):
        tables = [pq.read_table(path) for path in sorted((ours / kind).glob("*/*.parquet"))]
        whole = pa.concat_tables(tables)
        begin = np.cumsum([0, *lengths]) / CONTRACT.fps
        for column in whole.column_names:
            value = None
            if column.endswith("file_index"):
                value = np.zeros(len(lengths), np.int64)
            elif column.endswith("from_timestamp"):
                value = begin[:-1]
            elif column.endswith("to_timestamp"):
                value = begin[1:]
            if value is not None:
                whole = whole.set_column(whole.column_names.index(column), column, pa.array(value))
        (root / kind / "chunk-000").mkdir(parents=True)
        pq.write_table(whole, root / kind / "chunk-000/file-000.parquet")
    for name, height, width in CONTRACT.cameras:
        path = root / f"videos/observation.images.{name}/chunk-000/file-000.mp4"
        path.parent.mkdir(parents=True)
        video = Mp4File(path, CONTRACT.fps)
        for length in lengths:
            encoder = Encoder(width, height, CONTRACT.fps)
            for number in range(length):
                video.add(encoder.encode(picture(number, height, width), key=number == 0))
        video.close()
    for name in ("info.json", "stats.json", "tasks.parquet"):
        shutil.copy(ours / "meta" / name, root / "meta" / name)
    return root


@pytest.mark.parametrize("make", [data_set, foreign])
def test_episodes_columns_and_pictures_are_found_however_they_are_filed(tmp_path, make):
    found = DataSet.open(make(tmp_path / "d", (12, 8)))
    assert found.tasks == {0: "wave", 1: "go home"}
    assert [(one.number, one.frames, one.first) for one in found.episodes] == [(0, 12, 0), (1, 8, 12)]
    assert found.episodes[1].tasks == ("wave", "go home")
    assert list(found.cameras) == ["head", "wrist"]
    columns = found.columns(1, ["observation.state", "index", "gap"])
    np.testing.assert_allclose(columns["observation.state"][3], [0.03, 0.06, 0.09], rtol=1e-6)
    assert columns["index"].tolist() == list(range(12, 20))
    assert columns["gap"].dtype == bool
    for number, frames in ((0, 12), (1, 8)):
        pictures = list(found.frames(number, "head"))
        assert len(pictures) == frames
        for at, one in enumerate(pictures):
            assert one.shape == (48, 64, 3)
            assert np.abs(one.astype(int) - picture(at, 48, 64)).mean() < 12
    assert found.stats(1)["observation.state"]["count"] == [8]
    assert found.stats(0)["observation.images.head"]["mean"].shape == (3, 1, 1)


def test_our_documents_come_along_and_others_have_none(tmp_path):
    ours = DataSet.open(data_set(tmp_path / "d", (5,)))
    assert ours.document(0)["instruction"] == "wave and go home"
    assert ours.contract == CONTRACT
    theirs = DataSet.open(foreign(tmp_path / "f", (5,)))
    assert theirs.document(0) == {}
    with pytest.raises(DatasetError, match=r"was not recorded here: it has no meta/robot\.json"):
        _ = theirs.contract


def test_what_is_no_data_set_is_said(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere is no folder"):
        DataSet.open(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"is no data set: it has no meta/info\.json; name the folder that meta"):
        DataSet.open(tmp_path)
    root = data_set(tmp_path / "d", (5,))
    raw = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps({**raw, "codebase_version": "v2.1"}))
    with pytest.raises(DatasetError, match=r"is a data set of version 'v2\.1', this reads 'v3\.0' only"):
        DataSet.open(root)
    (root / "meta/info.json").write_text("{")
    with pytest.raises(DatasetError, match=r"info\.json can't be read .* restore it from a copy"):
        DataSet.open(root)


def test_a_folder_without_a_finished_episode_is_told_from_a_wrong_folder(tmp_path):
    with pytest.raises(DatasetError, match="holds no finished episode yet"):
        DataSet.open(data_set(tmp_path / "d", ()))


def test_a_missing_or_shortened_file_is_named_with_what_was_expected(tmp_path):
    root = data_set(tmp_path / "d", (6, 5))
    table, video = root / "data/chunk-000/file-001.parquet", root / f"videos/{KEYS[0]}/chunk-000/file-001.mp4"
    table.write_bytes(table.read_bytes()[:-20])
    video.write_bytes(video.read_bytes()[:200])
    found = DataSet.open(root)
    with pytest.raises(DatasetError, match=r"file-001\.parquet can't be read .*expected a whole parquet file: restore"):
        found.columns(1)
    with pytest.raises(DatasetError, match=r"file-001\.mp4 can't be read .*expected a whole mp4 file"):
        list(found.frames(1, "head"))
    table.unlink()
    with pytest.raises(DatasetError, match=r"file-001\.parquet is missing; restore it from a copy"):
        found.columns(1)
    shutil.copy(root / f"videos/{KEYS[1]}/chunk-000/file-001.mp4", root / f"videos/{KEYS[1]}/chunk-000/file-000.mp4")
    with pytest.raises(DatasetError, match=r"file-000\.mp4 gave 5 of the 6 pictures of episode 0"):
        list(found.frames(0, "wrist"))


def test_what_a_data_set_does_not_have_is_named_with_what_it_has(tmp_path):
    found = DataSet.open(data_set(tmp_path / "d", (6, 5)))
    with pytest.raises(DatasetError, match=r"has no episode 7; it has 0 to 1"):
        found.columns(7)
    with pytest.raises(DatasetError, match=r"has no camera 'tail'; it has head, wrist"):
        list(found.frames(0, "tail"))
    with pytest.raises(DatasetError, match=r"has no column 'smell'; it has observation\.state"):
        found.columns(0, ["smell"])
