"""LeRobot's own writer, fed in real time: the peer of bench/record.py, which starts it with LeRobot's Python.

    python lerobot_writer.py FOLDER SCENE SECONDS streaming-av1|streaming-h264|png|nobody

Knows nothing of this project: LeRobot and numpy only. Prints one line of JSON. `nobody` feeds pictures that nobody
records, to know what the feeding itself costs.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

FPS = 30
VARIANTS = {
    "streaming-av1": {"vcodec": "libsvtav1", "streaming_encoding": True},
    "streaming-h264": {"vcodec": "h264", "streaming_encoding": True},
    "png": {"vcodec": "libsvtav1"},
}


def back_and_forth(frames: int) -> Iterator[int]:
    """As in record_scene.py."""
    while True:
        yield from range(frames)
        yield from range(frames - 2, 0, -1)


def cpu_seconds() -> float:
    """User and system time of this process, its threads and its ended children, s."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


class Nobody:
    """Takes frames and forgets them."""

    def add_frame(self, frame: dict) -> None:
        pass

    save_episode = finalize = lambda self: None


def make_dataset(folder: Path, variant: str, cameras: list[str], size: tuple[int, int], joints: int):
    """A LeRobotDataset with its defaults, but for what the variant says."""
    if variant == "nobody":
        return Nobody()
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    names = [f"joint_{number}.pos" for number in range(joints)]
    features = {
        key: {"dtype": "float32", "shape": (joints,), "names": names} for key in ("observation.state", "action")
    }
    image = {"dtype": "video", "shape": (*size, 3), "names": ["height", "width", "channels"]}
    features |= {f"observation.images.{name}": image for name in cameras}
    threads = {} if "streaming_encoding" in VARIANTS[variant] else {"image_writer_threads": 4 * len(cameras)}
    return LeRobotDataset.create("bench/record", FPS, features, folder, "bench", **threads, **VARIANTS[variant])


def main() -> None:
    """Warm up (imports, first touch of the pictures), record, save, print."""
    folder, scene, seconds, variant = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    about = json.loads((scene / "scene.json").read_text())
    pictures = np.load(scene / "pictures.npy")  # in memory, as a camera has them
    joints = np.load(scene / "joints.npy").astype(np.float32)
    dataset = make_dataset(folder, variant, about["cameras"], pictures.shape[2:4], joints.shape[1])
    order = back_and_forth(len(pictures))
    frames, late, behind = round(seconds * FPS), 0, 0.0
    used, began = cpu_seconds(), time.monotonic()
    for number in range(frames):
        late_by = time.monotonic() - began - number / FPS
        behind = max(behind, late_by)
        late += late_by > 1.0 / FPS
        time.sleep(max(0.0, -late_by))
        which = next(order)
        frame = {f"observation.images.{name}": pictures[which, k].copy() for k, name in enumerate(about["cameras"])}
        frame |= {"observation.state": joints[which].copy(), "action": joints[which].copy()}
        dataset.add_frame({**frame, "task": "put the boxes into the bins"})
        if number % FPS == 0:
            print(number, file=sys.stderr, flush=True)
    fed, before = time.monotonic(), cpu_seconds()
    lost = dict(getattr(getattr(dataset, "_streaming_encoder", None), "_dropped_frames", {}))
    dataset.save_episode()
    saved = time.monotonic()
    dataset.finalize()
    ended = cpu_seconds()
    figures = {
        "cpu_s": ended - used,
        "cpu_while_recording_s": before - used,
        "save_ms": (saved - fed) * 1e3,
        "finalize_ms": (time.monotonic() - saved) * 1e3,
        "behind_ms": behind * 1e3,
        "late_frames": int(late),
        "frames": frames,
        "dropped_by_queue": sum(lost.values()),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    main()
