"""Limits hold at the output, whatever is asked, at whatever pace."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from fakes import fake_robot
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_nodes.core.joint_guard import JointGuard

pytestmark = pytest.mark.promise("P3")

ROBOT = fake_robot(3)
WITHIN = 1.0 + 1e-6
targets = st.lists(st.floats(-4.0, 4.0), min_size=3, max_size=3).map(np.array)
speeds = st.lists(st.floats(-50.0, 50.0), min_size=3, max_size=3).map(np.array)
steps = st.lists(st.tuples(targets, speeds, st.floats(0.001, 0.02), st.integers(1, 30)), min_size=1, max_size=12)


def run(guard: JointGuard, moves: list[tuple[np.ndarray, np.ndarray, float, int]]) -> None:
    """Carry out moves and check each step by finite differences of the posture."""
    velocity = guard.velocity
    for target, speed, dt, times in moves:
        for _ in range(times):
            before = guard.position
            after = guard.step(target, speed, dt)
            new = (after - before) / dt
            assert np.all(np.abs(new) <= ROBOT.max_velocity * WITHIN + 1e-9)
            assert np.all(np.abs(new - velocity) <= ROBOT.max_acceleration * dt * WITHIN + 1e-9)
            assert np.all(after <= ROBOT.upper + 1e-12) and np.all(after >= ROBOT.lower - 1e-12)
            velocity = new


@settings(max_examples=150, deadline=None)
@given(steps)
def test_position_velocity_and_acceleration_limits_hold_for_any_targets(moves):
    guard = JointGuard(ROBOT)
    guard.restart(np.zeros(3))
    run(guard, moves)


@pytest.mark.promise("P4")
@settings(max_examples=150, deadline=None)
@given(steps, st.floats(0.001, 0.02))
def test_from_every_state_the_robot_can_stop_before_its_position_limits(moves, dt):
    guard = JointGuard(ROBOT)
    guard.restart(np.zeros(3))
    run(guard, moves)
    for _ in range(2000):
        guard.stop(dt)
        assert np.all(guard.position <= ROBOT.upper + 1e-12) and np.all(guard.position >= ROBOT.lower - 1e-12)
    assert not guard.velocity.any()


def test_a_smooth_target_within_the_limits_is_followed_exactly():
    guard = JointGuard(ROBOT)
    path = [np.full(3, 0.5 * (1.0 - np.cos(3.0 * k * 0.004))) for k in range(600)]
    guard.restart(path[0])
    for before, target in itertools.pairwise(path):
        guard.step(target, (target - before) / 0.004, 0.004)
        assert np.abs(guard.position - target).max() < 1e-12


def test_a_far_target_is_reached_without_overshoot():
    guard = JointGuard(ROBOT)
    guard.restart(np.zeros(3))
    goal = np.array([1.5, -1.0, 0.001])
    for _ in range(400):
        guard.step(goal, np.zeros(3), 0.004)
        assert np.all(np.abs(guard.position) <= np.abs(goal) + 1e-9)
    assert np.abs(guard.position - goal).max() < 1e-9


@pytest.mark.promise("P4")
def test_a_start_outside_the_limits_is_only_left_inwards():
    guard = JointGuard(ROBOT)
    guard.restart(np.array([2.3, -2.3, 0.0]))
    last = guard.position
    for _ in range(300):
        guard.step(np.array([5.0, -5.0, 0.0]), np.zeros(3), 0.004)
        assert guard.position[0] <= last[0] and guard.position[1] >= last[1]
        last = guard.position
    assert np.allclose(last, (2.0, -2.0, 0.0), atol=1e-6)


def test_a_target_that_stands_beyond_a_limit_is_approached_up_to_the_limit():
    guard = JointGuard(ROBOT)
    guard.restart(np.zeros(3))
    for _ in range(500):
        guard.step(np.full(3, 9.0), np.zeros(3), 0.004)
    assert np.allclose(guard.position, 2.0, atol=1e-6)


def test_scales_lower_the_limits():
    guard = JointGuard(ROBOT, velocity_scale=0.25, acceleration_scale=0.5)
    guard.restart(np.zeros(3))
    fastest = 0.0
    for _ in range(200):
        guard.step(np.full(3, 1.5), np.zeros(3), 0.004)
        fastest = max(fastest, float(guard.velocity.max()))
    assert fastest == pytest.approx(0.25 * 4.0)


@pytest.mark.alone
def test_one_step_for_72_joints_costs_microseconds():
    robot = fake_robot(72)
    guard = JointGuard(robot)
    target, still = np.full(72, 1.0), np.zeros(72)
    costs = []
    for _ in range(500):
        start = time.perf_counter()
        guard.step(target, still, 0.004)
        costs.append(time.perf_counter() - start)
    assert np.median(costs) < 400e-6  # 30 us alone; ten times that on a busy test machine
