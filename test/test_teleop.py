"""What an operator's poses, keys and gamepad become."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.robot.arm_ik import ArmIK
from optimus_nodes.robot.load import load_robot
from optimus_nodes.teleop.gamepad import GamepadLayout
from optimus_nodes.teleop.session import RELEASED, SIDES, TeleopSession, Wish


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


def test_number_keys_bring_the_hand_into_a_posture_until_it_is_opened_or_closed_by_hand(robot, session):
    hand = tuple(robot.joint_names[k] for k in robot.group("right_hand"))
    for key, posture in (("2", "power"), ("3", "pinch"), ("4", "point"), ("1", "open")):
        session.on_key(key, 1.0)
        target = session.target(1.0)
        assert target.names[-len(hand) :] == hand
        assert target.positions[-len(hand) :].tolist() == robot.hand_posture("right", posture).tolist()
    session.on_key("c", 1.0)
    assert session.target(1.0).positions[-len(hand) :].tolist() != robot.hand_posture("right", "open").tolist()


def test_a_posture_that_the_robot_has_not_is_refused(robot, arms):
    session = TeleopSession(replace(robot, hands=None), arms)
    session.on_state(robot.home)
    with pytest.raises(CommandError, match="optimus has no posture 'power' of its hands; it has none"):
        session.on_key("2", 0.0)


def test_a_hand_keeps_what_it_holds_until_the_operator_opens_it(robot, arms):
    """Whoever took over from a policy that carried a box used to open the hand with the first key."""
    held = robot.home.copy()
    hand = robot.group("right_hand")
    bends = [k for k in hand if robot.joint_names[k].endswith(("_mcp_joint", "_pip_joint"))]
    held[bends] += 0.5
    session = TeleopSession(robot, arms)
    session.on_state(held)
    session.on_key("w", 1.0)
    assert session.target(1.0).names == robot.groups["right_arm"]
    session.on_key("c", 1.1)
    closing = session.target(1.1).positions[6:]
    assert closing.mean() > held[hand].mean() - 0.05


def test_the_robot_is_given_back_once_by_q_and_after_two_idle_seconds(session):
    session.on_key("w", 1.0)
    assert session.target(2.9).names
    assert session.target(3.1) is RELEASED
    assert session.target(3.2) is None
    session.on_key("w", 4.0)
    session.target(4.0)
    session.on_key("q", 4.1)
    assert session.target(4.1) is RELEASED
    assert session.target(4.2) is None


def test_after_giving_back_a_key_starts_from_where_the_policy_brought_the_robot(robot, arms, session):
    session.on_key("w", 1.0)
    session.target(1.0)
    session.on_key("q", 1.1)
    elsewhere = robot.home.copy()
    elsewhere[arms["right"].arm[3]] -= 0.3
    session.on_state(elsewhere)
    session.on_key("w", 1.5)
    q = with_arm(robot, arms["right"], session.target(1.5).positions)
    moved = arms["right"].pose(q)[:3, 3] - arms["right"].pose(elsewhere)[:3, 3]
    assert moved == pytest.approx((0.01, 0.0, 0.0), abs=1e-3)


def test_space_asks_for_an_emergency_stop_and_ends_jogging(session):
    session.on_key("w", 1.0)
    assert session.on_key(" ", 1.1) is Wish.STOP
    assert session.target(1.1) is None
    assert session.on_key("R", 2.0) is Wish.RESET


def test_a_target_stays_close_ahead_of_the_joints_that_follow_it(robot, arms, session):
    far = robot.home[arms["left"].arm] + (-0.6, 0.1, -0.4, -0.7, 0.3, 0.0)
    goal = arms["left"].pose(with_arm(robot, arms["left"], far))
    followed = [session.on_pose("left", goal, "base_link", 0.02 * k).positions for k in range(40)]
    assert np.abs(np.array(followed) - robot.home[arms["left"].arm]).max() <= 0.3
    for k in range(40, 80):
        session.on_state(with_arm(robot, arms["left"], session.on_pose("left", goal, "base_link", 0.02 * k).positions))
    assert session.on_pose("left", goal, "base_link", 1.7).miss < 2e-3


def test_a_goal_that_cannot_be_reached_is_told_with_the_reason(robot, arms, session):
    goal = arms["left"].pose(robot.home)
    goal[0, 3] += 1.0
    assert "m short of its goal: out of reach" in session.on_pose("left", goal, "base_link", 0.0).note
    goal = arms["left"].pose(robot.home)
    goal[:3, 3] = (0.0, 0.0, 0.3)
    note = session.on_pose("left", goal, "base_link", 0.1).note
    assert note.startswith("left hand stays 0.") and note.endswith("another part of the robot is in the way")


def test_keys_into_the_robot_do_not_pile_up(robot, arms, session):
    for k in range(80):
        session.on_key("s", 0.02 * k)
        session.on_state(with_arm(robot, arms["right"], session.target(0.02 * k).positions))
    stuck = arms["right"].pose(with_arm(robot, arms["right"], session.target(1.6).positions))[0, 3]
    for _ in range(8):
        session.on_key("w", 1.7)
    assert arms["right"].pose(with_arm(robot, arms["right"], session.target(1.7).positions))[0, 3] > stuck + 0.03


def test_tab_changes_the_hand(session):
    session.on_key("\t", 1.0)
    assert session.side == "left"
    session.on_key("w", 1.0)
    assert session.target(1.0).names[0].startswith("left_")


LAYOUT = GamepadLayout()


def joy(session: TeleopSession, monotonic: float, *pressed: int, forward: float = 0.0, turn: float = 0.0) -> Wish:
    axes, buttons = np.zeros(6), [False] * 15
    axes[LAYOUT.forward_axis], axes[LAYOUT.turn_axis] = forward, turn
    for button in pressed:
        buttons[button] = True
    return session.on_joy(axes, tuple(buttons), monotonic)


def drive(session: TeleopSession, begin: float, seconds: float, **sticks: float):
    """Hold the dead-man button for that long at 50 Hz; returns the last target."""
    for k in range(round(seconds / 0.02) + 1):
        joy(session, begin + 0.02 * k, LAYOUT.hold_button, **sticks)
        target = session.target(begin + 0.02 * k)
    return target


def test_a_stick_moves_the_hand_at_its_speed_while_the_dead_man_button_is_held(robot, arms, session):
    before = arms["right"].pose(robot.home)[:3, 3]
    target = drive(session, 1.0, 0.3, forward=1.0)
    assert target.names == robot.groups["right_arm"]
    moved = arms["right"].pose(with_arm(robot, arms["right"], target.positions))[:3, 3] - before
    assert moved == pytest.approx((0.3 * LAYOUT.speed, 0.0, 0.0), abs=2e-3)


def test_sticks_without_the_dead_man_button_move_nothing(session):
    joy(session, 1.0, forward=1.0)
    assert session.target(1.0) is None


def test_a_stick_within_the_deadzone_moves_nothing(robot, arms, session):
    before = arms["right"].pose(robot.home)
    target = drive(session, 1.0, 0.5, forward=0.9 * LAYOUT.deadzone)
    assert arms["right"].pose(with_arm(robot, arms["right"], target.positions)) == pytest.approx(before, abs=1e-4)


def test_the_right_stick_turns_the_hand_about_the_vertical(robot, arms, session):
    before = arms["right"].pose(robot.home)
    target = drive(session, 1.0, 0.1, turn=1.0)
    after = arms["right"].pose(with_arm(robot, arms["right"], target.positions))
    turned = after[:3, :3] @ before[:3, :3].T
    assert np.arctan2(turned[1, 0], turned[0, 0]) == pytest.approx(0.1 * LAYOUT.turn_speed, abs=0.01)
    assert after[:3, 3] == pytest.approx(before[:3, 3], abs=2e-3)


def test_letting_go_of_the_dead_man_button_gives_the_robot_back_once(session):
    drive(session, 1.0, 0.1, forward=1.0)
    joy(session, 1.12, forward=1.0)
    assert session.target(1.12) is RELEASED
    assert session.target(1.14) is None


def test_a_gamepad_that_falls_silent_has_let_go(session):
    drive(session, 1.0, 0.1, forward=1.0)
    assert session.target(1.34).names
    assert session.target(1.36) is RELEASED


def test_the_buttons_choose_close_and_open_the_hand(robot, session):
    joy(session, 1.0, LAYOUT.other_hand_button)
    assert session.side == "left"
    for k in range(51):
        joy(session, 1.0 + 0.02 * k, LAYOUT.hold_button, LAYOUT.close_button)
        target = session.target(1.0 + 0.02 * k)
    assert target.names == robot.groups["left_arm"] + robot.groups["left_hand"]
    closed = target.positions[6:]
    for k in range(51, 110):
        joy(session, 1.0 + 0.02 * k, LAYOUT.hold_button, LAYOUT.open_button)
        target = session.target(1.0 + 0.02 * k)
    assert closed.max() > 1.0
    assert target.positions[6:] == pytest.approx(robot.home[robot.group("left_hand")])


def test_b_stops_at_once_and_the_dead_man_button_must_be_pressed_anew(session):
    drive(session, 1.0, 0.1, forward=1.0)
    assert joy(session, 1.12, LAYOUT.hold_button, LAYOUT.stop_button) is Wish.STOP
    assert joy(session, 1.14, LAYOUT.hold_button, LAYOUT.stop_button) is Wish.NOTHING
    assert session.target(1.14) is RELEASED
    assert joy(session, 1.16, LAYOUT.hold_button, LAYOUT.reset_button) is Wish.RESET
    joy(session, 1.18, LAYOUT.hold_button, forward=1.0)
    assert session.target(1.18) is None
    joy(session, 1.20)
    joy(session, 1.22, LAYOUT.hold_button)
    assert session.target(1.22).names


def test_b_stops_a_robot_that_was_never_heard_of(robot, arms):
    session = TeleopSession(robot, arms)
    assert joy(session, 1.0, LAYOUT.hold_button, LAYOUT.stop_button) is Wish.STOP
    joy(session, 1.1)
    with pytest.raises(CommandError, match="no joint_states yet"):
        joy(session, 1.2, LAYOUT.hold_button)
    assert session.target(1.2) is None


BAD_JOYS = {
    "joy has 2 axes, but up axis is number 3 counted from 0 (parameter gamepad.up_axis of teleop_node)": (2, 15, 0.0),
    "joy has 8 buttons, but hold button is number 9 counted from 0": (6, 8, 0.0),
    "joy axis 1 is nan; it must be a number from -1 to 1": (6, 15, np.nan),
}


@pytest.mark.parametrize("text", BAD_JOYS)
def test_a_joy_message_that_cannot_be_understood_counts_as_let_go(session, text):
    axes, buttons, forward = BAD_JOYS[text]
    drive(session, 1.0, 0.1, forward=1.0)
    sticks = np.zeros(axes)
    sticks[1] = forward
    with pytest.raises(CommandError) as error:
        session.on_joy(sticks, (True,) * buttons, 1.12)
    assert str(error.value).startswith(text)
    assert session.target(1.12) is RELEASED


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"stop_button": -1}, "gamepad.stop_button is -1; it must be 0 or more"),
        ({"stop_button": 9}, "gamepad.hold_button and gamepad.stop_button are both 9"),
        ({"speed": 2.0}, "gamepad.speed is 2.0; allowed is 0 to 0.5"),
        ({"deadzone": float("nan")}, "gamepad.deadzone is nan; allowed is 0 to 0.5"),
        ({"turn_speed": 9.0}, "gamepad.turn_speed is 9.0 rad/s; allowed is 0 to 2"),
    ],
)
def test_a_layout_that_cannot_work_is_refused(changes, text):
    with pytest.raises(ConfigError, match=text):
        GamepadLayout(**changes)
