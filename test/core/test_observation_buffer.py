"""An observation is whole and of one moment, or it is not made and the reason is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import fake_robot

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.observation_buffer import ObservationBuffer
from optimus_nodes.core.position_history import PositionHistory
from optimus_nodes.core.values import JointState

ROBOT = replace(fake_robot(2), tactile_pads=("tip",))
PICTURE = np.zeros((4, 4, 3), np.uint8)


def state(stamp: float, value: float) -> JointState:
    return JointState(stamp, np.full(2, value), np.full(2, 10 * value), np.zeros(2))


def whole(stamp: float = 1.0) -> ObservationBuffer:
    buffer = ObservationBuffer(ROBOT, ["head", "wrist"])
    buffer.on_joints(state(stamp, 1.0))
    buffer.on_touch(stamp, ["tip"], np.array([2.0]))
    buffer.on_picture("wrist", stamp, PICTURE)
    buffer.on_picture("head", stamp, PICTURE)
    return buffer


def test_joints_are_taken_at_the_stamp_of_the_head_picture() -> None:
    buffer = whole(1.0)
    buffer.on_joints(state(1.1, 2.0))
    buffer.on_picture("head", 1.05, PICTURE)
    seen = buffer.observe("go home")
    assert seen.stamp == 1.05 and seen.sentence == "go home"
    np.testing.assert_allclose(seen.position, 1.5)
    np.testing.assert_allclose(seen.velocity, 15.0)
    np.testing.assert_allclose(seen.tactile, [2.0])


def test_a_picture_newer_than_the_joints_gets_the_newest_joints() -> None:
    buffer = whole(1.0)
    buffer.on_picture("head", 1.02, PICTURE)
    np.testing.assert_allclose(buffer.observe("").position, 1.0)


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        ("head", "no picture from camera head yet"),
        ("wrist", "no picture from camera wrist yet"),
        ("joints", "no joint_states yet"),
        ("touch", "no touch from pad tip yet"),
    ],
)
def test_what_never_came_is_named(left_out: str, reason: str) -> None:
    buffer = ObservationBuffer(ROBOT, ["head", "wrist"])
    for camera in ("head", "wrist"):
        if camera != left_out:
            buffer.on_picture(camera, 1.0, PICTURE)
    if left_out != "joints":
        buffer.on_joints(state(1.0, 0.0))
    if left_out != "touch":
        buffer.on_touch(1.0, ["tip"], np.zeros(1))
    assert buffer.missing() == reason
    with pytest.raises(LookupError, match=reason):
        buffer.observe("go home")


def test_what_is_too_old_is_named_with_its_age() -> None:
    buffer = whole(1.0)
    buffer.on_picture("head", 1.5, PICTURE)
    assert buffer.missing() == "the picture of camera wrist is 0.50 s older than the picture of head (allowed 0.30 s)"
    buffer.on_picture("wrist", 1.5, PICTURE)
    assert buffer.missing() == "joint_states is 0.50 s older than the picture of head (allowed 0.30 s)"
    buffer.on_joints(state(1.5, 0.0))
    assert buffer.missing() == "touch of pad tip is 0.50 s older than the picture of head (allowed 0.30 s)"


def test_silence_counts_even_when_robot_time_stands_still() -> None:
    buffer = whole(1.0)
    buffer.on_picture("head", 1.0, PICTURE, monotonic=50.0)
    buffer.on_joints(state(1.0, 1.0), monotonic=50.0)
    assert buffer.missing(50.1) == ""
    buffer.on_joints(state(1.01, 1.0), monotonic=52.0)
    assert buffer.missing(52.0) == "no picture from camera head for 2.0 s"
    buffer.on_picture("head", 1.01, PICTURE, monotonic=53.0)
    assert buffer.missing(53.0) == "no joint_states for 1.0 s"


def test_a_clock_set_back_forgets_the_joints_of_before() -> None:
    buffer = whole(100.0)
    buffer.on_joints(state(0.1, 3.0))
    buffer.on_touch(0.1, ["tip"], np.zeros(1))
    buffer.on_picture("wrist", 0.1, PICTURE)
    buffer.on_picture("head", 0.1, PICTURE)
    np.testing.assert_allclose(buffer.observe("").position, 3.0)


def test_an_unknown_pad_is_refused_by_name() -> None:
    with pytest.raises(CommandError, match="tactile pad 'nose' is unknown; the robot has \\['tip'\\]"):
        whole().on_touch(1.0, ["nose"], np.zeros(1))


def test_history_interpolates_between_the_positions_it_was_given() -> None:
    history = PositionHistory(span=0.2)
    for k in range(5):
        history.add(0.05 * k, np.array([0.05 * k]))
    assert history.at(0.1) == pytest.approx(0.1)
    assert history.at(0.125) == pytest.approx(0.125)
    assert history.at(-1.0) == pytest.approx(0.0)
    assert history.at(9.0) == pytest.approx(0.2)


@pytest.mark.parametrize("stamp", [0.9, 1.0, 3.0])
def test_history_starts_anew_when_the_clock_jumps(stamp: float) -> None:
    history = PositionHistory(span=0.2)
    history.add(1.0, np.array([5.0]))
    history.add(stamp, np.array([7.0]))
    assert history.at(stamp - 0.1) == pytest.approx(7.0)


def test_an_empty_history_says_so() -> None:
    with pytest.raises(LookupError, match="no joint position"):
        PositionHistory(0.1).at(0.0)
