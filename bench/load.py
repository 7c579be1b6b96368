"""Training samples per second in random order, ours beside LeRobotDataset + DataLoader, as one line of JSON.

    python bench/load.py                            # 50 episodes x 300 frames, 2 cameras 256x256, chunks of 50 actions
    python bench/load.py --data DIR --seconds 20    # keeps the data sets in DIR for the next run

Both load the files that LeRobot's own writer made, then the same pictures as our recorder files them. They take turns;
LeRobot's DataLoader runs without workers, with one PyTorch thread, and with two workers, and the best of them counts.
Tensors of 64 frames are compared first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from optimus_nodes.core.episode import EpisodeInfo, FrameRow, Outcome, RecordingContract
from optimus_nodes.dataset.loader import Loader
from optimus_nodes.dataset.stats import sample
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.video import Encoder
from optimus_nodes.learning.lerobot_data import batches

HERE = Path(__file__).resolve().parent
PEER_PYTHON = HERE.parent / ".venv-lerobot" / "bin" / "python"
BATCH, CHUNK, WARM_UP, COMPARED = 32, 50, 10, 64
PEERS = {  # DataLoader's workers, PyTorch's threads
    "lerobot": (0, os.cpu_count() or 1),
    "lerobot_1_thread": (0, 1),
    "lerobot_2_workers": (2, 1),
}


class Peer:
    """LeRobot in its own environment, which waits without using the processor until it is asked."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [PEER_PYTHON, HERE / "lerobot_loader.py", "serve", root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.frames = self._answer()["length"]

    def ask(self, **order: Any) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"bench/lerobot_loader.py ended with {self._process.wait()}; run it by hand to see why")
        return json.loads(line)


def compare(loader: Loader, peer: Peer, seed: int) -> dict[str, Any]:
    """How far the items of both are apart. Ends the bench when keys, types, shapes or numbers differ at all."""
    edges = [
        row for one in loader.episodes[:8] for row in (loader.rows_of(one.number)[0], loader.rows_of(one.number)[-1])
    ]
    others = np.random.default_rng(seed).choice(len(loader), COMPARED - len(edges), replace=False).tolist()
    indices, furthest, equal = edges + others, 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        peer.ask(do="samples", indices=indices, out=f"{folder}/theirs.npz")
        theirs: dict[int, dict[str, np.ndarray]] = {index: {} for index in indices}
        with np.load(f"{folder}/theirs.npz") as file:
            for name in file.files:
                index, key = name.split("/", 1)
                theirs[int(index)][key] = file[name]
    for index in indices:
        ours = loader[index]
        if set(ours) != set(theirs[index]):
            raise SystemExit(f"frame {index}: keys {sorted(ours)} are not LeRobot's {sorted(theirs[index])}")
        for key, value in theirs[index].items():
            mine = np.asarray(ours[key])
            if key != "task" and (mine.dtype, mine.shape) != (value.dtype, value.shape):
                raise SystemExit(
                    f"frame {index}: {key} is {mine.dtype}{mine.shape}, LeRobot's {value.dtype}{value.shape}"
                )
            if key in loader.camera_keys:
                furthest = max(furthest, float(np.abs(mine - value).max()))
                equal += bool(np.array_equal(mine, value))
            elif not np.array_equal(mine, value):
                raise SystemExit(f"frame {index}: {key} differs from LeRobot's")
    return {
        "samples": len(indices),
        "numbers_equal": True,
        "pictures_equal": f"{equal} of {len(indices) * len(loader.camera_keys)}",
        "picture_max_abs_difference": furthest,
    }


