"""What the controller refuses, how it says so, and that nothing refused ever shows at the output."""

from __future__ import annotations

import numpy as np
import pytest
from controller_loop import ROBOT, Loop
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.joint_controller import JointControlConfig
from optimus_nodes.core.values import HandCommand

pytestmark = pytest.mark.promise("P2")

BAD_CHUNKS = {
    "not_finite": {"positions": np.full((16, 3), np.nan)},
    "names": {"names": ("j0", "j1", "nose")},
    "length": {"positions": np.zeros((16, 2))},
    "timing": {"step_dt": 0.0},
    "stale": {"stamp": -1.0, "observation_stamp": -1.0},
    "future": {"stamp": 5.0},
}


@pytest.mark.parametrize("reason", BAD_CHUNKS)
def test_a_bad_chunk_is_refused_counted_by_reason_and_leaves_the_robot_unmoved(reason):
    loop = Loop()
    loop.tick(3)
    before = loop.tick().position
    with pytest.raises(CommandError) as error:
        loop.chunk(np.ones((16, 3)), **BAD_CHUNKS[reason])
    assert error.value.reason == reason
    assert np.array_equal(loop.tick(50).position, before)
    assert loop.refused == {reason: 1}
    assert loop.controller.status().accepted == 0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"positions": np.array([[0.0, np.inf, 0.0]])}, "j1 target is inf; it must be a finite number of radians"),
        ({"names": ("j0", "j1", "nose")}, "fake has no joint 'nose'"),
        ({"names": ("j0", "j1", "j0")}, "joint j0 is named 2 times; once is allowed"),
        ({"names": (), "positions": np.zeros((4, 0))}, "names no joint"),
        ({"positions": np.zeros((0, 3))}, r"chunk positions have shape \(0, 3\), allowed is \(steps, 3\)"),
        ({"positions": np.zeros(3)}, r"chunk positions have shape \(3,\), allowed is \(steps, 3\)"),
        ({"step_dt": float("nan")}, "chunk step_dt nan s is outside 0.001 to 1.0 s"),
        ({"stamp": float("nan")}, "chunk stamp is nan"),
        ({"observation_stamp": float("inf")}, "chunk's observation stamp is inf"),
        ({"stamp": 1.2}, "stamped 0.184 s ahead of robot time; at most 0.050 s"),
        ({"stamp": -1.6, "observation_stamp": 0.6}, "chunk is 2.616 s old; at most 2.000 s is allowed"),
    ],
)
def test_a_refusal_says_what_came_and_what_is_allowed(changes, text):
    loop = Loop()
    loop.tick(253)
    with pytest.raises(CommandError, match=text):
        loop.chunk(np.zeros((16, 3)), **changes)


def test_a_chunk_that_comes_twice_or_out_of_order_is_refused():
    loop = Loop()
    loop.tick(10)
    loop.chunk(np.zeros((16, 3)), stamp=0.03)
    for stamp in (0.03, 0.02):
        with pytest.raises(CommandError, match="does not follow the last chunk"):
            loop.chunk(np.zeros((16, 3)), stamp=stamp)
    assert loop.refused == {"stale": 2}


@pytest.mark.parametrize(
    ("names", "positions", "reason"),
    [
        (("j0",), np.array([np.nan]), "not_finite"),
        (("j0", "j0"), np.zeros(2), "names"),
        (("knee",), np.zeros(1), "names"),
        (("j0",), np.zeros(2), "length"),
    ],
)
def test_a_bad_teleoperation_target_is_refused(names, positions, reason):
    loop = Loop()
    with pytest.raises(CommandError):
        loop.target(positions, names)
    assert loop.refused == {reason: 1}
    assert loop.controller.status().owner == "none"


def test_an_old_or_future_teleoperation_target_is_refused():
    loop = Loop()
    loop.tick(100)
    for stamp, reason in ((0.2, "stale"), (0.6, "future")):
        with pytest.raises(CommandError) as error:
            loop.controller.on_joint_target(("j0",), np.zeros(1), "teleop", loop.now, loop.now, stamp)
        assert error.value.reason == reason


