"""The controller as a whole: what comes out is within limits, whatever goes in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fakes import PerfectRobot, at_rest, chunk_of, fake_robot, no_gravity
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.joint_controller import JointControlConfig, JointController
from optimus_nodes.core.values import JointCommand, JointState

ROBOT = fake_robot(3)
DT = 0.004
EPS = 1.0 + 1e-6


class Loop:
    """A controller and a robot that follows it, ticked at 250 Hz; every command is checked."""

    def __init__(self, start: np.ndarray | None = None, gravity: Callable = no_gravity) -> None:
        self.controller = JointController(ROBOT, JointControlConfig(), gravity)
        self.robot = PerfectRobot(np.zeros(3) if start is None else start)
        self.now = 0.0
        self.commands: list[JointCommand] = []
        self.tick()

    def tick(self, times: int = 1) -> JointCommand:
        for _ in range(times):
            command = self.controller.tick(self.now, self.now, self.robot.state(self.now))
            self._check(command)
            self.commands.append(command)
            self.robot.apply(command)
            self.now += DT
        return command

    def chunk(self, rows: np.ndarray, stamp: float | None = None, **changes: object) -> None:
        stamp = self.now if stamp is None else stamp
        self.controller.on_chunk(chunk_of(ROBOT, rows, stamp, **changes), self.now, self.now)

    def target(self, positions: np.ndarray, names: tuple[str, ...] = ROBOT.joint_names) -> None:
        self.controller.on_joint_target(names, positions, "teleop", self.now, self.now)

    def play(self, path: Callable[[float], np.ndarray], ticks: int, every: int = 12) -> None:
        """Play chunks cut from `path`, one every so many ticks."""
        for k in range(ticks):
            if k % every == 0:
                self.chunk(np.array([path(self.now + 0.05 * i) for i in range(16)]))
            self.tick()

    def _check(self, command: JointCommand) -> None:
        for values in (command.position, command.velocity, command.effort, command.kp, command.kd):
            assert values.shape == (3,) and np.isfinite(values).all()
        state = self.robot.state(self.now)
        torque = command.kp * (command.position - state.position) + command.kd * (command.velocity - state.velocity)
        assert np.all(np.abs(torque + command.effort) <= ROBOT.max_effort * EPS)
        assert np.all(np.abs(command.position) <= 2.0 + 1e-9)
        if not self.commands:
            return
        last = self.commands[-1]
        speed = (command.position - last.position) / DT
        assert np.all(np.abs(speed) <= ROBOT.max_velocity * EPS)
        assert np.allclose(speed, command.velocity, atol=1e-9)
        assert np.all(np.abs(speed - last.velocity) <= ROBOT.max_acceleration * DT * EPS + 1e-9)

    @property
    def refused(self) -> dict[str, int]:
        return self.controller.status().refused


def wave(time: float) -> np.ndarray:
    return 0.5 * (1.0 - np.cos(2.0 * time)) * np.array([1.0, -0.5, 0.2])


def test_the_first_tick_holds_the_measured_posture():
    posture = np.array([0.3, -0.7, 1.9])
    loop = Loop(posture)
    assert np.array_equal(loop.commands[0].position, posture)
    assert not loop.commands[0].velocity.any()
    assert np.array_equal(loop.tick(100).position, posture)
    assert loop.controller.status().holding


def test_a_chunk_before_the_first_joint_state_is_refused():
    controller = JointController(ROBOT, JointControlConfig(), no_gravity)
    with pytest.raises(CommandError, match="no joint state was seen yet"):
        controller.on_chunk(chunk_of(ROBOT, np.zeros((16, 3)), 0.0), 0.0, 0.0)
    assert controller.status().refused == {"not_ready": 1}


def test_policy_motion_within_the_limits_is_followed_without_drift():
    loop = Loop()
    loop.play(wave, 700)
    error = [np.abs(c.position - wave(c.stamp)).max() for c in loop.commands]
    assert max(error[60:]) < 5e-4
    assert loop.controller.status().owner == "policy"


def test_the_command_carries_the_velocity_of_the_motion():
    loop = Loop()
    loop.play(wave, 300)
    command = loop.commands[-1]
    assert command.velocity == pytest.approx((wave(command.stamp) - wave(command.stamp - DT)) / DT, abs=0.01)


def test_a_chunk_that_arrives_60_ms_late_is_played_at_its_own_time():
    loop = Loop()
    waiting: list[tuple[int, np.ndarray, float]] = []
    for k in range(500):
        if k % 12 == 0:
            waiting.append((k + 15, np.array([wave(loop.now + 0.05 * i) for i in range(16)]), loop.now))
        while waiting and waiting[0][0] <= k:
            _, rows, stamp = waiting.pop(0)
            loop.chunk(rows, stamp)
        loop.tick()
    assert np.abs(loop.commands[-1].position - wave(loop.commands[-1].stamp)).max() < 5e-4
    status = loop.controller.status()
    assert status.latency_p50 == pytest.approx(0.06, abs=1e-6)
    assert status.starved_ticks == 0


def test_silence_means_hold_within_250_ms():
    loop = Loop()
    loop.play(lambda t: np.array([1.0, 0.5, -0.5]) * t, 125)
    assert np.abs(loop.commands[-1].velocity).max() > 0.9
    loop.tick(int(0.25 / DT) - 12)
    assert not loop.tick().velocity.any()
    held = loop.tick().position
    assert np.array_equal(loop.tick(200).position, held)
    assert loop.controller.status().holding


def test_starved_ticks_are_counted_when_the_same_task_goes_on():
    loop = Loop()
    loop.play(wave, 13)
    loop.tick(40)
    assert loop.controller.status().starved_ticks == 0
    loop.play(wave, 13)
    assert 10 <= loop.controller.status().starved_ticks <= 40


def test_the_end_of_a_task_is_no_starvation():
    loop = Loop()
    loop.play(wave, 13)
    loop.tick(40)
    loop.chunk(np.zeros((16, 3)), task_id=2)
    assert loop.controller.status().starved_ticks == 0


def test_resuming_after_a_halt_is_smooth():
    loop = Loop()
    loop.play(wave, 60)
    loop.tick(100)
    loop.play(wave, 300)  # limits are checked on every tick
    assert np.abs(loop.commands[-1].position - wave(loop.commands[-1].stamp)).max() < 5e-4


def test_a_chunk_far_away_does_not_yank():
    loop = Loop()
    loop.play(lambda t: np.array([1.5, -1.5, 1.0]), 800)
    fastest = max(np.abs(c.velocity).max() for c in loop.commands)
    assert fastest < 0.85
    assert np.allclose(loop.commands[-1].position, (1.5, -1.5, 1.0), atol=1e-3)


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
        ({"stamp": 0.6, "observation_stamp": 0.6}, "chunk is 0.416 s old; at most 0.300 s is allowed"),
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


def test_joints_a_chunk_does_not_name_keep_their_place():
    loop = Loop(np.array([0.1, 0.2, 0.3]))
    for _ in range(20):
        loop.chunk(np.full((16, 1), 0.5), names=("j1",))
        loop.tick(12)
    assert np.allclose(loop.commands[-1].position, (0.1, 0.5, 0.3), atol=1e-6)


def test_teleoperation_moves_named_joints_softly_and_stops_when_it_falls_silent():
    loop = Loop()
    for _ in range(60):
        loop.target(np.array([0.4]), ("j2",))
        loop.tick(5)
    assert np.allclose(loop.commands[-1].position, (0.0, 0.0, 0.4), atol=1e-3)
    loop.target(np.array([-1.5]), ("j2",))
    loop.tick(int(0.25 / DT))
    assert not loop.commands[-1].velocity.any()
    assert loop.commands[-1].position[2] > -1.0


def test_teleoperation_never_moves_faster_than_its_share_of_the_limits():
    loop = Loop()
    for _ in range(100):
        loop.target(np.full(3, 1.9))
        loop.tick(5)
    assert max(np.abs(c.velocity).max() for c in loop.commands) <= 2.0 * 1.05


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


def test_teleoperation_takes_over_from_the_policy_which_returns_without_a_yank():
    loop = Loop()
    loop.play(wave, 200)
    for _ in range(50):
        loop.target(np.array([1.0, 1.0, 1.0]))
        with pytest.raises(CommandError, match="policy command while teleop owns the robot"):
            loop.chunk(np.array([wave(loop.now + 0.05 * i) for i in range(16)]))
        loop.tick(5)
    assert np.allclose(loop.commands[-1].position, 1.0, atol=0.01)
    loop.tick(130)
    start = len(loop.commands)
    loop.play(lambda t: np.zeros(3), 500)
    assert max(np.abs(c.velocity).max() for c in loop.commands[start:]) < 0.85
    assert loop.refused == {"owner": 50}


def test_an_emergency_stop_brakes_at_once_and_only_a_reset_ends_it():
    loop = Loop()
    loop.play(lambda t: np.array([2.0, 0.0, 0.0]) * t, 100)
    loop.controller.emergency_stop(True)
    loop.tick(int(2.0 / 25.0 / DT) + 2)
    held = loop.tick().position
    assert not loop.commands[-1].velocity.any()
    with pytest.raises(CommandError, match="call emergency_stop/reset first"):
        loop.chunk(np.zeros((16, 3)))
    with pytest.raises(CommandError, match="call emergency_stop/reset first"):
        loop.target(np.zeros(3))
    loop.controller.emergency_stop(False)
    assert np.array_equal(loop.tick(200).position, held)
    assert loop.controller.status().owner == "emergency_stop"
    assert loop.controller.reset_emergency_stop()
    assert np.array_equal(loop.tick(100).position, held)
    assert loop.controller.status().owner == "none"


def test_a_chunk_decided_during_an_emergency_stop_stays_refused_after_the_reset():
    loop = Loop()
    loop.controller.emergency_stop(True)
    loop.controller.emergency_stop(False)
    loop.tick(200)
    decided = loop.now - 0.02
    assert loop.controller.reset_emergency_stop()
    with pytest.raises(CommandError, match="was decided before the controller began"):
        loop.chunk(np.ones((16, 3)), stamp=decided)
    loop.tick(2)
    loop.chunk(np.ones((16, 3)))


def test_a_restarted_controller_refuses_what_was_decided_before_and_holds():
    loop = Loop()
    loop.play(wave, 100)
    loop.robot.velocity[:] = 0.0
    loop.controller.restart()
    loop.commands.clear()
    held = loop.tick().position
    with pytest.raises(CommandError, match="was decided before the controller began"):
        loop.chunk(np.ones((16, 3)), stamp=loop.now - 0.05)
    assert np.array_equal(loop.tick(100).position, held)


@pytest.mark.parametrize("jump", [-10.0, 3600.0])
def test_a_jump_of_the_robots_clock_ends_all_motion(jump):
    """A clock set back or forward must not make an old chunk valid again."""
    loop = Loop()
    loop.play(wave, 100)
    loop.robot.velocity[:] = 0.0
    loop.now += jump
    loop.commands.clear()
    held = loop.tick().position
    assert np.array_equal(loop.tick(100).position, held)
    assert loop.controller.status().owner == "none"
    loop.play(lambda t: held, 30)


def test_a_robot_that_was_put_elsewhere_is_held_there():
    loop = Loop()
    loop.play(wave, 100)
    loop.robot.position, loop.robot.velocity = np.full(3, -1.9), np.zeros(3)
    loop.commands.clear()
    assert np.array_equal(loop.tick().position, np.full(3, -1.9))


def test_a_measurement_that_is_not_a_number_is_bridged_with_the_last_sound_one():
    loop = Loop(np.array([0.1, 0.2, 0.3]))
    bad = JointState(loop.now, np.full(3, np.nan), np.zeros(3), np.zeros(3))
    command = loop.controller.tick(loop.now, loop.now, bad)
    assert np.allclose(command.position, (0.1, 0.2, 0.3)) and np.isfinite(command.effort).all()
    assert loop.refused == {"not_ready": 1}


def test_without_a_sound_measurement_there_is_no_command():
    controller = JointController(ROBOT, JointControlConfig(), no_gravity)
    with pytest.raises(CommandError, match="not a finite number"):
        controller.tick(0.0, 0.0, JointState(0.0, np.full(3, np.nan), np.zeros(3), np.zeros(3)))


def test_without_fresh_joint_states_the_robot_is_held():
    loop = Loop()
    loop.play(lambda t: np.array([1.0, 0.0, 0.0]) * t, 100)
    frozen = loop.robot.state(loop.now)
    for _ in range(60):
        command = loop.controller.tick(loop.now, loop.now, frozen)
        loop.now += DT
    assert not command.velocity.any()


def test_gravity_compensation_is_the_feed_forward():
    loop = Loop(gravity=lambda q: np.array([5.0, -3.0, 99.0]))
    assert np.allclose(loop.tick().effort, (5.0, -3.0, 40.0))


def test_the_torque_never_exceeds_the_limit_when_a_joint_is_blocked():
    loop = Loop()
    blocked = at_rest(np.zeros(3))
    for k in range(300):
        if k % 12 == 0:
            loop.chunk(np.full((16, 3), 1.5), stamp=loop.now)
        command = loop.controller.tick(loop.now, loop.now, JointState(loop.now, *[np.zeros(3)] * 3))
        spring = command.kp * (command.position - blocked.position) + command.kd * command.velocity
        assert np.all(np.abs(spring + command.effort) <= 40.0 * EPS)
        loop.now += DT
    assert np.abs(command.position).max() <= 0.4 + 1e-6  # max_effort / kp: it does not wind up


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
other_events = st.tuples(st.sampled_from(["press", "lift", "reset", "release"]))
events = st.lists(
    st.tuples(st.one_of(chunk_events, chunk_events, target_events, other_events), st.integers(0, 40)),
    min_size=1,
    max_size=25,
)


def send(loop: Loop, event: tuple) -> None:
    if event[0] == "chunk":
        _, steps, values, joints, age = event
        rows = np.resize(np.array(values), (steps, max(len(joints), 1)))
        loop.chunk(rows, stamp=loop.now + age, names=joints)
    elif event[0] == "target":
        loop.target(np.array(event[2]), event[1])
    elif event[0] == "reset":
        loop.controller.reset_emergency_stop()
    elif event[0] == "release":
        loop.controller.release("teleop")
    else:
        loop.controller.emergency_stop(event[0] == "press")


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


def test_the_same_inputs_make_the_same_commands():
    runs = []
    for _ in range(2):
        loop = Loop()
        loop.play(wave, 200)
        loop.tick(50)
        runs.append(np.array([np.concatenate((c.position, c.velocity, c.effort)) for c in loop.commands]))
    assert np.array_equal(runs[0], runs[1])


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