def measure(loader: Loader, seconds: float, seed: int) -> dict[str, float]:
    """Samples that training would get from us in `seconds`, shuffled."""
    with closing(batches(loader, BATCH, seed)) as ours:
        for _ in range(WARM_UP):
            next(ours)
        count, began, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            count += len(next(ours)["index"])
        return {"samples": count, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


def cold(loader: Loader, folder: Path, seconds: float, seed: int) -> float:
    """Samples per second when no picture is in memory yet."""
    for path in folder.rglob("*.npy"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    found = measure(loader, seconds, seed)
    return found["samples"] / found["seconds"]


def take_turns(
    loader: Loader, on_demand: Loader, peer: Peer, seconds: float, rounds: int
) -> dict[str, dict[str, float]]:
    """Samples, seconds and processor seconds of each, over all rounds."""
    sums: dict[str, dict[str, float]] = {}
    for number in range(rounds):
        found = {"ours": measure(loader, seconds, number)}
        found["ours_on_demand"] = measure(on_demand, seconds, number)
        for name, (workers, threads) in PEERS.items():
            found[name] = peer.ask(do="measure", seconds=seconds, workers=workers, threads=threads, seed=number)
        for name, one in found.items():
            total = sums.setdefault(name, dict.fromkeys(one, 0.0))
            for key, value in one.items():
                total[key] += value
    return sums


def bench(root: Path, seconds: float, rounds: int) -> dict[str, Any]:
    """All figures of one data set."""
    deltas = [step / 30 for step in range(CHUNK)]
    with tempfile.TemporaryDirectory(dir=root.parent) as cache, closing(Peer(root)) as peer:
        began, cpu = time.perf_counter(), time.process_time()
        loader = Loader(root, {"action": deltas}, cache=cache, progress=_show)
        build, build_cpu = time.perf_counter() - began, time.process_time() - cpu
        assert len(loader) == peer.frames
        compared = compare(loader, peer, seed=1)
        sums = take_turns(loader, Loader(root, {"action": deltas}, on_demand=True), peer, seconds, rounds)
        unread = Loader(root, {"action": deltas}, cache=cache)  # opens the cache anew, nothing mapped
        del loader
        ours_cold = cold(unread, Path(cache), min(seconds, 5.0), seed=rounds)
        size, frames = unread.pictures.size, len(unread)
        del unread
    rates = {name: one["samples"] / one["seconds"] for name, one in sums.items()}
    best = max(PEERS, key=rates.__getitem__)

    def with_build(epochs: int) -> float:
        return epochs * frames / rates[best] / (build + epochs * frames / rates["ours"])

    return {
        "samples_per_s": {name: round(rate, 1) for name, rate in rates.items()},
        "cpu_ms_per_sample": {name: round(1e3 * one["cpu"] / one["samples"], 3) for name, one in sums.items()},
        "best_peer": best,
        "ratio": round(rates["ours"] / rates[best], 1),
        "ratio_on_demand": round(rates["ours_on_demand"] / rates[best], 1),
        "ratio_with_building_1_epoch": round(with_build(1), 1),
        "ratio_with_building_10_epochs": round(with_build(10), 1),
        "ours_not_in_memory_samples_per_s": round(ours_cold, 1),
        "build_s": round(build, 1),
        "build_cpu_s": round(build_cpu, 1),
        "cache_gb": round(size / 1e9, 2),
        "equal": compared,
    }


def as_recorded(native: Path, root: Path) -> None:
    """The data set `native` as our recorder would have written it: other files, the same numbers and pictures."""
    with tempfile.TemporaryDirectory(dir=root.parent) as cache:
        loader = Loader(native, cache=cache, images="uint8")
        features = loader.data_set.info["features"]
        names = [name.removesuffix(".pos") + "_joint" for name in features["action"]["names"]]
        cameras = tuple((name, *features[key]["shape"][:2]) for name, key in loader.data_set.cameras.items())
        contract = RecordingContract("made_up", "0" * 64, tuple(names), ("left", "right"), cameras, int(loader.fps))
        store, still = Store(root, contract), np.zeros(len(names))
        for episode in loader.episodes:
            encoders = {name: Encoder(width, height, contract.fps) for name, height, width in cameras}
            files = store.begin(
                EpisodeInfo(episode.tasks[0], "script", "", "made_up", "bench", 0, "2026-01-01T00:00:00Z")
            )
            for row in loader.rows_of(episode.number):
                item = loader[row]
                pictures = {name: item[key] for name, key in loader.data_set.cameras.items()}
                packets = {name: encoders[name].encode(one) for name, one in pictures.items()}
                state, time_s = item["observation.state"].astype(float), float(item["timestamp"])
                numbers = FrameRow(
                    time_s, state, still, still, np.zeros(2), item["action"].astype(float), False, False, item["task"]
                )
                files.add(numbers, packets, {name: sample(one) for name, one in pictures.items()})
            store.seal(store.save(files.finish(Outcome(True, "", "recorder"))).episode)
        store.close()


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="bench-load-") as made:
        yield Path(made)


def _make(root: Path, make: Any) -> Path:
    """Make a data set that is not there yet; a half-made one is not kept."""
    if not root.exists():
        partial = root.with_name(f"{root.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        print(f"making {root}", file=sys.stderr)
        make(partial)
        partial.rename(root)
    return root


def _show(done: int, total: int) -> None:
    if done == total or done % 3000 == 0:
        print(f"decoded {done} of {total}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder to keep the data sets in, default a temporary one")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--frames", type=int, default=300, help="of each episode")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--native-only", action="store_true", help="leave out our recorder's files")
    options = parser.parse_args()
    if not PEER_PYTHON.exists():
        raise SystemExit(
            f"{PEER_PYTHON} is missing: LeRobot has an environment of its own; run `make env-lerobot` first"
        )

    def native(root: Path) -> None:
        size = ["--episodes", str(options.episodes), "--frames", str(options.frames)]
        command = [PEER_PYTHON, HERE / "lerobot_loader.py", "make", root, *size]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    found: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
    with _folder(options.data) as folder:
        name = f"{options.episodes}x{options.frames}"
        theirs = _make(folder / f"native-{name}", native)
        found["written_by_lerobot"] = bench(theirs, options.seconds, options.rounds)
        if not options.native_only:
            ours = _make(folder / f"ours-{name}", lambda root: as_recorded(theirs, root))
            found["written_by_our_recorder"] = bench(ours, options.seconds, options.rounds)
    found["load_average_after"] = round(os.getloadavg()[0], 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
