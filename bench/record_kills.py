"""Kills a recorder at random moments and prints what was lost, as one line of JSON.

    python bench/record_kills.py --kills 300 --parallel 2
    python bench/record_kills.py --truncate

A child records episodes in real time, one after the other, into one data set, and tells through a pipe what it fed and
what it finished. After each SIGKILL the data set must be one that LeRobot opens, as it stands; the next start
repairs the episode that was running, and no finished one may have changed by a bit. `worst_loss_s` is the time between
the last thing fed to a recorder and the last frame of its episode. Some repairs are killed as well.

`--truncate` cuts each file of a running episode at every byte of its end instead, and repairs it.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from mcap.reader import make_reader

from optimus_nodes.core.episode import EpisodeInfo, Outcome, RecordingContract
from optimus_nodes.core.values import JointState
from optimus_nodes.dataset import tables
from optimus_nodes.dataset.files import DatasetError, canonical, read_sealed
from optimus_nodes.dataset.layout import Layout
from optimus_nodes.dataset.recorder import Recorder, RecorderConfig
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.streams import Channel
from optimus_nodes.dataset.video import decodable_frames, frames_in

ROOT = Path(__file__).parent.parent
LEROBOT, OPEN = ROOT / ".venv-lerobot/bin/python", ROOT / "test/lerobot/open_dataset.py"
TICK = 0.01  # joints come at 100 Hz
CONTRACT = RecordingContract(
    robot="made_up",
    urdf_sha256="0" * 64,
    joint_names=tuple(f"j{number}_joint" for number in range(72)),
    tactile_pads=tuple(f"pad{number}" for number in range(10)),
    cameras=(("head", 240, 320), ("left", 240, 320), ("right", 240, 320)),
    fps=20,
)
CAMERAS = [name for name, _, _ in CONTRACT.cameras]
STATES = {"joint_states": Channel("/joint_states", "sensor_msgs/msg/JointState", "float64[] position\n")}
VIDEO = {n: Channel(f"/{n}/video", "foxglove_msgs/msg/CompressedVideo", "string format\n") for n in CAMERAS}


class Feed:
    """A made-up robot in front of a recorder: joints, touch, messages at 100 Hz, three cameras that are 30 ms late."""

    def __init__(self, root: Path, begin: float, seed: int) -> None:
        noise = np.random.default_rng(seed).integers(0, 60, (300, 400, 3), np.uint8)
        noise[100:160, 120:200] += 150
        self._pictures = [np.ascontiguousarray(noise[i : i + 240, i : i + 320]) for i in range(0, 60, 2)]
        settings = RecorderConfig(min_free_mb=50, past=1.0)
        self.recorder = Recorder(
            Store(root, CONTRACT), settings, STATES, VIDEO, {n: f"{n}_optical_frame" for n in CAMERAS}
        )
        self.time, self._ticks = begin, 0

    def tick(self) -> None:
        """Feed everything of the next 10 ms."""
        self.time, self._ticks = self.time + TICK, self._ticks + 1
        joints = np.full(72, self.time)
        self.recorder.on_message("joint_states", time.time(), b"\0\1\0\0" + joints.tobytes())
        self.recorder.on_joints(JointState(self.time, joints, joints, joints))
        self.recorder.on_touch(self.time, CONTRACT.tactile_pads, np.ones(10))
        if self._ticks % 5 == 0:
            for name in CAMERAS:
                self.recorder.on_picture(name, self.time - 0.03, self._pictures[self._ticks // 5 % 30])
        self.recorder.on_applied(self.time, joints)


def record(root: Path, begin: float, seed: int, pipe: int) -> None:
    """Record until killed. Lines in the pipe: `begin T`, `fed T` before each 10 ms of an episode, `saved N`."""
    chance = random.Random(seed)
    feed = Feed(root, begin, seed)
    while feed.recorder.missing():
        feed.tick()
    started, offset = time.monotonic(), feed.time
    while True:
        assert not (problem := feed.recorder.start(EpisodeInfo("wave", "script"))), problem
        os.write(pipe, b"begin %.3f\n" % feed.time)
        for _ in range(int(chance.uniform(1.0, 4.0) / TICK)):
            os.write(pipe, b"fed %.3f\n" % (feed.time + TICK))
            feed.tick()
            time.sleep(max(0.0, started + feed.time - offset - time.monotonic()))
        saved = feed.recorder.stop(Outcome(True, "", "person"))
        assert saved is not None
        os.write(pipe, b"saved %d\n" % saved.episode)


def check_opens(root: Path, contract: RecordingContract = CONTRACT, decode: bool = False) -> int:
    """Read the folder as LeRobot does; returns its episodes. AssertionError or worse when anything does not fit."""
    layout = Layout(root)
    if not layout.info.exists():
        return 0  # no episode was ever finished
    info = json.loads(layout.info.read_text())
    data = [_table(path, _digest(path)) for path in sorted((root / "data").glob("*/*.parquet"))]
    meta = [_meta(path, _digest(path)) for path in sorted((root / "meta/episodes").glob("*/*.parquet"))]
    index = np.concatenate([one["index"] for one in data])
    episode = np.concatenate([one["episode_index"] for one in data])
    assert (index == np.arange(len(index))).all(), "frames are not numbered in order"
    task = max(int(one["task_index"].max()) for one in data)
    assert task < len(tables.read_tasks(layout.tasks.read_bytes())), "a task has no sentence"
    assert info["total_episodes"] <= len(data) <= len(meta), "an episode is missing"
    numbers, counts = np.unique(episode, return_counts=True)
    for number, count in zip(numbers.tolist(), counts.tolist()):
        row = meta[number]
        assert row["episode_index"] == number
        assert row["length"] == row["dataset_to_index"] - row["dataset_from_index"] == count
        for name, _, _ in contract.cameras:
            path = layout.video(name, number)
            assert _frames(path, path.stat().st_size, path.stat().st_mtime_ns, decode) == count, path
    return len(data)


@functools.lru_cache(None)
def _table(path: Path, digest: str) -> dict[str, Any]:
    table = pq.read_table(path, columns=["index", "episode_index", "task_index", "capture_time"])
    return {name: table[name].to_numpy() for name in table.column_names}


@functools.lru_cache(None)
def _meta(path: Path, digest: str) -> dict[str, Any]:
    return dict(pq.read_table(path).to_pylist()[0])


@functools.lru_cache(None)
def _frames(path: Path, size: int, changed: int, decode: bool) -> int:
    return decodable_frames(path) if decode else frames_in(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digests(root: Path, episode: int) -> dict[str, str]:
    """sha256 of every file of an episode. Its document without the checksums, which are added after it is saved."""
    layout = Layout(root)
    paths = [layout.data(episode), layout.meta(episode), layout.mcap(episode)]
    found = {layout.relative(path): _digest(path) for path in [*paths, *(layout.video(n, episode) for n in CAMERAS)]}
    document = read_sealed(layout.document(episode))
    for name, one in document.pop("files", {}).items():
        if found.setdefault(name, one["sha256"]) != one["sha256"]:
            raise DatasetError(f"{name} does not fit the checksum it was sealed with")
    del document["sha256"]
    kept = {name: one for name, one in found.items() if not name.endswith("sync.png")}  # drawn after it is saved
    return {**kept, "document": hashlib.sha256(canonical(document)).hexdigest()}


@dataclass
class Tally:
    """What happened in one data set. `moments`: how often the recorder was killed while doing what."""

    losses: list[float] = field(default_factory=list)
    moments: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    unreadable: int = 0
    harmed: int = 0
    episodes: int = 0
    with_lerobot: int = 0


class Trial:
    """One data set whose recorder is killed again and again."""

    def __init__(self, root: Path, seed: int, shortest: float = 0.2, longest: float = 4.0) -> None:
        self.root, self.tally = root, Tally()
        self._chance, self._range = random.Random(seed), (shortest, longest)
        self._finished: dict[int, dict[str, str]] = {}
        self._begin = 0.0

    def kill(self) -> None:
        """Record, kill, look, repair, look again."""
        self._begin += 1000.0
        lines = self._record_and_kill(self._chance.uniform(*self._range))
        self._look("as the kill left it")
        if self._chance.random() < 0.2:
            self._run(_repair, self.root, seconds=self._chance.uniform(0.0, 0.3))
            self.tally.moments["repairing"] += 1
            self._look("after a repair was killed")
        saved = [int(line.split()[1]) for line in lines if line.startswith("saved")]
        Store(self.root, CONTRACT).close()
        self._look("after the repair")
        self._compare(saved)
        self._measure(lines, saved)

    def open_with_lerobot(self) -> None:
        """Let LeRobot itself open the data set, when it is installed here."""
        if LEROBOT.exists() and OPEN.exists() and self.tally.episodes:
            done = subprocess.run([LEROBOT, OPEN, self.root], capture_output=True, text=True)
            self.tally.with_lerobot += 1
            if done.returncode:
                self.tally.unreadable += 1
                self.tally.problems.append(f"LeRobot: {(done.stderr or done.stdout).strip()[-500:]}")

    def _record_and_kill(self, seconds: float) -> list[str]:
        content = self._run(record, self.root, self._begin, self._chance.randrange(2**31), seconds=seconds, pipe=True)
        return content.decode().rpartition("\n")[0].split("\n")

    def _run(self, work: Any, *args: Any, seconds: float, pipe: bool = False) -> bytes:
        """Run `work` in a process and kill it `seconds` after its first word, or its start. What it said."""
        context = multiprocessing.get_context("forkserver")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(work, args, theirs, pipe), daemon=True)
        process.start()
        theirs.close()
        content, end = b"", 0.0
        while end == 0.0 or time.monotonic() < end:
            if end == 0.0 or ours.poll(max(0.0, end - time.monotonic())):
                if not (piece := os.read(ours.fileno(), 1 << 16)):
                    break
                content += piece
                end = end or time.monotonic() + seconds
        early = process.exitcode
        process.kill()
        process.join()
        while piece := os.read(ours.fileno(), 1 << 16):
            content += piece
        ours.close()
        if pipe and early is not None:
            self.tally.problems.append(f"a recorder ended by itself, exit code {early}")
        return content

    def _look(self, when: str) -> None:
        try:
            check_opens(self.root)
        except Exception as error:  # whatever it is, LeRobot would have stumbled over it
            self.tally.unreadable += 1
            self.tally.problems.append(f"{when}: {type(error).__name__}: {error}")

    def _compare(self, saved: list[int]) -> None:
        for episode in [*self._finished, *saved]:
            try:
                now = digests(self.root, episode)
            except (DatasetError, OSError) as error:
                now = {"error": str(error)}
            before = self._finished.get(episode, now)
            if before != now or "error" in now:
                self.tally.harmed += 1
                different = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
                self.tally.problems.append(f"episode {episode} changed: {now.get('error', different)}")

    def _measure(self, lines: list[str], saved: list[int]) -> None:
        known = len(self._finished) + len(saved)
        count = check_opens(self.root)
        kinds = [line.split()[0] for line in lines if line]
        running = kinds and kinds[-1] != "saved"
        if running and count == known + 1:
            path = Layout(self.root).data(known)
            last = float(_table(path, _digest(path))["capture_time"][-1])
            with Layout(self.root).mcap(known).open("rb") as file:
                assert make_reader(file).get_summary() is not None, "the repaired MCAP file has no summary"
        elif running:
            last = max(float(line.split()[1]) for line in lines if line.startswith("begin"))
        if running:
            self.tally.losses.append(float(lines[-1].split()[1]) - last)
            repaired = count > known
            whole = repaired and read_sealed(Layout(self.root).document(known))["outcome"]["success"]
            self.tally.moments["saving" if whole else "recording" if repaired else "nothing recorded yet"] += 1
        if count not in (known, known + 1):
            self.tally.harmed += 1
            self.tally.problems.append(f"{count} episodes where {known} or one more were expected")
        self._finished |= {n: digests(self.root, n) for n in range(count) if n not in self._finished}
        self.tally.episodes = count


def _child(work: Any, args: tuple[Any, ...], pipe: Any, tell: bool) -> None:
    if tell:
        work(*args, pipe.fileno())
    else:
        os.write(pipe.fileno(), b"go\n")
        work(*args)


def _repair(root: Path) -> None:
    Store(root, CONTRACT).close()


def run(kills: int, parallel: int, seed: int, scratch: Path) -> dict[str, Any]:
    """Kill `kills` times, `parallel` data sets at once; the figures."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["__main__"])
    trials = [Trial(scratch / f"d{number}", seed + number) for number in range(parallel)]
    began = time.monotonic()

    def work(number: int) -> None:
        for done in range(1, kills // parallel + 1):
            trials[number].kill()
            if done % 10 == 0 or done == kills // parallel:
                trials[number].open_with_lerobot()
            if done % 10 == 0:
                tally = trials[number].tally
                print(
                    f"data set {number}: {done} kills, worst loss {max(tally.losses, default=0):.3f} s, "
                    f"{tally.episodes} episodes, {len(tally.problems)} problems",
                    file=sys.stderr,
                    flush=True,
                )

    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(work, range(parallel)))
    for trial in trials:
        check_opens(trial.root, decode=True)
    return figures([trial.tally for trial in trials], kills // parallel * parallel, time.monotonic() - began)


def figures(tallies: list[Tally], kills: int, seconds: float) -> dict[str, Any]:
    """The sum of all data sets."""
    losses = np.array([loss for tally in tallies for loss in tally.losses] or [0.0])
    return {
        "kills": kills,
        "worst_loss_s": round(float(losses.max()), 3),
        "p50": round(float(np.percentile(losses, 50)), 3),
        "p99": round(float(np.percentile(losses, 99)), 3),
        "episodes": sum(tally.episodes for tally in tallies),
        "unreadable": sum(tally.unreadable for tally in tallies),
        "harmed": sum(tally.harmed for tally in tallies),
        "killed_while": dict(sum((tally.moments for tally in tallies), Counter())),
        "opened_with_lerobot": sum(tally.with_lerobot for tally in tallies),
        "problems": [problem for tally in tallies for problem in tally.problems],
        "seconds": round(seconds, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
    }


def main() -> int:
    """Exit code 0, or 1 when more than a second was lost, or anything was unreadable or harmed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="how often")
    parser.add_argument("--parallel", type=int, default=2, help="data sets at once")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--folder", type=Path, help="where data sets go; a temporary folder by default")
    parser.add_argument("--truncate", action="store_true", help="cut files at every byte instead")
    parser.add_argument("--tail", type=int, default=65536, help="bytes at the end of a file where each is cut")
    options = parser.parse_args()
    if options.truncate:
        from record_cuts import cut_all  # it builds on this file

        with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
            cuts = cut_all(Path(scratch), tail=options.tail)
        print(json.dumps(cuts))
        return 1 if cuts["failed"] else 0
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        found = run(options.kills, options.parallel, options.seed, Path(scratch))
    print(json.dumps(found))
    return 0 if found["worst_loss_s"] <= 1.0 and not found["problems"] else 1


if __name__ == "__main__":
    sys.exit(main())
