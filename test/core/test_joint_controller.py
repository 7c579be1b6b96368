"""The controller as a whole: what comes out is within limits, whatever goes in."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from controller_loop import DT, EPS, ROBOT, Loop, wave
from fakes import at_rest, chunk_of, no_gravity

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.joint_controller import JointControlConfig, JointController
from optimus_nodes.core.values import JointState


@pytest.mark.promise("P13")
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


@pytest.mark.promise("P1")
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


@pytest.mark.promise("P8")
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


@pytest.mark.promise("P8")
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


@pytest.mark.promise("P12")
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


@pytest.mark.promise("P1")
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


@pytest.mark.promise("P3")
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


def test_the_same_inputs_make_the_same_commands():
    runs = []
    for _ in range(2):
        loop = Loop()
        loop.play(wave, 200)
        loop.tick(50)
        runs.append(np.array([np.concatenate((c.position, c.velocity, c.effort)) for c in loop.commands]))
    assert np.array_equal(runs[0], runs[1])


def test_after_a_gap_in_the_joint_states_the_robot_is_held_where_it_is_found():
    """A simulator that restarted within a second was drawn back to the posture it had died in."""
    robot = ROBOT
    controller = JointController(robot, JointControlConfig(), no_gravity)
    zero = np.zeros(len(robot.joint_names))
    before = JointState(10.0, robot.home, zero, zero)
    for k in range(200):  # the controller goes on ticking without news of the joints
        controller.tick(10.0 + 0.004 * k, 10.0 + 0.004 * k, before)
    found = np.clip(robot.home + 0.1, robot.lower, robot.upper)
    command = controller.tick(10.8, 10.8, JointState(10.8, found, zero, zero))
    assert np.allclose(command.position, found)


@pytest.mark.promise("P11")
def test_a_loop_that_no_longer_keeps_time_holds_until_it_is_commanded_anew():
    loop = Loop()
    loop.play(wave, 100)
    loop.controller.on_overruns()
    assert loop.controller.owner == "none"
    loop.tick(40)
    held = loop.commands[-1].position
    assert np.array_equal(loop.tick(50).position, held)
    assert loop.controller.status().overrun_holds == 1
    loop.controller.on_overruns()
    assert loop.controller.status().overrun_holds == 1, "nobody had to be stopped"
    loop.play(wave, 50)
    assert loop.controller.owner == "policy"


@pytest.mark.promise("P12")
def test_a_loop_that_stood_still_begins_anew_though_robot_time_did_not_go_on():
    """The machine slept: what was commanded before is too old, whatever the robot's clock says."""
    loop = Loop()
    loop.play(wave, 250)
    assert loop.controller.owner == "policy"
    loop.controller.tick(loop.now, loop.now + 1.0, loop.robot.state(loop.now))
    assert loop.controller.owner == "none" and loop.controller.status().restarts == 2
    held = loop.controller.tick(loop.now + DT, loop.now + DT + 1.0, loop.robot.state(loop.now + DT))
    assert not held.velocity.any()


def test_one_joint_asked_for_the_impossible_does_not_keep_the_others_from_moving():
    loop = Loop()
    rows = np.tile((0.5, -0.5, 1e6), (16, 1))
    for _ in range(100):
        loop.chunk(rows)
        loop.tick(12)
    assert np.allclose(loop.commands[-1].position, (0.5, -0.5, 2.0), atol=0.01)


def test_a_planner_that_hangs_in_the_middle_of_a_task_ends_it_although_the_policy_goes_on():
    loop = Loop()

    def play(ticks: int, repeated: bool) -> None:
        for k in range(ticks):
            if k % 12 == 0:
                if repeated:
                    loop.controller.on_task(2, "wave", loop.now)
                with contextlib.suppress(CommandError):
                    loop.chunk(np.array([wave(loop.now + 0.05 * i) for i in range(16)]), task_id=2)
            loop.tick()

    loop.controller.on_task(1, "", loop.now)
    play(250, repeated=True)
    assert np.abs(loop.commands[-1].velocity).max() > 0.1
    play(250, repeated=False)
    assert loop.commands[-1].velocity == pytest.approx(0.0)
    assert loop.refused["owner"] > 0
