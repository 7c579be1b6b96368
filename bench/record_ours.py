"""Our recorder fed in real time, as the `recorder` of bench/record.py, which starts it in a process of its own.

    python record_ours.py FOLDER SCENE SECONDS

Beside what LeRobot's writer gets it takes joints, touch and applied commands at 100 Hz and keeps their messages in the
MCAP file. Everything it does until the episode is saved, drawn and sealed with checksums counts as its time.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import time
from pathlib import Path

import numpy as np
from record_scene import FPS, back_and_forth

from optimus_nodes.core.episode import EpisodeInfo, Outcome, RecordingContract
from optimus_nodes.core.values import JointState
from optimus_nodes.dataset.files import read_sealed
from optimus_nodes.dataset.recorder import Recorder, RecorderConfig
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.streams import Channel

TICK = 0.01  # joints come at 100 Hz
WARM = 2.0  # s of pictures before the episode begins; what they cost is what the recorder costs when it only waits
PADS = tuple(f"pad{number}" for number in range(10))
LIST = "string[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort\n"


def cpu_seconds() -> float:
    """User and system time of this process, its threads and its ended children, s."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


class Feed:
    """Cameras at 30 Hz and joints at 100 Hz in front of a recorder, in real time. Robot time begins at 0."""

    def __init__(self, folder: Path, scene: Path) -> None:
        self._cameras = json.loads((scene / "scene.json").read_text())["cameras"]
        self._pictures = np.load(scene / "pictures.npy")  # in memory, as a camera has them
        self._joints = np.load(scene / "joints.npy")
        height, width = self._pictures.shape[2:4]
        names = tuple(f"joint_{number}_joint" for number in range(self._joints.shape[1]))
        contract = RecordingContract(
            "bench", "0" * 64, names, PADS, tuple((name, height, width) for name in self._cameras), FPS
        )
        states = {
            name: Channel(f"/{name}", "sensor_msgs/msg/JointState", LIST)
            for name in ("joint_states", "applied_joint_commands")
        }
        video = {
            n: Channel(f"/{n}/video", "foxglove_msgs/msg/CompressedVideo", "uint8[] data\n") for n in self._cameras
        }
        self.recorder = Recorder(
            Store(folder, contract), RecorderConfig(), states, video, {n: f"{n}_frame" for n in self._cameras}
        )
        self._names = b"".join(struct.pack("<I", len(one) + 1) + one.encode() + b"\0" for one in names)
        self._order = back_and_forth(len(self._pictures))
        self.shown: list[int] = []  # which picture was shown as number k, at k / FPS
        self._ticks = 0
        self.behind = 0.0
        self._began = time.monotonic()

    def until(self, end: float) -> None:
        """Feed everything up to the robot time `end`, s."""
        while (due := min(self._ticks * TICK, len(self.shown) / FPS)) < end:
            late = time.monotonic() - self._began - due
            self.behind = max(self.behind, late)
            time.sleep(max(0.0, -late))
            if self._ticks * TICK <= due:
                self._tick(due)
            else:
                self._show(due)

    def restart_clock(self) -> None:
        """What was late before now does not count."""
        self.behind = 0.0

    def _show(self, stamp: float) -> None:
        which = next(self._order)
        for place, name in enumerate(self._cameras):
            self.recorder.on_picture(name, stamp, self._pictures[which, place].copy())
        self.shown.append(which)

    def _tick(self, stamp: float) -> None:
        joints = self._joints[self.shown[-1] if self.shown else 0]
        message = b"\0\1\0\0" + struct.pack("<d", stamp) + self._names + joints.tobytes() * 3
        self.recorder.on_message("joint_states", time.time(), message)
        self.recorder.on_message("applied_joint_commands", time.time(), message)
        self.recorder.on_joints(JointState(stamp, joints, joints, joints))
        self.recorder.on_touch(stamp, PADS, np.ones(len(PADS)))
        self.recorder.on_applied(stamp, joints)
        self._ticks += 1


def main() -> None:
    """Wait, record, save, seal, print."""
    folder, scene, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    feed = Feed(folder, scene)
    recorder, frames = feed.recorder, round(seconds * FPS)
    feed.until(WARM / 2)  # the first pictures touch everything for the first time
    used, feed.behind = cpu_seconds(), 0.0
    feed.until(WARM)
    waiting = (cpu_seconds() - used) / (WARM / 2)
    assert not (problem := recorder.start(EpisodeInfo("put the boxes into the bins", "script"))), problem
    used = cpu_seconds()
    end = WARM
    while recorder.seconds < seconds - 0.5 / FPS and end < WARM + seconds + 1.0:
        end += TICK
        feed.until(end)
        if round(end / TICK) % 100 == 0:
            print(round((end - WARM) * FPS), file=sys.stderr, flush=True)
    before, fed = cpu_seconds(), time.monotonic()
    saved = recorder.stop(Outcome(True, "", "person"))
    took = time.monotonic() - fed
    after = cpu_seconds()
    assert saved is not None, "the episode was not saved"
    layout = recorder.store.layout
    while "files" not in read_sealed(layout.document(saved.episode)):
        time.sleep(0.02)
    ended = cpu_seconds()
    recorder.close()
    figures = {
        "cpu_s": ended - used,
        "cpu_while_recording_s": before - used,
        "cpu_afterwards_s": ended - after,
        "cpu_while_waiting_per_s": waiting,
        "save_ms": took * 1e3,
        "sealed_after_ms": (time.monotonic() - fed) * 1e3,
        "behind_ms": feed.behind * 1e3,
        "frames": frames,
        "shown": feed.shown,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
