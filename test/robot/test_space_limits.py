"""The robot does not hit itself, its hands stay where they may be and are no faster than they may be.

Distances are checked by MuJoCo: the limits themselves look with coal, through pinocchio.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import mujoco
import numpy as np
import pytest
from conftest import KEEP_ALL

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.joint_guard import JointGuard
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.space_limits import SpaceConfig, SpaceLimits
from optimus_nodes.core.values import Array
from optimus_nodes.robot.body_clearance import BodyClearance
from optimus_nodes.robot.load import load_robot

pytestmark = pytest.mark.promise("P5")

ANYWHERE = 10.0  # m: further than any two links are apart
HALT = SpaceConfig().halt_distance


class Oracle:
    """The distance of the nearest two watched links, by MuJoCo."""

    def __init__(self, robot: RobotSpec, urdf: str, body: BodyClearance) -> None:
        self._model = mujoco.MjModel.from_xml_string(urdf.replace("</robot>", KEEP_ALL + "</robot>"))
        self._data = mujoco.MjData(self._model)
        self._at = [self._model.joint(name).qposadr[0] for name in robot.joint_names]
        watched = {frozenset(body.names(pair)) for pair in body.look(robot.home, ANYWHERE).pairs}
        solid = [g for g in range(self._model.ngeom) if self._model.geom_contype[g]]
        links = {g: self._model.body(int(self._model.geom_bodyid[g])).name for g in solid}
        self.pairs = [(g, h) for g in solid for h in solid if g < h and frozenset((links[g], links[h])) in watched]

    def __call__(self, position: Array) -> float:
        self._data.qpos[self._at] = position
        mujoco.mj_kinematics(self._model, self._data)
        return min(mujoco.mj_geomDistance(self._model, self._data, g, h, 0.1, None) for g, h in self.pairs)


ROBOT, URDF = load_robot("optimus")


@pytest.fixture(scope="module")
def body() -> BodyClearance:
    return BodyClearance(ROBOT, URDF)


@pytest.fixture(scope="module")
def oracle(body: BodyClearance) -> Oracle:
    return Oracle(ROBOT, URDF, body)


def guarded(body: BodyClearance, **config: object) -> tuple[JointGuard, SpaceLimits]:
    space = SpaceLimits(SpaceConfig(**config), body, ROBOT.max_acceleration)
    return JointGuard(ROBOT, space=space), space


def wander(guard: JointGuard, seed: int, goals: int, dt: float = 0.004) -> Iterator[Array]:
    """Postures on the way to random goals of the upper body: at once, as in teleoperation, and along a path."""
    rng = np.random.default_rng(seed)
    free, still = ROBOT.group("upper_body"), np.zeros(len(ROBOT.joint_names))
    for number in range(goals):
        goal = ROBOT.home.copy()
        goal[free] = rng.uniform(ROBOT.lower[free], ROBOT.upper[free])
        for _ in range(int(rng.uniform(0.3, 1.0) / dt)):
            if number % 3 == 0:
                yield guard.step(goal, still, dt)
            elif number % 3 == 1:
                yield guard.approach(goal, dt, 20.0, 0.5 * ROBOT.max_velocity)
            else:
                speed = np.clip(3.0 * (goal - guard.position), -2.0, 2.0)
                yield guard.step(guard.position + speed * dt, speed, dt)
        for _ in range(10):
            yield guard.stop(dt)


def touches_itself(robot: RobotSpec) -> Array:
    """A goal whose way leads the upper arms through the torso."""
    goal = robot.home.copy()
    for name in ("left_shoulder_roll_joint", "right_shoulder_roll_joint"):
        goal[robot.joint_names.index(name)] = -0.5
    return goal


@pytest.mark.parametrize(("seed", "dt", "ahead"), [(0, 0.004, False), (1, 0.004, True), (2, 0.001, True)])
def test_the_robot_comes_no_nearer_to_itself_than_it_may(
    body: BodyClearance, oracle: Oracle, seed: int, dt: float, ahead: bool
) -> None:
    assert len(oracle.pairs) > 2000
    guard, space = guarded(body)
    slowed, least = 0, np.inf
    for k, position in enumerate(wander(guard, seed, 9, dt)):
        slowed += bool(space.slowed_by)
        if k % 8 == 0:
            least = min(least, oracle(position))
        if ahead:
            guard.look_ahead()
    assert slowed > 50, "nothing of this was a test"
    assert least > HALT - 0.001  # 5 m/s were asked of a hand


def test_without_the_limit_the_same_motion_hits(body: BodyClearance, oracle: Oracle) -> None:
    guard = JointGuard(ROBOT)
    assert min(oracle(q) for k, q in enumerate(wander(guard, 0, goals=9)) if k % 8 == 0) < 0.0


def test_it_halts_softly_where_it_may_be_at_most_and_goes_away_freely(body: BodyClearance, oracle: Oracle) -> None:
    guard, space = guarded(body)
    goal, still = touches_itself(ROBOT), np.zeros(len(ROBOT.joint_names))
    for _ in range(500):
        guard.step(goal, still, 0.004)
    assert HALT - 1e-3 < oracle(guard.position) < HALT + 1e-3
    assert np.abs(guard.velocity).max() < 1e-3
    assert "torso and" in space.slowed_by and "0.5 cm apart" in space.slowed_by
    guard.stop(0.004)
    assert not space.slowed_by
    for _ in range(500):
        guard.step(ROBOT.home, still, 0.004)
    assert np.abs(guard.position - ROBOT.home).max() < 1e-3 and not space.slowed_by


def test_who_begins_too_near_may_only_leave(body: BodyClearance, oracle: Oracle) -> None:
    guard, _ = guarded(body)
    goal, still = touches_itself(ROBOT), np.zeros(len(ROBOT.joint_names))
    inside = goal.copy()
    while oracle(inside) < 0.4 * HALT:
        inside += 0.01 * (ROBOT.home - inside)
    began = oracle(inside)
    assert began < HALT
    guard.restart(inside)
    for _ in range(100):
        guard.step(goal, still, 0.004)
    assert oracle(guard.position) > began - 1e-4
    for _ in range(500):
        guard.step(ROBOT.home, still, 0.004)
    assert np.abs(guard.position - ROBOT.home).max() < 1e-3


def test_who_brakes_too_late_for_one_gap_does_not_stop_everything(body: BodyClearance) -> None:
    """Where braking alone takes all that is left, only those joints are told to stop that make the gap smaller."""
    guard, space = guarded(body)
    goal = touches_itself(ROBOT)
    left, neck = (ROBOT.joint_names.index(name) for name in ("left_shoulder_roll_joint", "neck_yaw_joint"))
    guard.restart(ROBOT.home - 0.15 * (ROBOT.home - goal), 2.0 * np.sign(goal - ROBOT.home))
    wanted = guard.velocity.copy()
    wanted[neck] = 1.0
    share = space.share(guard.position, guard.velocity, wanted, 0.004)
    assert space.slowed_by and share[left] == 0.0 and share[neck] == 1.0


def test_one_arm_that_has_to_wait_does_not_hold_up_the_other(body: BodyClearance) -> None:
    guard, _ = guarded(body)
    goal, still = touches_itself(ROBOT), np.zeros(len(ROBOT.joint_names))
    left, right = (ROBOT.joint_names.index(f"{side}_shoulder_roll_joint") for side in ("left", "right"))
    goal[right] = 0.6
    for _ in range(500):
        guard.step(goal, still, 0.004)
    assert abs(guard.position[right] - 0.6) < 1e-3 and guard.position[left] > -0.4


class Counted(BodyClearance):
    """Counts the postures that were looked at."""

    looks = 0

    def stand(self, position: Array, motion: Array) -> None:
        self.looks += 1
        super().stand(position, motion)


def test_it_looks_250_times_a_second_and_between_ticks_where_it_can() -> None:
    counted, still = Counted(ROBOT, URDF), np.zeros(len(ROBOT.joint_names))
    goal = ROBOT.home + 0.1
    for dt, times in ((0.001, 25), (0.004, 100)):
        guard, _ = guarded(counted)
        before = counted.looks
        for _ in range(100):
            guard.approach(goal, dt, 2.0, 0.1 * ROBOT.max_velocity)
        assert counted.looks - before == pytest.approx(times, abs=2)
    guard, _ = guarded(counted)
    for _ in range(100):
        guard.look_ahead()
        before = counted.looks
        guard.approach(goal, 0.004, 2.0, 0.02 * ROBOT.max_velocity)
    assert counted.looks == before, "what a step needs had been seen before it"
    guard.stop(0.004)
    guard.look_ahead()
    assert counted.looks == before, "there is nothing to look ahead to"
    guard.approach(ROBOT.home, 0.004, 2.0, still + 0.01)
    assert counted.looks == before + 1


def test_it_does_not_look_where_nothing_is_limited() -> None:
    counted, still = Counted(ROBOT, URDF), np.zeros(len(ROBOT.joint_names))
    guard, _ = guarded(counted, halt_distance=0.0)
    before = counted.looks
    guard.step(touches_itself(ROBOT), still, 0.004)
    assert counted.looks == before


def test_far_from_everything_no_motion_is_changed(body: BodyClearance) -> None:
    guard, space = guarded(body)
    free = JointGuard(ROBOT)
    goal, still = ROBOT.home.copy(), np.zeros(len(ROBOT.joint_names))
    goal[ROBOT.group("hands")] += 0.1
    goal[ROBOT.joint_names.index("neck_yaw_joint")] = 0.5
    for _ in range(100):
        assert np.array_equal(guard.step(goal, still, 0.004), free.step(goal, still, 0.004))
        assert not space.slowed_by


def test_hands_stay_in_their_box(body: BodyClearance) -> None:
    low, high = (-0.1, -0.55, -0.15), (0.55, 0.55, 0.45)
    guard, space = guarded(body, box=(*low, *high))
    said = set()
    for position in wander(guard, 3, goals=9):
        body.look(position, 0.0)
        places, _ = body.hand_motions()
        assert np.all(places > np.array(low) - 0.02) and np.all(places < np.array(high) + 0.02)
        said.add(space.slowed_by)
    assert any("_grasp_frame is at the" in reason for reason in said)


def hand_speeds(body: BodyClearance, postures: Iterator[Array]) -> Iterator[float]:
    """How fast the faster hand moves on the way to each posture but the first, m/s."""
    before = None
    for position in postures:
        body.look(position, 0.0)
        places, _ = body.hand_motions()
        if before is not None:
            yield float(np.linalg.norm(places - before, axis=1).max()) / 0.004
        before = places


def test_hands_are_no_faster_than_they_may_be(body: BodyClearance) -> None:
    guard, space = guarded(body, hand_speed=0.25)
    fastest, said = 0.0, set()
    for speed in hand_speeds(body, wander(guard, 4, goals=6)):
        fastest = max(fastest, speed)
        said.add(space.slowed_by)
    assert 0.1 < fastest < 0.255
    assert any("may not be faster" in reason for reason in said)


def test_a_step_that_makes_a_hand_too_fast_is_not_taken_whatever_was_planned(
    body: BodyClearance, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, space = guarded(body, hand_speed=0.25)
    plan = space.share
    monkeypatch.setattr(space, "share", lambda *given: np.ones_like(plan(*given)))
    fastest = max(hand_speeds(body, wander(guard, 4, goals=2)))
    assert 0.1 < fastest < 0.35, "it would be 3 m/s"  # its acceleration ends no sooner than its jerk lets it


def test_what_is_near_changes_as_it_says(body: BodyClearance) -> None:
    """Gradients against finite differences, at random postures."""
    rng, step = np.random.default_rng(5), 1e-4
    for _ in range(5):
        position = rng.uniform(ROBOT.lower, ROBOT.upper)
        way = rng.normal(size=len(position))
        here = body.look(position, 0.2)
        places, velocities = body.hand_motions()
        there = body.look(position + step * way, 0.25)
        later = dict(zip(there.pairs, there.distances))
        for pair, distance, gradient in zip(here.pairs, here.distances, here.gradients):
            if distance > 1e-3:
                assert (later[pair] - distance) / step == pytest.approx(gradient @ way, abs=0.05)
        assert np.allclose((body.hand_motions()[0] - places) / step, velocities @ way, atol=1e-2)


def test_no_pair_is_overlooked_that_motions_bring_together(body: BodyClearance) -> None:
    """What is not looked at closer must stay away: `nearest` against all pairs, after two random motions."""
    rng = np.random.default_rng(6)
    for _ in range(20):
        position = rng.uniform(ROBOT.lower, ROBOT.upper)
        first, second = 0.03 * rng.normal(size=(2, len(position)))
        everything = body.look(position, ANYWHERE)
        after = everything.distances + everything.gradients @ (first + second)
        body.stand(position, first)
        seen: list[int] = []
        while more := body.nearest(second, HALT, 7).pairs:
            assert len(more) <= 7
            seen += more
        assert len(seen) == len(set(seen))
        for pair, distance in zip(everything.pairs, after):
            assert distance > HALT - 1e-9 or pair in seen


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"halt_distance": -0.01}, r"space.halt_distance is -0.01; it must be 0 or more"),
        ({"hand_speed": float("nan")}, r"space.hand_speed is nan; it must be 0 or more"),
        ({"box": (0.0, 0.0, 0.0)}, r"space.box is \[0.0, 0.0, 0.0\]; it must be x y z at least, then x y z at most"),
        ({"box": (0.0, 0.0, 0.0, 1.0, -1.0, 1.0)}, r"it must be x y z at least, then x y z at most"),
    ],
)
def test_values_that_make_no_sense_are_refused(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SpaceConfig(**config)


def test_a_box_for_a_robot_without_hands_is_refused(body: BodyClearance) -> None:
    handless = BodyClearance(ROBOT, URDF.replace("_grasp_frame", "_other_frame"))
    with pytest.raises(ConfigError, match="space.box and space.hand_speed need a link left_grasp_frame"):
        SpaceLimits(SpaceConfig(hand_speed=0.25), handless, ROBOT.max_acceleration)


def test_a_mesh_that_is_nowhere_is_refused() -> None:
    mesh = '<mesh filename="package://nowhere/ball.stl" />'
    broken = re.sub(r"(<collision>.*?)<(box|cylinder|sphere) [^>]*/>", rf"\1{mesh}", URDF, count=1, flags=re.DOTALL)
    assert mesh in broken
    with pytest.raises(ConfigError, match="a collision shape of optimus cannot be used: .*optimus new-robot. makes"):
        BodyClearance(ROBOT, broken)


def test_a_urdf_of_another_robot_is_refused() -> None:
    with pytest.raises(ConfigError, match="optimus has 72 joints"):
        BodyClearance(ROBOT, URDF.replace("neck_yaw_joint", "neck_turn_joint"))
