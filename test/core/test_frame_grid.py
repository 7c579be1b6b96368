"""Streams of different rates become frames of one; whatever had to be repeated is marked."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from optimus_nodes.core.episode import RecordingContract
from optimus_nodes.core.frame_grid import FrameGrid, StreamError
from optimus_nodes.core.values import JointState

CONTRACT = RecordingContract("small", "0", ("a_joint", "b_joint"), ("tip",), (("head", 2, 4), ("wrist", 2, 2)), 10)


def feed(grid: FrameGrid, begin: float, end: float, *, late: float = 0.0, skip: tuple[float, ...] = ()) -> None:
    """Joints and commands at 100 Hz, both cameras at 10 Hz; the wrist's pictures are `late` s off. a = t, b = -t."""
    for k in range(round(begin * 100), round(end * 100)):
        t = k / 100
        grid.on_joints(JointState(t, np.array([t, -t]), np.ones(2), np.zeros(2)))
        grid.on_applied(t, np.array([t + 0.5, 0.0]))
        grid.on_touch(t, ["tip"], np.array([t]))
        if k % 10 == 0 and not any(abs(t - s) < 1e-6 for s in skip):
            grid.on_picture("head", t, np.full((2, 4, 3), k // 10 % 256, np.uint8))
            grid.on_picture("wrist", t + late, np.full((2, 2, 3), k // 10 % 256, np.uint8))


def test_a_frame_holds_what_was_measured_when_its_picture_was_taken():
    grid = FrameGrid(CONTRACT)
    feed(grid, 1.0, 1.5)
    grid.task = "wave"
    frames = grid.ready()
    feed(grid, 1.5, 2.0)
    frames += grid.ready()
    first, second = frames[0].row, frames[1].row
    assert len(frames) >= 1
    assert second.capture_time - first.capture_time == pytest.approx(0.1)
    assert first.position[0] == pytest.approx(first.capture_time)
    assert first.tactile[0] == pytest.approx(first.capture_time)
    assert first.task == "wave" and not first.gap


def test_the_action_is_the_last_command_applied_before_the_next_frame():
    grid = FrameGrid(CONTRACT)
    feed(grid, 1.0, 1.5)
    assert grid.ready() == []
    feed(grid, 1.5, 2.0)
    row = grid.ready()[0].row
    assert row.action[0] == pytest.approx(row.capture_time + 0.09 + 0.5)


def test_joints_are_interpolated_at_the_moment_of_the_picture():
    grid = FrameGrid(CONTRACT)
    for t in (0.97, 1.03, 1.2, 1.4):
        grid.on_joints(JointState(t, np.array([t, -t]), np.ones(2), np.zeros(2)))
        grid.on_applied(t, np.zeros(2))
        grid.on_touch(t, ["tip"], np.ones(1))
    for t in (1.0, 1.1):
        grid.on_picture("head", t, np.zeros((2, 4, 3), np.uint8))
        grid.on_picture("wrist", t, np.zeros((2, 2, 3), np.uint8))
    frames = grid.ready()
    assert frames[0].row.position[0] == pytest.approx(frames[0].row.capture_time)


def test_a_lost_picture_is_repeated_and_marked():
    grid = FrameGrid(CONTRACT)
    frames = []
    for begin in np.arange(1.0, 4.0, 0.5):
        feed(grid, begin, begin + 0.5, skip=(2.0,))
        frames += grid.ready()
    gaps = [round(f.row.capture_time, 2) for f in frames if f.row.gap]
    assert gaps == [2.0]
    times = np.array([f.row.capture_time for f in frames])
    np.testing.assert_allclose(np.diff(times), 0.1, atol=1e-9)
    assert [round(f.row.capture_time, 2) for f in frames if f.pictures["head"][2]] == [2.0]


def test_each_camera_gives_the_picture_nearest_to_the_frame():
    grid = FrameGrid(CONTRACT)
    frames = []
    for begin in np.arange(1.0, 3.0, 0.5):
        feed(grid, begin, begin + 0.5, late=0.03)
        frames += grid.ready()
    assert len(frames) >= 12
    for frame in frames:
        assert frame.pictures["wrist"][1][0, 0, 0] == frame.pictures["head"][1][0, 0, 0]
        assert not frame.row.gap


def test_a_camera_that_drifts_against_the_frames_keeps_true_time():
    """29.97 taken for 30 once put pictures six seconds beside their joints within minutes."""
    grid = FrameGrid(CONTRACT)
    frames, period = [], 1 / 9.5
    for k in range(400):
        t = 1.0 + k * period
        for s in np.arange(t, t + period, 0.02):
            grid.on_joints(JointState(float(s), np.full(2, s), np.zeros(2), np.zeros(2)))
            grid.on_applied(float(s), np.zeros(2))
            grid.on_touch(float(s), ["tip"], np.zeros(1))
        grid.on_picture("head", t, np.zeros((2, 4, 3), np.uint8))
        grid.on_picture("wrist", t, np.zeros((2, 2, 3), np.uint8))
        frames += grid.ready()
    last = frames[-1]
    assert last.row.capture_time == pytest.approx(frames[0].row.capture_time + (len(frames) - 1) / 10, abs=0.06)
    assert abs(last.pictures["head"][0] - last.row.capture_time) < 0.11


def test_nothing_is_made_before_every_stream_is_there_and_the_missing_ones_are_named():
    grid = FrameGrid(CONTRACT)
    grid.on_picture("head", 1.0, np.zeros((2, 4, 3), np.uint8))
    assert grid.ready() == []
    assert grid.missing() == [
        "wrist/image_raw",
        "joint_states",
        "applied_joint_commands",
        "tactile/left_hand, tactile/right_hand",
    ]


def test_a_picture_that_changes_its_size_is_refused_with_both_sizes():
    grid = FrameGrid(CONTRACT)
    with pytest.raises(StreamError, match=r"head/image_raw is 8x6 now; this data set holds 4x2 .*small.yaml"):
        grid.on_picture("head", 1.0, np.zeros((6, 8, 3), np.uint8))


def test_a_stream_that_goes_back_in_time_is_refused_with_both_times():
    grid = FrameGrid(CONTRACT)
    feed(grid, 5.0, 6.0)
    with pytest.raises(StreamError, match=r"joint_states went back in time, from 5.990 s to 1.000 s"):
        grid.on_joints(JointState(1.0, np.zeros(2), np.zeros(2), np.zeros(2)))
    with pytest.raises(StreamError, match=r"wrist/image_raw went back"):
        grid.on_picture("wrist", 1.0, np.zeros((2, 2, 3), np.uint8))


def test_a_camera_that_falls_silent_ends_the_recording_with_its_name():
    grid = FrameGrid(CONTRACT, max_gap=1.0)
    feed(grid, 1.0, 2.0)
    grid.ready()
    with pytest.raises(StreamError, match=r"head/image_raw brought no picture for .*max_gap in config/recorder.yaml"):
        for begin in (2.0, 3.0, 4.0):
            feed(grid, begin, begin + 1.0, skip=tuple(begin + k / 10 for k in range(10)))
            grid.ready()


def test_frames_are_marked_while_a_person_moves_the_robot():
    grid = FrameGrid(CONTRACT)
    grid.on_owner(0.0, "policy")
    grid.on_owner(1.35, "teleop")
    grid.on_owner(1.65, "policy")
    frames = []
    for begin in (1.0, 1.5, 2.0):
        feed(grid, begin, begin + 0.5)
        frames += grid.ready()
    driven = [round(f.row.capture_time, 1) for f in frames if f.row.intervention]
    assert driven == [1.4, 1.5, 1.6]


def test_pads_of_another_robot_are_refused():
    with pytest.raises(StreamError, match=r"tactile pad 'toe' is unknown; small has \['tip'\]"):
        FrameGrid(CONTRACT).on_touch(1.0, ["toe"], np.zeros(1))


def test_a_thousand_frames_later_it_remembers_no_more():
    grid, blocks = FrameGrid(CONTRACT), []
    for begin in range(0, 200, 2):
        feed(grid, float(begin), begin + 2.0)
        grid.ready()
        blocks.append(sys.getallocatedblocks())
    assert blocks[-1] - blocks[len(blocks) // 2] < 1000
