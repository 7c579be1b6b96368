"""The peer of bench/load.py: LeRobot makes a data set with its own writer, and loads it. Needs LeRobot's environment.

.venv-lerobot/bin/python bench/lerobot_loader.py make ROOT --episodes 50 --frames 300
.venv-lerobot/bin/python bench/lerobot_loader.py serve ROOT      # orders as lines of JSON on stdin, answers on stdout
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from lerobot.datasets import video_utils
from lerobot.datasets.lerobot_dataset import LeRobotDataset

FPS, JOINTS, SIDE, BATCH, CHUNK = 30, 72, 256, 32, 50
CAMERAS = ("head", "wrist")
WARM_UP = 3  # batches before the clock runs: workers have started, decoders are open
TASKS = ("put the blue box in the right bin", "put the red box in the left bin")


def make(root: Path, episodes: int, frames: int) -> None:
    """A data set as LeRobot's recorder leaves it with its default settings."""
    names = [f"joint_{number}.pos" for number in range(JOINTS)]
    vector = {"dtype": "float32", "shape": (JOINTS,), "names": names}
    image = {"dtype": "video", "shape": (SIDE, SIDE, 3), "names": ["height", "width", "channels"]}
    features = {"observation.state": vector, "action": vector}
    features |= {f"observation.images.{camera}": image for camera in CAMERAS}
    data_set = LeRobotDataset.create(
        "bench/load", FPS, features, root=root, robot_type="made_up", use_videos=True, image_writer_threads=4
    )
    for episode in range(episodes):
        chance = np.random.default_rng(episode)
        phase = chance.uniform(0, 6.28, JOINTS)
        floors = [texture(chance) for _ in CAMERAS]
        for number in range(frames):
            state = np.sin(0.05 * number + phase).astype(np.float32)
            frame = {"observation.state": state, "action": state + 0.1, "task": TASKS[episode % 2]}
            for camera, floor in zip(CAMERAS, floors, strict=True):
                frame[f"observation.images.{camera}"] = scene(floor, number + 40 * episode)
            data_set.add_frame(frame)
        data_set.save_episode()
        print(f"episode {episode + 1} of {episodes}", file=sys.stderr, flush=True)
    data_set.finalize()


def texture(chance: np.random.Generator) -> np.ndarray:
    """A floor of smooth random colours, (H, W, 3) uint8."""
    coarse = chance.uniform(40, 200, (9, 9, 3))
    at = np.linspace(0, 7.999, SIDE)
    low, part = at.astype(int), (at % 1)[:, None, None]
    rows = coarse[low] * (1 - part) + coarse[low + 1] * part
    part = (at % 1)[None, :, None]
    return (rows[:, low] * (1 - part) + rows[:, low + 1] * part).astype(np.uint8)


def scene(floor: np.ndarray, number: int) -> np.ndarray:
    """The floor slowly moving, and two boxes that move faster."""
    picture = np.roll(floor, number // 2, axis=1)
    for speed, colour in ((3, (230, 40, 30)), (5, (30, 60, 220))):
        x, y = speed * number % (SIDE - 40), (speed * 7 + number) % (SIDE - 40)
        picture[y : y + 40, x : x + 40] = colour
    return picture


def deltas() -> dict[str, list[float]]:
    """A chunk of actions from the frame on."""
    return {"action": [step / FPS for step in range(CHUNK)]}


def open_set(root: Path) -> LeRobotDataset:
    return LeRobotDataset("bench/load", root=root, delta_timestamps=deltas(), video_backend="torchcodec")


def endless(loader: torch.utils.data.DataLoader) -> Iterator[dict[str, Any]]:
    while True:
        yield from loader


def measure(data_set: LeRobotDataset, seconds: float, workers: int, threads: int, seed: int) -> dict[str, float]:
    """Samples that training would get in `seconds`, shuffled. `threads`: PyTorch's, in this process."""
    torch.set_num_threads(threads)
    video_utils._default_decoder_cache.clear()  # workers that inherit open videos read them at each other's place
    loader = torch.utils.data.DataLoader(
        data_set,
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        generator=torch.Generator().manual_seed(seed),
        persistent_workers=workers > 0,
    )
    batches = endless(loader)
    for _ in range(WARM_UP):
        next(batches)
    count, began, cpu = 0, time.perf_counter(), cpu_seconds()
    while time.perf_counter() - began < seconds:
        count += len(next(batches)["index"])
    passed = time.perf_counter() - began
    del batches, loader  # workers end, and their time is counted
    return {"samples": count, "seconds": passed, "cpu": cpu_seconds() - cpu}


def cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def save_samples(data_set: LeRobotDataset, indices: list[int], out: Path) -> None:
    """The items as arrays `<index>/<key>`, to be compared."""
    found = {}
    for index in indices:
        for key, value in data_set[index].items():
            found[f"{index}/{key}"] = value.numpy() if isinstance(value, torch.Tensor) else np.array(value)
    np.savez(out, **found)


def serve(root: Path) -> None:
    data_set = open_set(root)
    answer({"length": len(data_set)})
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "measure":
            answer(measure(data_set, order["seconds"], order["workers"], order["threads"], order["seed"]))
        else:
            save_samples(data_set, order["indices"], Path(order["out"]))
            answer({})


def answer(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("order", choices=("make", "serve"))
    parser.add_argument("root", type=Path)
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--frames", type=int, default=300)
    options = parser.parse_args()
    if options.order == "make":
        make(options.root, options.episodes, options.frames)
    else:
        serve(options.root)


if __name__ == "__main__":
    main()
