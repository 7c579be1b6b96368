"""bench/record.py measures what it says it does; its full run takes minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from record import compare, squared_error  # noqa: E402
from record_scene import back_and_forth  # noqa: E402


def video(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 30, options={"crf": "5"})
        stream.height, stream.width = pictures[0].shape[:2]
        for one in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(one, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_recording_of_two_seconds_is_measured_and_drops_nothing():
    size = ("--width", "160", "--height", "120", "--loop", "1")
    words = [sys.executable, ROOT / "bench/record.py", "--seconds", "2", "--only", "ours", *size]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    ours = json.loads(done.stdout)["recorders"]["ours"]
    assert ours["dropped"] == 0
    assert ours["psnr"] > 30.0
    assert min(ours[key] for key in ("cpu", "mb", "beside_mb")) > 0.0


def test_dropped_pictures_are_counted_and_do_not_shift_those_that_follow(tmp_path):
    pictures = [np.full((64, 64, 3), 10 * number, np.uint8) for number in range(20)]
    path = video(tmp_path / "a.mp4", [one for number, one in enumerate(pictures) if number not in (3, 4, 11)])
    error, count = squared_error(path, pictures, list(range(20)))
    assert count == 17
    assert error < 5.0


def test_pictures_of_another_order_give_a_large_error(tmp_path):
    pictures = [np.full((64, 64, 3), 10 * number, np.uint8) for number in range(20)]
    error, _ = squared_error(video(tmp_path / "a.mp4", pictures), pictures, list(range(19, -1, -1)))
    assert error > 1000.0


def test_the_loop_turns_without_a_jump_or_a_repeat():
    order = back_and_forth(4)
    assert [next(order) for _ in range(9)] == [0, 1, 2, 3, 2, 1, 0, 1, 2]


def test_ratios_are_theirs_over_ours_for_time_and_ours_over_theirs_for_bytes():
    found = compare({"ours": {"cpu": 0.2, "mb": 3.0, "psnr": 39.0}, "png": {"cpu": 1.0, "mb": 2.0, "psnr": 38.0}})
    assert found == {"png": {"cpu_ratio": pytest.approx(5.0), "bytes_ratio": 1.5, "psnr_more": 1.0}}
