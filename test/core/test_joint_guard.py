"""Limits hold at the output, whatever is asked, at whatever pace."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

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
lengths = st.floats(0.001, 0.02) | st.floats(0.0002, 0.1)
steps = st.lists(st.tuples(targets, speeds, lengths, st.integers(1, 30)), min_size=1, max_size=12)
pushes = st.sampled_from([0.0005, 0.004, 0.025, 0.1])


class Checked:
    """A guard whose every step is checked by finite differences of the posture."""

    def __init__(self, push_time: float = 0.004) -> None:
        self.robot = replace(ROBOT, max_jerk=ROBOT.max_acceleration / push_time)
        self.guard = JointGuard(self.robot)
        self.guard.restart(np.zeros(3))
        self.last = np.zeros((3, 3))  # position, velocity, acceleration
        self.last_dt: float | None = None

    def step(self, target: np.ndarray, speed: np.ndarray, dt: float) -> None:
        self.check(self.guard.step(target, speed, dt), dt)

    def stop(self, dt: float) -> None:
        self.check(self.guard.stop(dt), dt)

    def check(self, position: np.ndarray, dt: float) -> None:
        robot = self.robot
        velocity = (position - self.last[0]) / dt
        acceleration = (velocity - self.last[1]) / dt
        assert np.all(np.abs(velocity) <= robot.max_velocity * WITHIN + 1e-9)
        assert np.all(np.abs(acceleration) <= robot.max_acceleration * WITHIN + 1e-12 / dt**2)
        if self.last_dt is not None:
            jerk = (acceleration - self.last[2]) / (0.5 * (dt + self.last_dt))
            assert np.all(np.abs(jerk) <= robot.max_jerk * WITHIN + 1e-11 / min(dt, self.last_dt) ** 3)
        assert np.all(position <= robot.upper + 1e-12) and np.all(position >= robot.lower - 1e-12)
        self.last, self.last_dt = np.array([position, velocity, acceleration]), dt


def run(checked: Checked, moves: list[tuple[np.ndarray, np.ndarray, float, int]]) -> None:
    for target, speed, dt, times in moves:
        for _ in range(times):
            checked.step(target, speed, dt)


@settings(max_examples=50, deadline=None)
@given(steps, pushes)
def test_position_velocity_acceleration_and_jerk_limits_hold_for_any_targets(moves, push_time):
    run(Checked(push_time), moves)


@pytest.mark.promise("P4")
@settings(max_examples=50, deadline=None)
@given(steps, lengths, pushes)
def test_from_every_state_the_robot_can_stop_before_its_position_limits(moves, dt, push_time):
    checked = Checked(push_time)
    run(checked, moves)
    left = int(2.0 / dt) + 2
    while checked.guard.velocity.any():
        checked.stop(dt)
        left -= 1
        assert left, "it does not come to rest"


@settings(max_examples=50, deadline=None)
@given(steps, st.integers(1, 20), lengths)
def test_a_stop_may_be_broken_off_at_any_moment(moves, stops, dt):
    checked = Checked()
    for move in moves:
        run(checked, [move])
        for _ in range(stops):
            checked.stop(dt)


@pytest.mark.parametrize(("dt", "push_time"), [(0.002, 0.004), (0.004, 0.004), (0.004, 0.025), (0.02, 0.002)])
def test_many_joints_at_once_never_leave_their_limits_nor_get_stuck(dt, push_time):
    rng = np.random.default_rng(int(1e4 * (dt + push_time)))
    robot = fake_robot(200)
    robot = replace(robot, max_jerk=robot.max_acceleration / push_time)
    guard = JointGuard(robot)
    guard.restart(rng.uniform(-2.0, 2.0, 200))
    for _ in range(10):
        goal = rng.choice([-2.0, -1.9, 0.0, 0.001, 2.0, 3.0], 200)
        for _ in range(rng.integers(1, int(0.5 / dt))):
            guard.step(goal, np.zeros(200), dt)
            assert np.abs(guard.position).max() <= 2.0 + 1e-12
    for _ in range(int(3.0 / dt)):
        guard.step(goal, np.zeros(200), dt)
    assert np.abs(guard.position - np.clip(goal, -2.0, 2.0)).max() < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_limits_hold_for_many_joints_at_every_pace(seed):
    """Random targets, among them the limits themselves, steps of 0.2 to 100 ms, stops broken off at any moment."""
    rng, joints = np.random.default_rng(seed), 500
    robot = fake_robot(joints)
    robot = replace(robot, max_jerk=robot.max_acceleration / rng.choice([0.0005, 0.004, 0.01, 0.025, 0.1], joints))
    guard = JointGuard(robot)
    guard.restart(np.zeros(joints))
    target, speed, acceleration, last_dt, stops = np.zeros(joints), np.zeros(joints), np.zeros(joints), 0.0, 0
    for step in range(2500):
        if step % 100 == 0:
            base, wild = rng.choice([0.0005, 0.002, 0.004, 0.01, 0.03, 0.1]), rng.random() < 0.5
        dt = float(np.exp(rng.uniform(np.log(2e-4), np.log(0.1)))) if wild else base
        new = rng.random(joints) < 0.1
        somewhere = rng.choice([-4.0, -2.0, 0.0, 1.9, 2.0, 4.0], joints) + rng.normal(0.0, 0.2, joints)
        target = np.where(new, somewhere, target)
        speed = np.where(new, rng.normal(0.0, 10.0, joints) * (rng.random(joints) < 0.5), speed)
        stops = int(rng.integers(1, 30)) if rng.random() < 0.02 else stops - 1
        position, velocity = guard.position, guard.velocity
        if stops > 0:
            guard.stop(dt)
        else:
            guard.step(target, speed, dt)
        assert np.abs(guard.position).max() <= 2.0 + 1e-12
        assert np.allclose((guard.position - position) / dt, guard.velocity, atol=1e-9)
        assert np.abs(guard.velocity).max() <= 4.0 * WITHIN
        now = (guard.velocity - velocity) / dt
        assert np.abs(now).max() <= 25.0 * WITHIN
        if last_dt:
            jerk = (now - acceleration) / (0.5 * (dt + last_dt))
            assert np.max(np.abs(jerk) / robot.max_jerk) <= WITHIN
        acceleration, last_dt = now, dt


def test_a_smooth_target_within_the_limits_is_followed_exactly():
    guard = JointGuard(ROBOT)
    path = [np.full(3, 0.5 * (1.0 - np.cos(3.0 * k * 0.004))) for k in range(600)]
    guard.restart(path[0])
    for before, target in itertools.pairwise(path):
        guard.step(target, (target - before) / 0.004, 0.004)
        assert np.abs(guard.position - target).max() < 1e-12


@pytest.mark.parametrize("dt", [0.001, 0.004, 0.02])
def test_a_far_target_is_reached_without_overshoot(dt):
    robot = fake_robot(4)
    guard = JointGuard(robot)
    guard.restart(np.zeros(4))
    goal = np.array([1.5, -1.0, 0.03, 0.001])
    for _ in range(int(1.6 / dt)):
        guard.step(goal, np.zeros(4), dt)
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


@pytest.mark.promise("P4")
def test_a_joint_that_was_pushed_too_fast_is_braked_from_the_fastest_it_may_be():
    guard = JointGuard(ROBOT)
    guard.restart(np.zeros(3), np.array([9.0, -9.0, 1.0]))
    assert np.array_equal(guard.velocity, (4.0, -4.0, 1.0))
    last = guard.velocity
    while guard.velocity.any():
        guard.stop(0.004)
        assert np.all(np.abs(guard.velocity - last) <= ROBOT.max_acceleration * 0.004 * WITHIN)
        last = guard.velocity


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
    assert np.median(costs) < 400e-6  # 130 us alone; three times that on a busy test machine
