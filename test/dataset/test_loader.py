"""Frames in any order are what the data set holds, filed however it is, and as LeRobotDataset gives them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from av.video.frame import PictureType
from made_up import CONTRACT, data_set, picture
from test_reader import foreign

from optimus_nodes.dataset.files import DatasetError
from optimus_nodes.dataset.loader import Loader
from optimus_nodes.dataset.picture_cache import PictureCache, default_cache
from optimus_nodes.dataset.pictures import Clip, Decoder
from optimus_nodes.dataset.reader import DataSet

HEAD = "observation.images.head"
ALL = ("observation.state", "observation.tactile", "action", "intervention", "timestamp", "index", "task_index")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return data_set(tmp_path_factory.mktemp("set") / "d", (12, 8))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def files(cache: Path) -> dict[Path, int]:
    """Every file of a cache and when it was made."""
    return {path: path.stat().st_mtime_ns for path in sorted(cache.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("on_demand", [False, True])
@pytest.mark.parametrize("make", [data_set, foreign])
def test_every_frame_is_what_the_data_set_holds_however_it_is_filed(tmp_path, make, on_demand):
    place = make(tmp_path / "d", (12, 8))
    loader = Loader(place, cache=tmp_path / "cache", images="uint8", on_demand=on_demand)
    found, row = DataSet.open(place), 0
    assert len(loader) == 20
    for episode in (0, 1):
        columns = found.columns(episode)
        pictures = {camera: list(found.frames(episode, camera)) for camera in found.cameras}
        for number in range(found.episode(episode).frames):
            item = loader[row]
            for key in ALL:
                assert np.array_equal(item[key], columns[key][number]), key
            for camera, key in found.cameras.items():
                assert np.array_equal(item[key], pictures[camera][number])
            assert item["task"] == found.tasks[columns["task_index"][number]]
            row += 1


def test_keys_shapes_and_types_are_lerobots(root, cache):
    """LeRobot makes float64 columns float32 and scalars 0-d; a video with one time has no T axis, a column has one."""
    item = Loader(root, {"action": [0.0], "timestamp": [0.0, 0.1], HEAD: [0.0]}, cache=cache)[3]
    found = {key: (str(value.dtype), value.shape) for key, value in item.items() if key != "task"}
    assert found == {
        HEAD: ("float32", (3, 48, 64)),
        "observation.images.wrist": ("float32", (3, 32, 32)),
        **dict.fromkeys(("observation.state", "observation.velocity", "observation.effort"), ("float32", (3,))),
        "observation.tactile": ("float32", (2,)),
        "action": ("float32", (1, 3)),
        "intervention": ("bool", ()),
        "gap": ("bool", ()),
        "capture_time": ("float32", ()),
        "timestamp": ("float32", (2,)),
        **dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), ("int64", ())),
        **{f"{key}_is_pad": ("bool", (1,)) for key in ("action", HEAD)},
        "timestamp_is_pad": ("bool", (2,)),
    }


def test_float_pictures_are_the_bytes_divided_by_255_to_the_bit(root, cache):
    stored = Loader(root, cache=cache, images="uint8")[7][HEAD]
    given = Loader(root, cache=cache)[7][HEAD]
    assert np.array_equal(given, stored.transpose(2, 0, 1).astype(np.float32) / np.float32(255))


def test_times_outside_of_an_episode_are_masked_and_show_its_nearest_frame(root, cache):
    loader = Loader(root, {"action": [-0.1, 0.0, 0.2], HEAD: [-0.1, 0.0]}, cache=cache, images="uint8")
    plain = Loader(root, cache=cache, images="uint8")
    for row, near, pad in ((0, [0, 0, 2], [1, 0, 0]), (11, [10, 11, 11], [0, 0, 1]), (12, [12, 12, 14], [1, 0, 0])):
        item = loader[row]
        assert item["action_is_pad"].tolist() == [bool(one) for one in pad]
        assert np.array_equal(item["action"], [plain[at]["action"] for at in near])
        assert item[f"{HEAD}_is_pad"].tolist() == [bool(one) for one in pad[:2]]
        assert np.array_equal(item[HEAD], [plain[at][HEAD] for at in near[:2]])


def test_a_batch_is_its_items_stacked(root, cache):
    loader = Loader(root, {"action": [0.0, 0.1, 0.2]}, cache=cache)
    rows = [5, 19, 0, 5, -1]
    batch, items = loader.batch(rows), [loader[row] for row in rows]
    assert batch["task"] == [item["task"] for item in items]
    for key in items[0].keys() - {"task"}:
        assert np.array_equal(batch[key], np.stack([item[key] for item in items])), key


@pytest.mark.parametrize("on_demand", [False, True])
def test_videos_with_b_frames_and_episodes_that_begin_between_key_frames_are_read(tmp_path, on_demand):
    place = foreign(tmp_path / "d", (12, 8))
    path = place / "videos" / HEAD / "chunk-000" / "file-000.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, width=64, height=48, pix_fmt="yuv420p")
        stream.options = {"bf": "3", "g": "9", "b-adapt": "0", "x264-params": "scenecut=0"}
        for number in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(3 * number, 48, 64), format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    assert any(frame.pict_type == PictureType.B for frame in decoded) and not decoded[12].key_frame
    loader = Loader(place, cameras=["head"], cache=tmp_path / "c", images="uint8", on_demand=on_demand)
    for row in (13, 0, 19, 7, 12, 11):
        assert np.array_equal(loader[row][HEAD], decoded[row].to_ndarray(format="rgb24")), row


@pytest.mark.parametrize("budget", [0, 10**6])
@pytest.mark.parametrize("make", [data_set, foreign])
def test_batches_decoded_on_demand_are_those_of_the_cache(tmp_path, make, budget):
    """In any order, by several threads, whether or not there is memory to keep what one pass decoded."""
    place = make(tmp_path / "d", (12, 8))
    deltas = {HEAD: [-0.5, -0.2, -0.1, 0.0]}
    cached = Loader(place, deltas, cache=tmp_path / "cache", images="uint8")
    decoded = Loader(place, deltas, images="uint8", on_demand=True, threads=3)
    decoded.pictures.budget = budget
    rows = np.random.default_rng(0).permutation(20)
    for part in (rows[:9], rows[9:], rows):
        assert np.array_equal(decoded.batch(part)[HEAD], cached.batch(part)[HEAD])


def test_buffers_are_filled_anew_and_a_smaller_batch_is_a_part_of_them(root, cache):
    loader = Loader(root, {HEAD: [-0.1, 0.0]}, cache=cache)
    buffers = loader.buffers(3)
    loader.batch([1, 2, 3], out=buffers)
    found = loader.batch([9, 15], out=buffers)
    assert all(np.shares_memory(found[key], buffers[key]) for key in buffers)
    assert found[HEAD].shape == (2, 2, 3, 48, 64)
    assert np.array_equal(found[HEAD], loader.batch([9, 15])[HEAD])
    with pytest.raises(DatasetError, match=r"4 frames do not fit into out\['observation.images.head'\], made for 3"):
        loader.batch([1, 2, 3, 4], out=buffers)


def test_some_episodes_cameras_and_columns_can_be_chosen(root, cache):
    loader = Loader(root, {"action": [0.1]}, ["wrist"], [1], cache, columns=["action"])
    assert len(loader) == 8 and loader.rows_of(1) == range(8)
    assert loader[0]["index"] == 12 and loader[7]["action_is_pad"].all()
    assert set(loader[0]) == {
        *("observation.images.wrist", "action", "action_is_pad", "task"),
        *("timestamp", "frame_index", "episode_index", "index", "task_index"),
    }
    with pytest.raises(DatasetError, match="episode 0 is not among the 1 loaded ones"):
        loader.rows_of(0)


def test_pictures_can_be_made_smaller_once(root, cache):
    whole = Loader(root, cache=cache, images="uint8")[4][HEAD]
    small = Loader(root, cache=cache, images="uint8", size=(24, 32))[4][HEAD]
    assert np.array_equal(small, cv2.resize(whole, (32, 24), interpolation=cv2.INTER_AREA))


def test_pictures_stored_in_the_table_are_given_like_videos(tmp_path):
    place = data_set(tmp_path / "d", (4,))
    stored = np.random.default_rng(0).integers(0, 255, (4, 6, 8, 3), np.uint8)
    path = place / "data/chunk-000/file-000.parquet"
    cells = [{"bytes": cv2.imencode(".png", one[..., ::-1])[1].tobytes(), "path": ""} for one in stored]
    pq.write_table(pq.read_table(path, partitioning=None).append_column("observation.images.still", [cells]), path)
    info = json.loads((place / "meta/info.json").read_text())
    info["features"]["observation.images.still"] = {
        "dtype": "image",
        "shape": [3, 6, 8],
        "names": ["channels", "height", "width"],
    }
    (place / "meta/info.json").write_text(json.dumps(info))
    for on_demand in (False, True):
        loader = Loader(
            place,
            {"observation.images.still": [0.0]},
            ["still"],
            cache=tmp_path / "c",
            images="uint8",
            on_demand=on_demand,
        )
        assert np.array_equal(loader[2]["observation.images.still"], stored[2:3])


def test_a_cache_is_made_once_with_progress_and_used_again(root, tmp_path):
    seen = []
    loader = Loader(root, cache=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 40) and seen[-1] == (40, 40)
    before = files(tmp_path)
    assert loader.pictures.size == sum(path.stat().st_size for path in before)
    Loader(root, cache=tmp_path, progress=lambda done, total: seen.append("again"))
    assert files(tmp_path) == before and "again" not in seen


def test_pictures_of_a_video_that_changed_are_decoded_anew_and_the_old_ones_go(tmp_path):
    place, cache = data_set(tmp_path / "d", (12, 12)), tmp_path / "cache"
    Loader(place, cache=cache, images="uint8")
    before = files(cache)
    video = place / "videos" / HEAD / "chunk-000" / "file-001.mp4"
    os.utime(video, ns=(1, 1))
    Loader(place, cache=cache, images="uint8")
    gone, new = before.keys() - files(cache).keys(), files(cache).keys() - before.keys()
    assert len(gone) == len(new) == 1 and "episode-000001" in new.pop().name


def test_what_a_killed_process_left_half_is_made_anew_and_the_rest_kept(root, tmp_path):
    first = Loader(root, cache=tmp_path, images="uint8")
    before = files(tmp_path)
    cut, other = list(before)[:2]
    part = cut.with_suffix(".part")
    cut.rename(part)
    os.truncate(part, 1000)
    os.truncate(other, 500)  # under its final name: the disk lost it
    again = Loader(root, cache=tmp_path, images="uint8")
    after = files(tmp_path)
    assert after.keys() == before.keys()
    assert [path for path in after if after[path] != before[path]] == [cut, other]
    assert np.array_equal(again.batch(range(20))[HEAD], first.batch(range(20))[HEAD])


def test_a_file_that_another_process_makes_is_waited_for_and_not_made_twice(root, tmp_path):
    first = Loader(root, cache=tmp_path, images="uint8")
    whole = next(iter(files(tmp_path)))
    part = whole.with_suffix(".part")
    whole.rename(part)
    made = []

    def other(file) -> None:
        time.sleep(0.2)
        part.rename(whole)
        made.append(whole.stat().st_ino)
        file.close()

    file = part.open("rb")
    fcntl.flock(file, fcntl.LOCK_EX)
    thread = threading.Thread(target=other, args=[file])
    thread.start()
    second = Loader(root, cache=tmp_path, images="uint8")
    thread.join()
    assert made == [whole.stat().st_ino] and not part.exists()
    assert np.array_equal(second[0][HEAD], first[0][HEAD])


def test_two_that_build_at_once_get_the_same_and_leave_nothing_else(root, tmp_path):
    found: list[Loader] = []
    threads = [
        threading.Thread(target=lambda: found.append(Loader(root, cache=tmp_path, images="uint8"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and {path.suffix for path in files(tmp_path)} == {".npy"}
    assert np.array_equal(found[0].batch(range(20))[HEAD], found[2].batch(range(20))[HEAD])


def test_a_full_disk_is_told_before_anything_is_decoded(root, tmp_path):
    clip = Clip(HEAD, 0, root / "videos" / HEAD / "chunk-000/file-000.mp4", 0.0, np.zeros(12, np.float32), 10, 48, 64)
    with pytest.raises(
        DatasetError, match=r"need 0.00 GB, .* has 0.10 GB free .*; name another place \(cache=\), smaller"
    ):
        PictureCache(root, {(HEAD, 0): clip}, Decoder(), tmp_path, free=lambda path: 10**8)
    assert not files(tmp_path)


def test_a_disk_that_fills_up_while_decoding_is_told_and_leaves_nothing_half(root, tmp_path):
    script = """
