"""Merged and split data sets hold the same pictures, numbers and streams, and are as whole as recorded ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import CONTRACT, data_set, ended
from test_check import with_streams
from test_reader import foreign
from test_store import as_lerobot_sees_it

from optimus_nodes.core.episode import Outcome
from optimus_nodes.dataset.check import check
from optimus_nodes.dataset.edit import by_fractions, by_numbers, by_outcome, merge, split
from optimus_nodes.dataset.files import DatasetError, read_sealed
from optimus_nodes.dataset.reader import DataSet
from optimus_nodes.dataset.store import Store

RENUMBERED = {"index", "episode_index", "task_index"}


def same(source: DataSet, old: int, made: DataSet, new: int) -> None:
    """Fails when the episodes differ in anything but their numbers."""
    before, after = source.columns(old), made.columns(new)
    assert before.keys() == after.keys()
    for name in before.keys() - RENUMBERED:
        assert before[name].tobytes() == after[name].tobytes(), name
    texts = [[one.tasks[i] for i in c["task_index"]] for one, c in ((source, before), (made, after))]
    assert texts[0] == texts[1]
    for camera, part in source.episode(old).videos.items():
        assert part.path.read_bytes() == made.episode(new).videos[camera].path.read_bytes()
    kept = [{k: v for k, v in d.items() if k not in ("files", "sha256", "episode")} for d in documents(source, old)]
    assert kept == [
        {k: v for k, v in d.items() if k not in ("files", "sha256", "episode")} for d in documents(made, new)
    ]
    for name in ("episode.mcap", "sync.npz", "sync.png"):
        paths = [one.layout.episode(n) / name for one, n in ((source, old), (made, new))]
        assert [p.exists() for p in paths] in ([True, True], [False, False])
        assert not paths[0].exists() or paths[0].read_bytes() == paths[1].read_bytes()


def documents(data_set: DataSet, number: int) -> list[dict]:
    return [data_set.document(number)]


def labelled(root: Path, outcomes: tuple[bool | None, ...]) -> Path:
    """Episodes of 4, 5, 6, … frames with these outcomes."""
    store = Store(root, CONTRACT)
    for number, success in enumerate(outcomes):
        draft = ended(store, 4 + number, Outcome(success, "" if success is not False else "dropped it", "person"))
        draft.refused = ["late pictures"] if number % 2 else []
        store.seal(store.save(draft).episode)
    store.close()
    return root


def test_merged_data_sets_hold_all_episodes_of_both(tmp_path):
    sources = [with_streams(tmp_path / "a"), data_set(tmp_path / "b", (5, 6, 4))]
    seen: list[tuple[int, int]] = []
    assert merge(sources, tmp_path / "m", lambda *at: seen.append(at)) == 5
    assert seen[-1] == (5, 5)
    assert as_lerobot_sees_it(tmp_path / "m") == 12 + 8 + 5 + 6 + 4
    assert check(tmp_path / "m", deep=True) == []
    opened, made = [DataSet.open(one) for one in sources], DataSet.open(tmp_path / "m")
    for new, (source, old) in enumerate([(opened[0], 0), (opened[0], 1), *((opened[1], i) for i in range(3))]):
        same(source, old, made, new)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_merged_data_set_is_the_one_that_recording_would_have_made(tmp_path):
    data_set(tmp_path / "a", (5, 6))
    data_set(tmp_path / "b", (7,))
    data_set(tmp_path / "all", (5, 6, 7))
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    for name in ("info.json", "tasks.parquet", "robot.json"):
        assert (tmp_path / "m/meta" / name).read_bytes() == (tmp_path / "all/meta" / name).read_bytes()
    for number in range(3):
        for kind in ("data", "meta/episodes"):
            name = f"{kind}/chunk-000/file-{number:03d}.parquet"
            assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "all" / name).read_bytes(), name
    Store(tmp_path / "m", CONTRACT, lambda text: pytest.fail(text)).close()  # recording can go on in it


def test_tasks_of_different_data_sets_get_one_number_each(tmp_path):
    data_set(tmp_path / "a", (5,))
    store = Store(tmp_path / "b", CONTRACT)
    draft = ended(store, 6)
    draft.tasks = ["go home", "sit"]
    store.seal(store.save(draft).episode)
    store.close()
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    made = DataSet.open(tmp_path / "m")
    assert made.tasks == {0: "wave", 1: "go home", 2: "sit"}
    assert made.columns(1)["task_index"].tolist() == [1, 1, 1, 2, 2, 2]
    same(DataSet.open(tmp_path / "b"), 0, made, 1)
    assert check(tmp_path / "m") == []


def test_data_sets_of_different_robots_are_refused_and_every_difference_is_named(tmp_path):
    data_set(tmp_path / "a", (5,))
    other = replace(CONTRACT, robot="large", joint_names=("neck_joint", "wrist_joint", "elbow_joint"))
    store = Store(tmp_path / "b", other)
    store.save(ended(store, 5))
    store.close()
    with pytest.raises(DatasetError, match=r"(?s)can't be one data set.*robot: .*'small'.*'large'.*number 1 is 'elbow"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    with pytest.raises(DatasetError, match=r"f was not recorded here: it has no meta/robot\.json"):
        merge([tmp_path / "a", foreign(tmp_path / "f")], tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_nothing_is_overwritten(tmp_path):
    root = data_set(tmp_path / "a", (5,))
    (tmp_path / "m").mkdir()
    merge([root], tmp_path / "m")
    with pytest.raises(DatasetError, match=r"m exists already and stays as it is; name a new folder"):
        merge([root], tmp_path / "m")
    with pytest.raises(DatasetError, match="is named twice"):
        merge([root, tmp_path / "m/../a"], tmp_path / "n")


@pytest.mark.parametrize(
    "name",
    [
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "videos/observation.images.head/chunk-000/file-000.mp4",
        "episodes/episode-000000/episode.json",
    ],
)
def test_damage_is_never_copied_and_leaves_nothing_behind(tmp_path, name):
    root = data_set(tmp_path / "a", (5,))
    changed = bytearray((root / name).read_bytes())
    changed[len(changed) // 2] ^= 1
    (root / name).write_bytes(changed)
    with pytest.raises(DatasetError, match=Path(name).name):
        merge([root], tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_split_by_fractions_deals_out_every_episode_once(tmp_path):
    root = with_streams(tmp_path / "a")
    merge([root, data_set(tmp_path / "b", (4, 5, 6, 4, 5, 6, 4, 5))], tmp_path / "all")
    whole = DataSet.open(tmp_path / "all")
    parts = by_fractions(whole, (0.7, 0.3), seed=3)
    assert [len(part) for part in parts] == [7, 3]
    assert sorted([*parts[0], *parts[1]]) == list(range(10))
    assert parts == by_fractions(whole, (0.7, 0.3), seed=3) != by_fractions(whole, (0.7, 0.3), seed=4)
    split(tmp_path / "all", dict(zip((tmp_path / "x", tmp_path / "y"), parts)))
    for name, part in zip("xy", parts):
        made = DataSet.open(tmp_path / name)
        assert as_lerobot_sees_it(tmp_path / name) == sum(whole.episode(i).frames for i in part)
        assert check(tmp_path / name, deep=True) == []
        for new, old in enumerate(part):
            same(whole, old, made, new)


def test_episodes_are_chosen_by_outcome(tmp_path):
    found = DataSet.open(labelled(tmp_path / "a", (True, False, None, True)))
    chosen = {which: by_outcome(found, which) for which in ("success", "failure", "unknown", "accepted", "refused")}
    assert chosen == {"success": [0, 3], "failure": [1], "unknown": [2], "accepted": [0, 2], "refused": [1, 3]}
    split(tmp_path / "a", {tmp_path / "good": chosen["success"]})
    assert [read_sealed(p)["frames"] for p in sorted((tmp_path / "good").glob("episodes/*/episode.json"))] == [4, 7]
    with pytest.raises(DatasetError, match=r"'nice' is no way to choose episodes; there are success, failure"):
        by_outcome(found, "nice")


def test_numbers_and_fractions_that_make_no_sense_are_refused(tmp_path):
    assert by_numbers("0-3, 12,2") == [0, 1, 2, 3, 12]
    for text in ("", "a", "3-1", "1-", "-1"):
        with pytest.raises(DatasetError, match="is neither a number nor a range, as in 0-9,12"):
            by_numbers(text)
    found = DataSet.open(data_set(tmp_path / "a", (5, 4)))
    with pytest.raises(DatasetError, match=r"\[0\.9, 0\.2\] must each be between 0 and 1 and sum to 1"):
        by_fractions(found, (0.9, 0.2), 0)
    with pytest.raises(DatasetError, match=r"y would get no episode; .* has 2: choose otherwise"):
        split(tmp_path / "a", dict(zip((tmp_path / "x", tmp_path / "y"), by_fractions(found, (0.9, 0.1), 0))))
    with pytest.raises(DatasetError, match="has no episode 7; it has 0 to 1"):
        split(tmp_path / "a", {tmp_path / "x": [0, 7]})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_statistics_are_made_of_what_is_in_the_new_data_set(tmp_path):
    root = data_set(tmp_path / "a", (12, 8))
    split(root, {tmp_path / "x": [1]})
    found = DataSet.open(tmp_path / "x")
    columns, stats = found.columns(0), found.stats(0)
    for name in ("index", "episode_index", "task_index", "observation.state"):
        np.testing.assert_allclose(stats[name]["mean"], np.atleast_1d(columns[name].mean(0)))
