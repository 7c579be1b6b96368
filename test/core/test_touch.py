"""A hand whose force is limited by touch: what it squeezes with, how it answers a slip, and who may ask for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import at_rest, chunk_of, fake_robot, no_gravity

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.joint_controller import JointControlConfig, JointController
from optimus_nodes.core.robot import HandSpec, RobotSpec
from optimus_nodes.core.touch import TouchConfig
from optimus_nodes.core.values import HandCommand, JointState

DT, SURFACE, LEVER = 0.004, 0.5, 0.1  # s; rad where a finger meets the thing; m from its joint to its tip
FULL = 400.0  # N: 40 N·m at the lever
NAMES = tuple(f"{side}_{finger}_mcp_joint" for side in ("left", "right") for finger in ("index", "thumb"))
POSTURES = {"open": {}, "closed": {"index_mcp": 1.2, "thumb_mcp": -0.4}, "point": {"thumb_mcp": -0.4}}


def robot(**changes: object) -> RobotSpec:
    """Two hands of one finger and a thumb, whose joint closes downwards."""
    values: dict[str, object] = {
        "joint_names": NAMES,
        "groups": {"left_hand": NAMES[:2], "right_hand": NAMES[2:]},
        "tactile_pads": ("left_thumb_pad", "left_index_pad", "right_thumb_pad", "right_index_pad"),
        "hands": HandSpec(POSTURES, (0.0, 0.2), 0.0, (0.0, 0.0, 0.0), FULL),
    }
    return replace(fake_robot(4), **(values | changes))  # type: ignore[arg-type]


class Squeeze:
    """The left index finger closes on something hard; `drag`: N that pull along its tip."""

    def __init__(self, touch: TouchConfig = TouchConfig(), feels: bool = True) -> None:
        self.robot, self.feels = robot(), feels
        self.controller = JointController(self.robot, JointControlConfig(touch=touch), no_gravity)
        self.now, self.force, self.drag = 0.0, 0.0, 0.0
        self.position = np.zeros(4)
        self.felt: list[float] = []
        self.controller.tick(0.0, 0.0, at_rest(self.position))

    def run(self, seconds: float) -> None:
        for k in range(round(seconds / DT)):
            self.now += DT
            if self.feels and k % 2 == 0:
                sensed = np.array([self.force, self.force])
                self.controller.hands.on_touch("left", self.now, sensed, np.array([0.0, self.drag]))
            state = JointState(self.now, self.position.copy(), np.zeros(4), np.zeros(4))
            command = self.controller.tick(self.now, self.now, state)
            self.position = command.position.copy()
            self.position[0] = min(self.position[0], SURFACE)
            self.force = max(0.0, command.kp[0] * (command.position[0] - SURFACE) / LEVER)
            self.felt.append(self.force)

    def tell(self, posture: str, force: float = 0.0, source: str = "teleop", side: str = "left") -> None:
        self.controller.on_hand(HandCommand(None, side, posture, force), source, self.now, self.now)


def test_a_hand_without_a_limit_squeezes_with_what_it_has():
    hand = Squeeze()
    hand.tell("closed")
    hand.run(1.9)
    assert hand.felt[-1] > 300.0
    assert hand.position[1] == pytest.approx(-0.4, abs=0.01)
    assert not hand.controller.hands.limited


def test_the_force_settles_at_half_the_limit_and_is_never_above_it():
    hand = Squeeze()
    hand.tell("closed", 20.0)
    hand.run(1.9)
    assert hand.felt[-1] == pytest.approx(10.0, rel=0.05)
    assert max(hand.felt) < 20.0
    status = hand.controller.status().hands["left"]
    assert (status.limit, status.slips) == (20.0, 0)
    assert status.felt == pytest.approx(10.0, rel=0.05)


def test_a_thing_that_slips_is_held_harder_up_to_the_limit():
    hand = Squeeze()
    hand.tell("closed", 20.0)
    hand.run(1.0)
    hand.drag = 8.0  # of 10 N that press: friction of 0.8 just holds it
    hand.run(0.5)
    assert 14.0 <= hand.felt[-1] < 17.0  # now it holds it with ease
    assert hand.controller.status().hands["left"].slips == 1
    hand.drag = 100.0
    hand.run(0.4)
    assert hand.felt[-1] == pytest.approx(20.0, rel=0.05)


def test_a_numb_hand_squeezes_with_what_its_torque_should_give():
    hand = Squeeze(feels=False)
    hand.tell("closed", 20.0)
    hand.run(1.9)
    assert hand.felt[-1] == pytest.approx(10.0, rel=0.01)


@pytest.mark.promise("P2")
def test_a_force_that_is_no_number_counts_as_not_felt():
    hand = Squeeze(feels=False)
    hand.tell("closed", 20.0)
    for _ in range(20):
        for broken in ((np.array([np.nan, 1.0]), None), (np.ones(2), np.array([np.inf, 0.0]))):
            with pytest.raises(CommandError, match="force on the pads of the left hand is not a finite number"):
                hand.controller.hands.on_touch("left", hand.now, *broken)
        hand.run(0.1)
    assert hand.felt[-1] == pytest.approx(10.0, rel=0.01)


def test_limited_hands_close_slowly_and_open_at_once():
    hand = Squeeze()
    hand.tell("closed", 20.0)
    hand.run(0.2)
    assert 0.05 < hand.position[0] < 0.2 * TouchConfig().gentle_speed + 0.01
    hand.run(0.8)
    hand.tell("open")
    hand.run(0.3)
    assert hand.position[0] < 0.25
    assert hand.felt[-1] == 0.0


def test_the_parameter_limits_every_hand_and_nobody_may_ask_for_more():
    hand = Squeeze(TouchConfig(max_force=20.0))
    hand.tell("closed", 100.0)
    hand.run(1.5)
    assert max(hand.felt) < 20.0
    hand.tell("", 0.0)
    assert hand.controller.status().hands["left"].limit == 20.0


def test_a_posture_is_reached_held_and_the_robot_given_back():
    hand = Squeeze()
    hand.tell("closed", side="right", source="planner")
    hand.run(1.0)
    assert hand.controller.owner == "planner"
    hand.run(1.2)
    assert hand.controller.owner == "none"
    assert hand.controller.status().fault == ""
    assert hand.position[2:] == pytest.approx([1.2, -0.4], abs=0.01)
    assert hand.position[:2].tolist() == [0.0, 0.0]


def test_a_hand_goes_on_holding_while_somebody_moves_another_joint():
    hand = Squeeze()
    hand.tell("closed", 20.0)
    hand.run(2.2)
    held = hand.felt[-1]
    for _ in range(20):
        hand.controller.on_joint_target((NAMES[3],), np.array([0.5]), "teleop", hand.now, hand.now)
        hand.run(0.05)
    assert hand.position[3] == pytest.approx(0.5, abs=0.05)
    assert hand.felt[-1] == pytest.approx(held, rel=0.1)


def test_a_policy_that_gets_the_robot_back_keeps_it_longer_than_the_hand_command_would_have_lasted():
    hand = Squeeze()
    hand.tell("closed")
    hand.run(0.2)
    hand.controller.on_joint_target((), np.empty(0), "teleop", hand.now, hand.now)
    for _ in range(60):
        rows = np.tile(hand.position, (16, 1))
        hand.controller.on_chunk(chunk_of(hand.robot, rows, hand.now), hand.now, hand.now)
        hand.run(0.05)
        assert hand.controller.owner == "policy"


@pytest.mark.promise("P9")
def test_the_planner_moves_no_hand_while_a_person_holds_the_robot():
    hand = Squeeze()
    hand.controller.on_joint_target((NAMES[3],), np.array([0.5]), "teleop", hand.now, hand.now)
    with pytest.raises(CommandError, match="planner command while teleop owns the robot"):
        hand.tell("closed", source="planner")
    hand.run(0.3)
    assert hand.position[0] == 0.0


@pytest.mark.promise("P8")
def test_a_stop_ends_a_grip():
    hand = Squeeze()
    hand.tell("closed")
    hand.run(0.1)
    hand.controller.emergency_stop(True)
    with pytest.raises(CommandError, match="emergency stop"):
        hand.tell("open")
    hand.controller.emergency_stop(False)
    hand.run(0.6)
    assert hand.controller.reset_emergency_stop()
    before = hand.position[0]
    hand.controller.on_joint_target((NAMES[3],), np.array([0.1]), "teleop", hand.now, hand.now)
    hand.run(0.5)
    assert hand.position[0] == before


@pytest.mark.promise("P2")
@pytest.mark.parametrize(
    ("side", "posture", "force", "why"),
    [
        ("left", "fists", 0.0, "no posture 'fists' of its hands; it has open, closed, point"),
        ("up", "open", 0.0, "no joint group 'up_hand'"),
        ("up", "", 5.0, "no joint group 'up_hand'"),
        ("left", "open", -1.0, "force of the hands is -1.0"),
        ("left", "open", float("nan"), "force of the hands is nan"),
    ],
)
def test_what_is_refused_changes_nothing(side, posture, force, why):
    hand = Squeeze()
    with pytest.raises(CommandError, match=why):
        hand.tell(posture, force, side=side)
    assert hand.controller.owner == "none"
    assert not hand.controller.hands.limited
    assert sum(hand.controller.status().refused.values()) == 1


@pytest.mark.promise("P2")
def test_an_old_command_is_refused():
    hand = Squeeze()
    hand.run(1.0)
    with pytest.raises(CommandError, match="hand command is 0.500 s old"):
        hand.controller.on_hand(HandCommand(hand.now - 0.5, "left", "closed"), "teleop", hand.now, hand.now)


def test_a_robot_that_feels_nothing_says_so():
    numb = robot(tactile_pads=())
    controller = JointController(numb, JointControlConfig(), no_gravity)
    controller.tick(0.0, 0.0, at_rest(np.zeros(4)))
    with pytest.raises(CommandError, match="feels nothing"):
        controller.on_hand(HandCommand(None, "left", "closed", 5.0), "teleop", 0.0, 0.0)
    with pytest.raises(ConfigError, match=r"touch.max_force is 5.0, but config/robots/fake.yaml names no tactile_pads"):
        JointController(numb, JointControlConfig(touch=TouchConfig(max_force=5.0)), no_gravity)


def test_parameters_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="touch.friction is 0.0"):
        TouchConfig(friction=0.0)
    with pytest.raises(ConfigError, match="touch.max_force is -1.0"):
        TouchConfig(max_force=-1.0)
