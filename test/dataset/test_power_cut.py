"""The power goes off: of everything written, only what was brought to the disk is left."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from made_up import CONTRACT, SUCCESS, data_set, ended, picture
from mcap.reader import make_reader
from test_recorder import Robot
from test_store import as_lerobot_sees_it

from optimus_nodes.core.episode import EpisodeInfo
from optimus_nodes.dataset.files import read_sealed
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.video import Encoder, Mp4File, rescue

pytestmark = pytest.mark.promise("P15")


class Disk:
    """Remembers what a power cut leaves of the folder `root`: the content files had, and the names folders had, when
    they were last brought to the disk. Stricter than any file system: a folder nobody synced is lost with all in it.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._content: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {root.stat().st_ino: {}}
        self._held: dict[int, int] = {}  # open files, so that no inode is given to another one
        self._real = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)
        monkeypatch.setattr(os, "fdatasync", self._sync)

    def close(self) -> None:
        """Let go of all files."""
        for held in list(self._held.values()):
            os.close(held)

    def after_power_cut(self, target: Path) -> Path:
        """Write what is left to `target`."""
        self._restore(self._root.stat().st_ino, target)
        return target

    def _sync(self, file: int) -> None:
        self._real(file)
        inode, path = os.fstat(file).st_ino, Path(os.readlink(f"/proc/self/fd/{file}"))
        if path.is_dir():
            entries = [(entry, os.open(entry.path, os.O_PATH)) for entry in os.scandir(path)]
            self._names[inode] = {entry.name: os.fstat(held).st_ino for entry, held in entries}
            for entry, held in entries:
                if self._held.setdefault(entry.inode(), held) != held:
                    os.close(held)
                if entry.is_dir():
                    self._names.setdefault(entry.inode(), {})
        else:
            self._content[inode] = path.read_bytes()

    def _restore(self, inode: int, target: Path) -> None:
        if inode in self._names:
            target.mkdir()
            for name, inside in self._names[inode].items():
                self._restore(inside, target / name)
        else:
            target.write_bytes(self._content.get(inode, b""))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "d").mkdir()
    return tmp_path / "d"


def test_a_power_cut_costs_less_than_a_second_of_the_running_episode(root, tmp_path, monkeypatch):
    disk = Disk(root, monkeypatch)
    robot = Robot(root)
    robot.live(1.0)
    robot.recorder.start(EpisodeInfo("wave", "script"))
    worst = 0.0
    for number in range(8):
        for _ in range(25):  # in real time, because what brings it to the disk is
            robot.live(0.01)
            robot.recorder.on_message("task", time.time(), b"\0\1\0\0\5\0\0\0wave\0")
            time.sleep(0.01)
        left = disk.after_power_cut(tmp_path / f"left{number}")
        store = Store(left, CONTRACT)
        store.close()
        if number >= 3:
            document = read_sealed(store.layout.document(0))
            worst = max(worst, robot.tick / 100 - (document["begin"] + document["frames"] / CONTRACT.fps))
            assert as_lerobot_sees_it(left) == document["frames"]
            with store.layout.mcap(0).open("rb") as file:
                summary = make_reader(file).get_summary()
            assert summary is not None and summary.statistics is not None and summary.statistics.message_count > 10
    robot.recorder.close()
    disk.close()
    assert worst <= 1.0


def test_a_power_cut_between_any_two_steps_of_saving_harms_nothing(root, tmp_path, monkeypatch):
    disk = Disk(root, monkeypatch)
    data_set(root, (6,))
    store = Store(root, CONTRACT)
    draft = ended(store, 9)
    for file in draft.folder.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    before = 6
    for number, step in enumerate(store.steps(draft)):
        step()
        left = disk.after_power_cut(tmp_path / f"left{number}")
        assert as_lerobot_sees_it(left) in (6, 15)
        Store(left, CONTRACT).close()
        now = as_lerobot_sees_it(left)
        assert now >= before, "what was saved is gone again"
        before = now
        shutil.rmtree(left)
    store.close()
    disk.close()
    assert before == 15 and draft.outcome == SUCCESS


def test_a_video_whose_closing_reached_the_disk_only_in_part_comes_back(tmp_path):
    """The index at its end was lost, but not the new head that says there is one: not one picture came back."""
    encoder = Encoder(64, 48, 10)
    path = tmp_path / "head.mp4"
    video = Mp4File(path, 10)
    for number in range(12):
        video.add(encoder.encode(picture(number, 48, 64), number == 0))
    before = len(path.read_bytes())
    video.close()
    content = path.read_bytes()
    for length in (before, before + 1, content.rindex(b"moov") - 4, len(content) - 1):
        path.write_bytes(content[:length])
        assert rescue(path, 10) >= 9
    path.write_bytes(content)
    assert rescue(path, 10) == 12