import resource, sys
from optimus_nodes.dataset.loader import Loader
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
Loader(sys.argv[1], cache=sys.argv[2])
"""
    done = subprocess.run([sys.executable, "-c", script, root, tmp_path], capture_output=True, text=True, check=False)
    assert re.search(r"DatasetError: .*npy can't be written: the disk is full; name another place", done.stderr)
    assert all(path.stat().st_size < 50000 and path.suffix == ".npy" for path in files(tmp_path))


def test_the_default_place_of_caches_follows_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "optimus_humanoid" / "frames"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"delta_timestamps": {"torque": [0.0]}},
            "delta_timestamps names 'torque', which is not loaded; there are .*action",
        ),
        ({"delta_timestamps": {HEAD: [0.0]}, "cameras": ["wrist"]}, f"names '{HEAD}', which is not loaded"),
        (
            {"delta_timestamps": {"action": [0.0, 0.13]}},
            r"has 0.13 s, which is no multiple of 1/fps = 0.1\d* s .* 0.1000",
        ),
        ({"delta_timestamps": {"action": []}}, r"delta_timestamps\['action'\] is empty; name at least one"),
        ({"cameras": ["tail"]}, "has no camera 'tail'; it has head, wrist"),
        ({"columns": ["torque"]}, "has no column 'torque'; it has action, "),
        ({"episodes": [7]}, "has no episode 7; it has 0 to 1"),
        ({"episodes": []}, r"has no episode to load; record some, or name others \(episodes=\)"),
        ({"images": "float16"}, "images 'float16' must be 'float32' or 'uint8'"),
    ],
)
def test_what_cannot_be_loaded_is_named(root, cache, options, text):
    with pytest.raises(DatasetError, match=text):
        Loader(root, **{"cache": cache, **options})


def test_a_frame_outside_of_the_data_set_is_refused(root, cache):
    loader = Loader(root, cache=cache)
    for bad in (20, -21):
        with pytest.raises(IndexError, match=f"frame {bad} is not in .*, whose loaded episodes have 20 frames"):
            loader[bad]


def test_a_cache_inside_of_the_data_set_is_refused(root):
    with pytest.raises(DatasetError, match=r"lies in the data set .*; name a folder outside of it \(cache=\)"):
        Loader(root, cache=root / "cache")


@pytest.mark.parametrize("on_demand", [False, True])
def test_a_damaged_video_is_named_and_leaves_no_cache_of_it(tmp_path, on_demand):
    place, cache = data_set(tmp_path / "d", (12,)), tmp_path / "cache"
    video = place / "videos" / HEAD / "chunk-000" / "file-000.mp4"
    video.write_bytes(video.read_bytes()[:300])
    with pytest.raises(DatasetError, match="file-000.mp4 can't be read .*restore it from a copy"):
        Loader(place, cache=cache, on_demand=on_demand)[0]
    assert not list(cache.rglob("*head*/*"))
    video.unlink()
    with pytest.raises(DatasetError, match="file-000.mp4 can't be read"):
        Loader(place, cache=cache, on_demand=on_demand)[0]


def test_a_video_with_too_few_pictures_is_named(tmp_path):
    place = data_set(tmp_path / "d", (12, 8))
    videos = place / "videos" / HEAD / "chunk-000"
    (videos / "file-000.mp4").write_bytes((videos / "file-001.mp4").read_bytes())
    with pytest.raises(DatasetError, match="file-000.mp4 gave 8 of the 12 pictures of episode 0"):
        Loader(place, cache=tmp_path / "cache")
    with pytest.raises(DatasetError, match="file-000.mp4 gave no picture 11 of episode 0, which has 12"):
        Loader(place, on_demand=True)[11]


@pytest.mark.parametrize("on_demand", [False, True])
def test_rows_whose_time_is_not_that_of_a_picture_are_refused(tmp_path, on_demand):
    """LeRobot's tolerance: a clock time in `timestamp` would show the wrong pictures."""
    place = data_set(tmp_path / "d", (12,))
    path = place / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path, partitioning=None)
    moved = pa.array(np.arange(12, dtype=np.float32) / CONTRACT.fps + np.float32(0.02))
    pq.write_table(table.set_column(table.column_names.index("timestamp"), "timestamp", moved), path)
    with pytest.raises(
        DatasetError, match=r"picture 0 of episode 0 is 0.020000 s from its row .* allowed are 0.0001 s"
    ):
        Loader(place, cache=tmp_path / "cache", on_demand=on_demand)[0]


def test_rows_that_the_episodes_do_not_tell_of_are_refused(tmp_path):
    place = data_set(tmp_path / "d", (12, 8))
    path = place / "data/chunk-000/file-000.parquet"
    pq.write_table(pq.read_table(path, partitioning=None).slice(0, 9), path)
    with pytest.raises(DatasetError, match=r"not those that meta/episodes tells of \(17, expected are 20, in order\)"):
        Loader(place, cache=tmp_path / "cache")
    path.write_bytes(b"no table")
    with pytest.raises(DatasetError, match="file-000.parquet can't be read .*restore it from a copy"):
        Loader(place, cache=tmp_path / "cache")


def test_pictures_of_another_size_than_promised_are_refused(tmp_path):
    place = data_set(tmp_path / "d", (4,))
    info = json.loads((place / "meta/info.json").read_text())
    info["features"][HEAD]["shape"] = [50, 64, 3]
    (place / "meta/info.json").write_text(json.dumps(info))
    with pytest.raises(DatasetError, match=r"holds pictures of shape \(48, 64, 3\), meta/info.json says \(50, 64, 3\)"):
        Loader(place, cache=tmp_path / "cache")
