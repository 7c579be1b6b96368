"""No changed bit and no cut file stays unnoticed.

OPTIMUS_FLIPS=10000 pytest test/dataset/test_check.py flips that many bits instead of a few hundred.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up import CONTRACT, data_set, ended, running
from test_reader import foreign

from optimus_nodes.dataset.check import DAMAGE, NOTE, check, damaged
from optimus_nodes.dataset.files import DatasetError, read_sealed, sealed
from optimus_nodes.dataset.mcap_log import McapLog
from optimus_nodes.dataset.store import Store

pytestmark = pytest.mark.promise("P17")

FLIPS = int(os.environ.get("OPTIMUS_FLIPS", "300"))


def with_streams(root: Path) -> Path:
    """Two sealed episodes with everything that can belong to one."""
    store = Store(root, CONTRACT)
    for length in (12, 8):
        files = running(store, length)
        with McapLog(files.mcap) as log:
            channel = log.channel("/touch", "std_msgs/msg/Empty", "")
            for number in range(20):
                log.write(channel, number, number, bytes(8))
        (files.folder / "sync.npz").write_bytes(b"stamps")
        saved = store.save(files.finish(ended(store, 1).outcome))
        (store.layout.episode(saved.episode) / "sync.png").write_bytes(b"picture")
        store.seal(saved.episode)
    store.close()  # waits for what clears up beside it
    for folder in store.layout.recording.iterdir():
        shutil.rmtree(folder)
    return root


def content(root: Path) -> list[Path]:
    """Every file of the data set but the lock, which holds a process number."""
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name != ".lock")


def test_nothing_is_found_in_a_whole_data_set(tmp_path):
    seen: list[tuple[int, int]] = []
    root = with_streams(tmp_path / "d")
    assert check(root, lambda done, total: seen.append((done, total)), deep=True) == []
    assert seen[-1][0] == seen[-1][1] > 0
    assert check(foreign(tmp_path / "f"), deep=True) == []
    assert check(data_set(tmp_path / "e", ())) == []


@pytest.mark.timeout(3600)
def test_every_flipped_bit_is_found_and_its_file_named(tmp_path):
    root = with_streams(tmp_path / "d")
    files, dice = content(root), random.Random(1)
    weights = [path.stat().st_size + 2000 for path in files]
    for _ in range(FLIPS):
        path = dice.choices(files, weights)[0]
        whole = path.read_bytes()
        bit = dice.randrange(8 * len(whole))
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        found = check(root)
        name = path.relative_to(root).as_posix()
        assert any(one.kind == DAMAGE and one.file == name for one in found), (name, bit, found)
        path.write_bytes(whole)
    assert check(root) == []


def test_every_file_that_is_cut_or_gone_is_found_and_named(tmp_path):
    root = with_streams(tmp_path / "d")
    assert len(content(root)) == 2 * 8 + 5
    for path in content(root):
        whole, name = path.read_bytes(), path.relative_to(root).as_posix()
        for length in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:length])
            assert name in {one.file for one in check(root)}, (name, length)
        path.unlink()
        assert name in {one.file for one in check(root) if "missing" in one.got}, name
        path.write_bytes(whole)


def test_a_finding_says_what_was_got_what_was_expected_and_what_to_do(tmp_path):
    root = data_set(tmp_path / "d")
    path = root / "data/chunk-000/file-001.parquet"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-5])
    (found,) = check(root)
    assert (found.file, found.got) == ("data/chunk-000/file-001.parquet", f"{size - 5} bytes")
    assert found.expected == f"{size} bytes"
    assert "restore it from a copy" in found.fix and "`optimus dataset split`" in found.fix


def test_a_file_that_nobody_speaks_of_is_found(tmp_path):
    root = data_set(tmp_path / "d")
    (root / "episodes/episode-000000/notes.txt").write_text("?")
    shutil.copy(root / "data/chunk-000/file-001.parquet", root / "data/chunk-000/file-001b.parquet")
    assert {one.file for one in check(root)} == {
        "episodes/episode-000000/notes.txt",
        "data/chunk-000/file-001b.parquet",
    }


def test_an_episode_that_is_gone_without_a_trace_is_missed(tmp_path):
    root = data_set(tmp_path / "d", (6, 5))
    for path in content(root):
        if "file-001" in path.name or "episode-000001" in path.parts:
            path.unlink()
    assert {"data/chunk-000/file-001.parquet", "episodes/episode-000001/episode.json"} <= {
        one.file for one in check(root)
    }


def test_what_is_unfinished_is_said_and_is_no_damage(tmp_path):
    root = tmp_path / "d"
    store = Store(root, CONTRACT)
    store.save(ended(store, 6))
    running(store, 4)
    store.close()
    found = check(root)
    assert {one.kind for one in found} == {NOTE}
    assert not damaged(found)
    texts = [one.got for one in found]
    assert any("not sealed yet" in text for text in texts)
    assert any("being recorded, or that was cut short" in text for text in texts)


def test_a_save_that_is_cut_at_any_step_is_no_damage(tmp_path):
    for number in range(30):
        root = data_set(tmp_path / f"d{number}", (6,))
        store = Store(root, CONTRACT)
        for _, step in zip(range(number), store.steps(ended(store, 5))):
            step()
        store.close()
        assert not damaged(check(root)), (number, check(root))
        Store(root, CONTRACT).close()
        assert check(root) == []


def test_an_unsealed_episode_is_still_compared_with_its_table(tmp_path):
    root = tmp_path / "d"
    store = Store(root, CONTRACT)
    store.save(ended(store, 6))
    store.close()
    for name in ("data/chunk-000/file-000.parquet", "videos/observation.images.head/chunk-000/file-000.mp4"):
        whole = (root / name).read_bytes()
        (root / name).write_bytes(whole[: len(whole) // 2])
        assert name in {one.file for one in check(root) if one.kind == DAMAGE}
        (root / name).write_bytes(whole)


def rewritten(path: Path, column: str, row: int, value: object) -> None:
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] = value
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(values, table[column].type)), path)


@pytest.mark.parametrize(
    ("column", "row", "value", "text"),
    [
        ("index", 3, 77, "index 77 in row 3 of episode 0"),
        ("frame_index", 14, 9, "frame_index 9 in row 2 of episode 1"),
        ("timestamp", 5, 0.51, "timestamp 0.50999"),
        ("timestamp", 5, float("nan"), "timestamp nan"),
        ("task_index", 1, 2, "task_index 2 in row 1 of episode 0"),
        ("episode_index", 11, 1, "11 rows of episode 0"),
    ],
)
def test_a_table_from_elsewhere_that_breaks_a_rule_is_found(tmp_path, column, row, value, text):
    root = foreign(tmp_path / "f")
    rewritten(root / "data/chunk-000/file-000.parquet", column, row, value)
    (found,) = check(root)
    assert found.file == "data/chunk-000/file-000.parquet"
    assert text in found.got


def test_wrong_totals_and_too_few_pictures_from_elsewhere_are_found(tmp_path):
    root = foreign(tmp_path / "f")
    raw = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps({**raw, "total_frames": 21}))
    head = "videos/observation.images.head/chunk-000/file-000.mp4"
    shutil.copy(tmp_path / "f-ours" / head, root / head)
    found = {one.file: one for one in check(root)}
    assert found["meta/info.json"].got == "total_frames 21"
    assert (found[head].got, found[head].expected) == ("12 pictures", "20, one for each row")


def test_a_document_that_was_sealed_with_something_wrong_in_it_is_found(tmp_path):
    root = data_set(tmp_path / "d")
    path = root / "episodes/episode-000000/episode.json"
    path.write_bytes(sealed({**read_sealed(path), "frames": 9}))
    (found,) = check(root)
    assert (found.file, found.got) == ("episodes/episode-000000/episode.json", "frames 9")


def test_a_folder_that_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"is no data set: it has no meta/info\.json"):
        check(tmp_path)
