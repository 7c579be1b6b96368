"""Inverse kinematics on the real robot: goals are met, limits hold, and no arm ever touches the rest of the robot."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.robot.arm_ik import ArmIK
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.model import compile_model

SIDES = ("left", "right")


@pytest.fixture(scope="module")
def robot() -> RobotSpec:
    return load_robot("optimus")[0]


@pytest.fixture(scope="module")
def urdf() -> str:
    return load_robot("optimus")[1]


@pytest.fixture(scope="module")
def arms(robot: RobotSpec, urdf: str) -> dict[str, ArmIK]:
    return {side: ArmIK(robot, urdf, side) for side in SIDES}


class Touch:
    """The simulator's own view of which links of the robot touch, independent of the solver's model and pairs."""

    def __init__(self, robot: RobotSpec, urdf: str) -> None:
        self._model = compile_model(robot, urdf, None)
        self._data = mujoco.MjData(self._model)
        self._order = [self._model.joint(name).qposadr[0] for name in robot.joint_names]

    def __call__(self, q: np.ndarray) -> list[tuple[str, str]]:
        self._data.qpos[self._order] = q
        mujoco.mj_forward(self._model, self._data)
        bodies = self._model.geom_bodyid[self._data.contact.geom[self._data.contact.dist < 0.0]]
        return [(self._model.body(a).name, self._model.body(b).name) for a, b in bodies]


@pytest.fixture(scope="module")
def touch(robot: RobotSpec, urdf: str) -> Touch:
    return Touch(robot, urdf)


def with_arm(q: np.ndarray, arm: ArmIK, positions: np.ndarray) -> np.ndarray:
    q = q.copy()
    q[arm.arm] = positions
    return q


def in_front_of(robot: RobotSpec, arm: ArmIK, point: tuple[float, ...]) -> np.ndarray:
    goal = arm.pose(robot.home)
    goal[:3, 3] = point
    return goal


@pytest.mark.parametrize("side", SIDES)
def test_two_hundred_reachable_poses_are_met_within_two_millimetres(robot, arms, touch, side):
    arm, random, met = arms[side], np.random.default_rng(7), 0
    low, high = robot.lower[arm.arm] + 0.02, robot.upper[arm.arm] - 0.02
    while met < 200:
        wished = np.clip(robot.home[arm.arm] + random.uniform(-0.8, 0.8, 6), low, high)
        goal = arm.pose(with_arm(robot.home, arm, wished))
        if arm.solve(goal, with_arm(robot.home, arm, wished), iterations=0).clearance < 0.02:
            continue  # a goal that itself lies too near to the robot
        posture = arm.solve(goal, robot.home)
        q = with_arm(robot.home, arm, posture.positions)
        assert np.all(posture.positions >= robot.lower[arm.arm]) and np.all(posture.positions <= robot.upper[arm.arm])
        assert posture.distance <= 2e-3
        assert np.linalg.norm(arm.pose(q)[:3, 3] - goal[:3, 3]) == pytest.approx(posture.distance, abs=1e-6)
        assert touch(q) == []
        met += 1


PLACES = {"torso": (0.0, 0.0, 0.3), "head": (0.02, 0.0, 0.6), "pelvis": (0.0, 0.0, 0.0), "thigh": (0.0, 0.1, -0.3)}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("place", [*PLACES, "other hand"])
def test_a_goal_inside_the_robot_is_missed_without_touching_it_anywhere_on_the_way(robot, arms, touch, side, place):
    arm, other, random = arms[side], arms[SIDES[1 - SIDES.index(side)]], np.random.default_rng(11)
    centre = np.array(PLACES.get(place, other.pose(robot.home)[:3, 3]))
    for _ in range(5):
        goal = in_front_of(robot, arm, centre + random.normal(0.0, 0.02, 3))
        posture = arm.solve(goal, robot.home)
        for step in posture.way:
            assert touch(with_arm(robot.home, arm, step)) == []
        reached = arm.pose(with_arm(robot.home, arm, posture.positions))
        assert posture.distance > 0.05
        assert np.linalg.norm(reached[:3, 3] - goal[:3, 3]) == pytest.approx(posture.distance, abs=1e-6)
        assert posture.clearance >= 0.0099


def test_a_stream_of_goals_that_leads_into_the_other_hand_stops_before_it(robot, arms, touch):
    arm, q = arms["left"], robot.home.copy()
    begin, end = arm.pose(q)[:3, 3], arms["right"].pose(robot.home)[:3, 3]
    for share in np.linspace(0.0, 1.0, 60):
        posture = arm.solve(in_front_of(robot, arm, begin + share * (end - begin)), q)
        q = with_arm(q, arm, posture.positions)
        assert touch(q) == []
    assert posture.distance > 0.05


def test_only_the_joints_of_the_arm_move_and_the_way_has_short_steps(robot, arms):
    arm = arms["left"]
    assert arm.names == robot.groups["left_arm"]
    posture = arm.solve(in_front_of(robot, arm, (0.3, 0.3, 0.3)), robot.home)
    assert posture.way.shape[1] == 6
    assert np.array_equal(posture.way[-1], posture.positions)
    assert np.abs(np.diff(posture.way, axis=0)).max() <= 0.2 + 1e-6


def test_an_arm_found_in_touch_with_the_robot_still_gets_away_from_it(robot, arms, touch):
    arm = arms["left"]
    against = robot.home.copy()
    for roll in np.linspace(0.0, -1.5, 60):
        against[arm.arm[1]] = max(roll, robot.lower[arm.arm[1]])
        if arm.solve(np.eye(4), against, iterations=0).clearance < 0.004:
            break
    goal = arm.pose(robot.home)
    before = arm.solve(goal, against, iterations=0).clearance
    posture = arm.solve(goal, against)
    assert before < 0.01
    assert posture.distance < 2e-3
    assert posture.clearance > before


def test_a_pose_out_of_reach_is_approached_and_the_miss_is_told(robot, arms):
    goal = arms["left"].pose(robot.home)
    goal[0, 3] += 2.0
    posture = arms["left"].solve(goal, robot.home)
    assert np.isfinite(posture.positions).all()
    assert 1.0 < posture.distance < 2.0


def test_the_left_and_the_right_arm_are_mirror_images(robot, arms):
    left, right = arms["left"].pose(robot.home)[:3, 3], arms["right"].pose(robot.home)[:3, 3]
    assert left * (1, -1, 1) == pytest.approx(right, abs=1e-6)


def test_a_robot_without_the_hand_is_refused(robot, urdf):
    with pytest.raises(ConfigError, match="has no link 'middle_grasp_frame'"):
        ArmIK(robot, urdf, "middle")


def test_a_description_that_cannot_be_read_is_refused(robot):
    with pytest.raises(ConfigError, match="MuJoCo cannot read the URDF of optimus"):
        ArmIK(robot, "<robot><link></robot>", "left")
