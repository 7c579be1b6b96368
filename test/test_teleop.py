"""Inverse kinematics on the real robot, and what an operator's poses and keys become."""

from __future__ import annotations

import numpy as np
import pytest

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.robot.arm_ik import ArmIK
from optimus_nodes.robot.load import load_robot
from optimus_nodes.teleop.session import SIDES, TeleopSession, Wish


@pytest.fixture(scope="module")
def robot() -> RobotSpec:
    return load_robot("optimus")[0]


@pytest.fixture(scope="module")
def arms(robot: RobotSpec) -> dict[str, ArmIK]:
    urdf = load_robot("optimus")[1]
    return {side: ArmIK(robot, urdf, side) for side in SIDES}


@pytest.fixture
def session(robot: RobotSpec, arms: dict[str, ArmIK]) -> TeleopSession:
    made = TeleopSession(robot, arms)
    made.on_state(robot.home)
    return made


def with_arm(robot: RobotSpec, arm: ArmIK, positions: np.ndarray) -> np.ndarray:
    q = robot.home.copy()
    q[arm.arm] = positions
    return q


@pytest.mark.parametrize("side", SIDES)
def test_poses_the_arm_can_take_are_found_within_a_tenth_of_a_millimetre(robot, arms, side):
    arm, random = arms[side], np.random.default_rng(7)
    solved = 0
    for _ in range(40):
        near = robot.home[arm.arm] + random.uniform(-0.4, 0.4, 6)
        wished = np.clip(near, robot.lower[arm.arm] + 0.05, robot.upper[arm.arm] - 0.05)
        posture = arm.solve(arm.pose(with_arm(robot, arm, wished)), robot.home)
        assert np.all(posture.positions >= robot.lower[arm.arm]) and np.all(posture.positions <= robot.upper[arm.arm])
        solved += posture.distance < 1e-4 and posture.tilt < 1e-3
    assert solved >= 38


def test_a_pose_out_of_reach_is_approached_and_the_miss_is_told(robot, arms):
    goal = arms["left"].pose(robot.home)
    goal[0, 3] += 2.0
    posture = arms["left"].solve(goal, robot.home)
    assert np.isfinite(posture.positions).all()
    assert 1.0 < posture.distance < 2.0


def test_the_left_and_the_right_arm_are_mirror_images(robot, arms):
    left, right = arms["left"].pose(robot.home)[:3, 3], arms["right"].pose(robot.home)[:3, 3]
    assert left * (1, -1, 1) == pytest.approx(right, abs=1e-6)


def test_a_robot_without_the_hand_is_refused(robot):
    with pytest.raises(ConfigError, match="has no link 'middle_grasp_frame'"):
        ArmIK(robot, load_robot("optimus")[1], "middle")


def test_a_hand_pose_becomes_targets_for_that_arm_only(robot, arms, session):
    goal = arms["left"].pose(robot.home)
    goal[2, 3] += 0.05
    target = session.on_pose("left", goal, "base_link", 0.0)
    assert target.names == robot.groups["left_arm"]
    assert arms["left"].pose(with_arm(robot, arms["left"], target.positions)) == pytest.approx(goal, abs=1e-3)


def test_a_pose_in_another_frame_is_refused(robot, session):
    with pytest.raises(CommandError, match="left hand pose is in frame 'map'; only base_link is understood"):
        session.on_pose("left", np.eye(4), "map", 0.0)


def test_before_any_joint_state_nothing_is_commanded(robot, arms):
    session = TeleopSession(robot, arms)
    with pytest.raises(CommandError, match="no joint_states yet"):
        session.on_key("w", 0.0)
    assert session.target(0.0) is None


def test_keys_move_the_chosen_hand_by_steps(robot, arms, session):
    before = arms["right"].pose(robot.home)[:3, 3]
    for key in "wwr":
        session.on_key(key, 1.0)
    target = session.target(1.0)
    assert target.names[:6] == robot.groups["right_arm"]
    moved = arms["right"].pose(with_arm(robot, arms["right"], target.positions[:6]))[:3, 3] - before
    assert moved == pytest.approx((0.02, 0.0, 0.01), abs=1e-3)


def test_the_hand_opens_and_closes_within_its_limits(robot, session):
    for _ in range(9):
        session.on_key("c", 1.0)
    hand = robot.group("right_hand")
    closed = session.target(1.0).positions[6:]
    assert np.all(closed <= robot.upper[hand]) and np.all(closed >= robot.home[hand] - 1e-9)
    assert closed[robot.groups["right_hand"].index("right_index_mcp_joint")] > 1.0
    for _ in range(9):
        session.on_key("o", 1.0)
    assert session.target(1.0).positions[6:] == pytest.approx(robot.home[hand])


def test_the_robot_is_given_back_by_q_and_after_two_idle_seconds(session):
    session.on_key("w", 1.0)
    assert session.target(2.9) is not None
    assert session.target(3.1) is None
    session.on_key("w", 4.0)
    session.on_key("q", 4.1)
    assert session.target(4.1) is None


def test_space_asks_for_an_emergency_stop_and_ends_jogging(session):
    session.on_key("w", 1.0)
    assert session.on_key(" ", 1.1) is Wish.STOP
    assert session.target(1.1) is None
    assert session.on_key("R", 2.0) is Wish.RESET


def test_tab_changes_the_hand(session):
    session.on_key("\t", 1.0)
    assert session.side == "left"
    session.on_key("w", 1.0)
    assert session.target(1.0).names[0].startswith("left_")
