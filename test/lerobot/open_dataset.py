"""Opens a data set with LeRobot as installed, unchanged, and looks at all of it.

    .venv-lerobot/bin/python test/lerobot/open_dataset.py data/mine --frames 5

Every row of every episode's table is read, and pictures of every camera are decoded from the first frame to the last.
One line of JSON is printed; the exit code is 1 when anything does not fit, with the reason on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any


def main() -> int:
    """Exit code 0, or 1 when LeRobot does not open the data set or finds anything else than its meta data say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="the data set's folder")
    parser.add_argument("--frames", type=int, default=5, help="pictures to decode per episode and camera")
    parser.add_argument(
        "--backend", default="torchcodec", help="LeRobot's video decoder; pyav needs torchvision < 0.26"
    )
    options = parser.parse_args()
    if not (options.root / "meta/info.json").is_file():  # LeRobot would make the folder and look for it on the network
        print(f"{options.root} is no data set: it has no meta/info.json", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as cache:  # nothing known from an earlier look, nothing left behind
        os.environ.update(HF_HUB_OFFLINE="1", HF_HOME=cache, HF_LEROBOT_HOME=f"{cache}/lerobot")
        try:
            found = look(options.root, options.frames, options.backend)
        except Exception as error:  # whatever LeRobot stumbles over
            print(f"{options.root}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    print(json.dumps(found))
    return 0


def look(root: Path, frames: int, backend: str) -> dict[str, Any]:
    """Open the data set and go over all episodes; what there is. AssertionError when something does not fit."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    began = time.monotonic()
    data = LeRobotDataset("local/opened", root=root, video_backend=backend)
    opened = time.monotonic()
    counts = Counter(int(number) for number in data.hf_dataset["episode_index"])
    same("frames in the tables", len(data.hf_dataset), data.meta.total_frames)
    same("num_frames", data.num_frames, data.meta.total_frames)
    same("num_episodes", data.num_episodes, data.meta.total_episodes)
    same("episodes in the tables", sorted(counts), list(range(data.num_episodes)))
    same("sentences", len(data.meta.tasks), data.meta.total_tasks)
    tasks: list[list[str]] = []
    decoded = 0
    for number in range(data.num_episodes):
        row = data.meta.episodes[number]
        same(f"length of episode {number}", counts[number], row["length"])
        same(f"episode_index of row {number}", row["episode_index"], number)
        tasks.append(rows(data, number, row["dataset_from_index"], row["dataset_to_index"]))
        same(f"tasks of episode {number}", sorted(tasks[-1]), sorted(row["tasks"]))
        for at in spread(row["length"], frames):
            pictures(data, number, row["dataset_from_index"] + at, at)
            decoded += len(data.meta.video_keys)
    return {
        "root": str(root),
        "episodes": data.num_episodes,
        "frames": len(data.hf_dataset),
        "tasks": tasks,
        "cameras": {key: list(data.meta.shapes[key]) for key in data.meta.video_keys},
        "decoded": decoded,
        "backend": backend,
        "open_s": round(opened - began, 2),
        "seconds": round(time.monotonic() - began, 2),
    }


def rows(data: Any, number: int, begin: int, end: int) -> list[str]:
    """Compare all rows of an episode with what must stand in them; the tasks in order of their first frame."""
    table = data.hf_dataset[begin:end]
    same(f"index in episode {number}", [int(i) for i in table["index"]], list(range(begin, end)))
    same(f"frame_index in episode {number}", [int(i) for i in table["frame_index"]], list(range(end - begin)))
    same(f"episode_index in episode {number}", {int(i) for i in table["episode_index"]}, {number})
    for at, stamp in enumerate(table["timestamp"]):
        near(f"timestamp of frame {at} of episode {number}", float(stamp), at / data.fps, data.tolerance_s)
    for key, feature in data.meta.features.items():
        if feature["dtype"] not in ("video", "image"):
            for at, value in enumerate(table[key]):
                same(f"shape of {key}, frame {at} of episode {number}", flat(value), tuple(feature["shape"]))
                assert value.isfinite().all(), f"{key} of frame {at} of episode {number} is not finite: {value}"
    return list(dict.fromkeys(data.meta.tasks.iloc[int(i)].name for i in table["task_index"]))


def pictures(data: Any, number: int, index: int, at: int) -> None:
    """Get frame `at` of the episode as a training does. LeRobot itself refuses a picture of another time."""
    item = data[index]
    same(f"episode of item {index}", int(item["episode_index"]), number)
    same(f"task of item {index}", item["task"], data.meta.tasks.iloc[int(item["task_index"])].name)
    near(f"timestamp of item {index}", float(item["timestamp"]), at / data.fps, data.tolerance_s)
    for key in data.meta.video_keys:
        height, width, channels = data.meta.shapes[key]
        picture = item[key]
        same(f"shape of {key} in item {index}", tuple(picture.shape), (channels, height, width))
        low, high = float(picture.min()), float(picture.max())
        assert 0.0 <= low < high <= 1.0, f"{key} in item {index} is a blank picture: {low} to {high}"


def spread(length: int, count: int) -> list[int]:
    """`count` frames of an episode, the first and the last one among them."""
    if count >= length:
        return list(range(length))
    return [round(i * (length - 1) / max(1, count - 1)) for i in range(count)]


def flat(value: Any) -> tuple[int, ...]:
    """The shape of a value; LeRobot gives one number where the feature's shape is (1,)."""
    return tuple(value.shape) or (1,)


def same(what: str, got: object, want: object) -> None:
    """AssertionError that names `what` when the two differ."""
    assert got == want, f"{what}: {got}, expected {want}"


def near(what: str, got: float, want: float, tolerance: float) -> None:
    """AssertionError that names `what` when the two are further apart than `tolerance`."""
    assert abs(got - want) <= tolerance, f"{what}: {got}, expected {want}"


if __name__ == "__main__":
    sys.exit(main())
