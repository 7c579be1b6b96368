"""The recorder without ROS: streams in, episodes out, whatever happens on the way."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_up import CONTRACT, picture
from test_store import as_lerobot_sees_it

from optimus_nodes.core.episode import EpisodeInfo, Outcome
from optimus_nodes.core.values import JointState
from optimus_nodes.dataset.files import read_sealed
from optimus_nodes.dataset.recorder import Recorder, RecorderConfig
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.streams import Channel

CHANNELS = {"task": Channel("/task", "std_msgs/msg/String", "string data\n")}
VIDEO = {
    name: Channel(f"/{name}/video", "foxglove_msgs/msg/CompressedVideo", "string format\n")
    for name in ("head", "wrist")
}
FRAMES = {"head": "head_optical_frame", "wrist": "wrist_optical_frame"}


class Robot:
    """Feeds a recorder as a robot would: joints at 100 Hz, pictures at 10 Hz."""

    def __init__(self, root: Path, **config: float) -> None:
        self.said: list[str] = []
        store = Store(root, CONTRACT, self.said.append)
        settings = RecorderConfig(**{"min_free_mb": 0, "past": 2.0, **config})  # type: ignore[arg-type]
        self.recorder = Recorder(store, settings, CHANNELS, VIDEO, FRAMES, self.said.append, "<robot/>", ["task"])
        self.tick = 0

    def live(self, seconds: float, *, blind: bool = False) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 100)):
            t = self.tick / 100
            joints = np.full(3, t)
            self.recorder.on_joints(JointState(t, joints, np.zeros(3), np.zeros(3)))
            self.recorder.on_touch(t, ("left_tip", "right_tip"), np.ones(2))
            if self.tick % 10 == 0 and not blind:
                for name, height, width in CONTRACT.cameras:
                    self.recorder.on_picture(name, t, picture(self.tick // 10, height, width))
            self.recorder.on_applied(t, joints)
            self.tick += 1

    def document(self, episode: int) -> dict:
        return read_sealed(self.recorder.store.layout.document(episode))


@pytest.fixture
def robot(tmp_path):
    robot = Robot(tmp_path / "d")
    robot.live(1.0)
    yield robot
    robot.recorder.close()


def test_an_episode_holds_what_happened_between_start_and_stop(robot, tmp_path):
    robot.recorder.on_task("wave")
    robot.recorder.on_message("task", 1e9, b"\0\1\0\0\5\0\0\0wave\0")
    assert robot.recorder.start(EpisodeInfo("wave twice", "teleop")) == ""
    robot.live(2.0)
    robot.recorder.event("label", "half")
    robot.live(1.0)
    saved = robot.recorder.stop(Outcome(True, "", "person"))
    assert saved is not None and 27 <= saved.frames <= 31
    assert as_lerobot_sees_it(tmp_path / "d") == saved.frames
    document = robot.document(0)
    assert document["tasks"] == ["wave"]
    assert document["instruction"] == "wave twice"
    assert document["events"][0]["time"] == pytest.approx(1.8, abs=0.3)
    assert (tmp_path / "d/episodes/episode-000000/episode.mcap").stat().st_size > 500


def test_a_second_start_is_refused_and_the_running_episode_named(robot):
    robot.recorder.start(EpisodeInfo("first", "script"))
    assert "running already ('first')" in robot.recorder.start(EpisodeInfo("second", "script"))


def test_a_stream_that_never_came_is_named_when_recording_shall_begin(tmp_path):
    robot = Robot(tmp_path / "d")
    robot.live(0.5, blind=True)
    text = robot.recorder.start(EpisodeInfo("wave", "script"))
    assert "nothing comes on head/image_raw, wrist/image_raw; is the robot running" in text
    robot.recorder.close()


def test_the_last_seconds_are_kept_when_something_goes_wrong(robot, tmp_path):
    robot.live(4.0)
    saved = robot.recorder.keep_past(EpisodeInfo("", "policy"), Outcome(False, "the emergency stop was pressed"))
    assert saved is not None and 14 <= saved.frames <= 20
    assert as_lerobot_sees_it(tmp_path / "d") == saved.frames
    assert robot.document(0)["outcome"]["reason"] == "the emergency stop was pressed"


def test_what_is_kept_from_memory_has_no_hole_where_an_episode_was(robot):
    robot.recorder.start(EpisodeInfo("wave", "teleop"))
    robot.live(0.5)
    robot.recorder.stop(Outcome(True, "", "person"))
    robot.live(1.0)
    saved = robot.recorder.keep_past(EpisodeInfo("", "policy"), Outcome(False, "the emergency stop was pressed"))
    assert saved is not None
    times = pq.read_table(robot.recorder.store.layout.data(saved.episode))["capture_time"].to_numpy()
    assert len(times) > 3
    assert np.diff(times) == pytest.approx(0.1)
    robot.live(0.5)
    assert robot.recorder.keep_past(EpisodeInfo("", "policy"), Outcome(False, "pressed again")) is not None


def test_stamps_that_no_episode_needs_any_more_are_forgotten(robot):
    def kept() -> int:
        return sum(map(len, robot.recorder._stamps.between(-np.inf, np.inf).values()))

    robot.live(4.0)
    before = kept()
    robot.live(20.0)
    assert kept() <= 1.05 * before
    saved = robot.recorder.keep_past(EpisodeInfo("wave", "teleop"), Outcome(False, "fell over", "person"))
    assert saved is not None and saved.frames >= 15
    assert robot.document(0)["accepted"], "the stamps of what is in memory were forgotten too"
    for _ in range(8):  # episodes that follow at once
        robot.recorder.start(EpisodeInfo("wave", "policy"))
        robot.live(3.0)
        saved = robot.recorder.stop(Outcome(True, "", "person"))
        assert robot.document(saved.episode)["accepted"]
    assert kept() <= 1.5 * before


def test_a_cancelled_take_is_set_aside_and_the_next_one_is_clean(robot, tmp_path):
    robot.recorder.start(EpisodeInfo("bad take", "teleop"))
    robot.live(1.0)
    place = robot.recorder.cancel()
    assert place is not None and "cancelled" in (place / "reason.txt").read_text()
    robot.recorder.start(EpisodeInfo("good take", "teleop"))
    robot.live(1.0)
    robot.recorder.stop(Outcome(True, "", "person"))
    assert robot.document(0)["instruction"] == "good take"
    assert robot.recorder.store.episodes == 1


def test_a_clock_that_goes_back_ends_the_episode_and_keeps_it(robot, tmp_path):
    robot.recorder.start(EpisodeInfo("wave", "script"))
    robot.live(1.5)
    robot.tick = 0
    robot.live(1.0)
    assert "went back in time" in robot.document(0)["outcome"]["reason"]
    assert robot.document(0)["sync"]["streams"], "the stamps were gone before the episode was judged by them"
    assert robot.recorder.start(EpisodeInfo("again", "script")) == ""
    robot.live(1.5)
    assert robot.recorder.stop(Outcome(None)) is not None
    assert robot.recorder.store.episodes == 2


def test_a_camera_that_changes_its_size_ends_the_episode_with_both_sizes(robot):
    robot.recorder.start(EpisodeInfo("wave", "script"))
    robot.live(1.0)
    robot.recorder.on_picture("head", 99.0, np.zeros((10, 20, 3), np.uint8))
    assert "is 20x10 now; this data set holds 64x48" in robot.document(0)["outcome"]["reason"]


def test_a_full_disk_stops_the_recording_with_words_and_harms_nothing(robot, tmp_path):
    robot.recorder.start(EpisodeInfo("whole", "script"))
    robot.live(1.0)
    robot.recorder.stop(Outcome(True, "", "person"))
    robot.recorder.start(EpisodeInfo("cut", "script"))
    robot.live(1.5)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    robot.recorder._episode._rows.add = full  # type: ignore[union-attr]
    robot.live(0.5)
    assert "the disk is full" in robot.said[-1] and "choose another folder" in robot.said[-1]
    assert not robot.recorder.recording
    robot.live(0.5)
    assert as_lerobot_sees_it(tmp_path / "d") == robot.document(0)["frames"]
    robot.recorder.store.close()
    again = Robot(tmp_path / "d")
    assert "cut short and is repaired" in again.said[0]
    assert again.document(1)["frames"] >= 10
    again.recorder.close()
    robot.recorder.store.close = lambda: None  # type: ignore[method-assign]


def test_recording_stops_before_the_disk_is_full(tmp_path):
    robot = Robot(tmp_path / "d", min_free_mb=10**9)
    robot.live(1.0)
    text = robot.recorder.start(EpisodeInfo("wave", "script"))
    assert "MB are free" in text and "min_free_mb in config/recorder.yaml" in text
    robot.recorder.close()


def test_episodes_are_finished_one_after_the_other_however_fast_they_come(robot):
    """Each had a process of its own that drew its picture: one episode every five seconds piled up dozens of them."""
    recorder = robot.recorder
    for _ in range(6):
        recorder.start(EpisodeInfo("wave", "policy"))
        robot.live(0.5)
        recorder.stop(Outcome(True, "done", "planner"))
    layout, end, drawn_by = recorder.store.layout, time.monotonic() + 60.0, set()
    while not all("files" in robot.document(episode) for episode in range(6)):
        assert time.monotonic() < end, "the finished episodes got no checksums"
        if (process := recorder.finisher.artist.process) is not None:
            drawn_by.add(process.pid)
        time.sleep(0.02)
    assert len(drawn_by) == 1
    for episode in range(6):
        assert layout.relative(layout.episode(episode) / "sync.png") in robot.document(episode)["files"]
    while recorder.finisher.artist.process is not None:
        assert time.monotonic() < end, "who drew them is still there"
        time.sleep(0.05)


def test_an_episode_whose_picture_cannot_be_drawn_is_finished_all_the_same(robot, monkeypatch):
    monkeypatch.setattr("optimus_nodes.dataset.timing.sys.executable", "/nowhere/python")
    robot.recorder.start(EpisodeInfo("wave", "policy"))
    robot.live(0.5)
    robot.recorder.stop(Outcome(True, "done", "planner"))
    end = time.monotonic() + 30.0
    while "files" not in robot.document(0):
        assert time.monotonic() < end, "the finished episode got no checksums"
        time.sleep(0.05)
    assert not any("sync.png" in name for name in robot.document(0)["files"])