def test_a_chunk_of_a_task_that_nobody_confirmed_is_refused():
    loop = Loop()
    loop.controller.on_task(7, "wave")  # it ran before this controller did
    with pytest.raises(CommandError, match="task 7, which was running before joint_control began"):
        loop.chunk(np.zeros((16, 3)), task_id=7)
    loop.controller.on_task(8, "wave")
    loop.chunk(np.zeros((16, 3)), task_id=8)
    loop.tick(5)
    loop.controller.on_task_sender_lost()
    with pytest.raises(CommandError, match="the planner that gave it is gone"):
        loop.chunk(np.zeros((16, 3)), task_id=8)
    assert loop.refused == {"owner": 2}


numbers = st.one_of(st.floats(-3.0, 3.0), st.sampled_from([float("nan"), float("inf"), -1e300, 1e300]))
names = st.lists(st.sampled_from(["j0", "j1", "j2", "nose"]), min_size=0, max_size=4).map(tuple)
chunk_events = st.tuples(
    st.just("chunk"),
    st.integers(0, 17),
    st.lists(numbers, min_size=1, max_size=12),
    st.one_of(st.just(ROBOT.joint_names), names),
    st.sampled_from([0.0, -0.05, -0.2, -0.5, 0.02, 0.2, float("nan")]),
)
target_events = st.tuples(
    st.just("target"), st.one_of(st.just(ROBOT.joint_names), names), st.lists(numbers, max_size=4)
)
lease_events = st.tuples(st.just("lease"), st.integers(0, 2), st.floats(-2.0, 2.0))
hand_events = st.tuples(st.just("hand"), st.sampled_from(["", "left", "up"]), st.sampled_from(["open", ""]), numbers)
other_events = st.tuples(st.sampled_from(["press", "lift", "reset", "release", "acquire"]))
kinds = st.one_of(chunk_events, chunk_events, target_events, lease_events, hand_events, other_events)
events = st.lists(st.tuples(kinds, st.integers(0, 40)), min_size=1, max_size=25)


def send(loop: Loop, event: tuple) -> None:
    if event[0] == "chunk":
        _, steps, values, joints, age = event
        rows = np.resize(np.array(values), (steps, max(len(joints), 1)))
        loop.chunk(rows, stamp=loop.now + age, names=joints)
    elif event[0] == "target":
        loop.target(np.array(event[2]), event[1])
    elif event[0] == "lease":  # with the number in force, or one of those before
        lease = max(0, loop.controller.lease - event[1])
        positions = np.array([event[2]])
        loop.controller.on_joint_target(("j1",), positions, "teleop", loop.now, loop.now, lease=lease)
    elif event[0] == "hand":
        loop.controller.on_hand(HandCommand(None, *event[1:]), "planner", loop.now, loop.now)
    elif event[0] == "acquire":
        loop.controller.acquire("teleop", loop.now)
    elif event[0] == "reset":
        loop.controller.reset_emergency_stop()
    elif event[0] == "release":
        loop.controller.on_joint_target((), np.empty(0), "teleop", loop.now, loop.now)
    else:
        loop.controller.emergency_stop(event[0] == "press")


@pytest.mark.promise("P3")
@settings(max_examples=200, deadline=None)
@given(events)
def test_nothing_malformed_reaches_the_output_and_limits_hold_for_any_commands(sequence):
    loop = Loop()
    refused = 0
    for event, ticks in sequence:
        try:
            send(loop, event)
        except CommandError:
            refused += 1
        if ticks:
            loop.tick(ticks)
    loop.tick(60)
    assert sum(loop.refused.values()) == refused


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"silence": 0.0}, "joint_control parameter silence is 0.0; it must be above 0"),
        ({"velocity_scale": 1.5}, "velocity_scale is 1.5; it must be at most 1"),
        ({"crossfade": float("nan")}, "crossfade is nan"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(changes, text):
    with pytest.raises(ConfigError, match=text):
        JointControlConfig(**changes)
