"""What an operator wants: hand poses, keys and a gamepad in, joint targets out. No ROS, no terminal, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

import numpy as np

from ..core.errors import CommandError, ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array
from .gamepad import GamepadLayout, Pad, read_pad

SIDES = ("left", "right")
HELP = """\
keys     w s  forward, back      a d  left, right      r f  up, down      TAB  other hand
         o c  open, close hand   1 2 3 4  open, power, pinch, point     q  give the robot back
         SPACE  emergency stop   R  reset it
gamepad  hold LB to move, let go to give the robot back      RB  other hand      A X  close, open hand
         left stick  forward, left      right stick  up, turn      B  emergency stop      Y  reset it"""
_MOVES = {
    "w": (1.0, 0.0, 0.0),
    "s": (-1.0, 0.0, 0.0),
    "a": (0.0, 1.0, 0.0),
    "d": (0.0, -1.0, 0.0),
    "r": (0.0, 0.0, 1.0),
    "f": (0.0, 0.0, -1.0),
}
_HAND = {"o": -0.2, "c": 0.2}
_POSTURES = {"1": "open", "2": "power", "3": "pinch", "4": "point"}
_CLOSED = 0.75  # a closed hand's share of the way from home to the upper limits of its flexion joints
_FLEXION = ("_mcp_joint", "_pip_joint", "_dip_joint", "_ip_joint", "_cmc_flexion_joint")
_POSE_SILENCE = 0.5  # s without a hand pose after which the next one starts from the measured posture
_JOY_SILENCE = 0.25  # s without a word from the gamepad: its holder has let go
_LONGEST_TURN = 0.05  # s: a timer that comes later moves no further
_AHEAD = 0.3  # rad: a target is no further ahead of the measured joints, so that they follow its way
_PULL = 0.03  # m, and
_TWIST = 0.3  # rad: sticks and keys pull no further away from where the hand can be
_TOLD = 0.02  # m: a miss worth telling
_NEAR = 0.02  # m: an arm that near to another link is held back by it


class Wish(Enum):
    """What a key or button asks for besides moving."""

    NOTHING = "nothing"
    STOP = "stop"
    RESET = "reset"


class Posture(Protocol):
    """Arm joints (6,) rad, by how much they miss a pose, the way there (n, 6), m to the nearest other link."""

    @property
    def positions(self) -> Array: ...
    @property
    def distance(self) -> float: ...
    @property
    def tilt(self) -> float: ...
    @property
    def way(self) -> Array: ...
    @property
    def clearance(self) -> float: ...


class ArmSolver(Protocol):
    """Inverse kinematics of one arm."""

    names: tuple[str, ...]
    arm: np.ndarray

    def pose(self, q: Array) -> Array: ...
    def solve(self, goal: Array, q: Array) -> Posture: ...


@dataclass(frozen=True)
class JointTarget:
    """Targets (N,) rad for the joints `names`; no names: the operator gives the robot back.

    `miss`: how far an arm stays from the wished place, m. `note`: what to tell the operator about it, or "".
    """

    names: tuple[str, ...]
    positions: Array
    miss: float = 0.0
    note: str = ""


RELEASED = JointTarget((), np.empty(0))


class TeleopSession:
    """Remembers where the operator's targets are, so that each one starts from the one before.

    Args: arms: solver per side. step: m a key press moves a hand. idle: s without a key after which the
    operator no longer holds the robot; the next input starts from the measured posture again.
    """

    def __init__(
        self,
        robot: RobotSpec,
        arms: Mapping[str, ArmSolver],
        step: float = 0.01,
        idle: float = 2.0,
        gamepad: GamepadLayout | None = None,
    ) -> None:
        self._robot, self._arms, self._step, self._idle = robot, arms, step, idle
        self._layout, self._pad = gamepad or GamepadLayout(), Pad()
        self._measured: Array | None = None
        self._q: Array = robot.home.copy()
        self._last_key = self._last_pose = self._last_joy = self._driven = -np.inf
        self._jogging = self._driving = self._holding = False
        self._goals: dict[str, Array] = {}
        self._closed: dict[str, float] = {}  # of the hands that the operator has opened or closed
        self._posture: dict[str, str] = {}  # of those that were last brought into one
        self.side = "right"

    def on_state(self, position: Array) -> None:
        """Measured joints (J,) rad."""
        self._measured = position

    def on_pose(self, side: str, goal: Array, frame: str, monotonic: float) -> JointTarget:
        """Arm joints that bring the hand to T_base_hand = `goal` (4, 4). Raises CommandError when it can't be used."""
        if frame not in ("", "base_link"):
            raise CommandError("frame", f"{side} hand pose is in frame {frame!r}; only base_link is understood")
        self._begin(monotonic)
        self._last_pose = monotonic
        self._jogging, self._holding = False, self._driving
        return self._towards(side, goal)[0]

    def on_key(self, key: str, monotonic: float) -> Wish:
        """A key was pressed; see HELP. Raises CommandError before any joint state."""
        if key == " ":
            return self._let_go(Wish.STOP)
        if key == "R":
            return self._let_go(Wish.RESET)
        if key == "q":
            self._jogging = False
        elif key == "\t":
            self.side = SIDES[1 - SIDES.index(self.side)]
        elif key in _MOVES or key in _HAND or key in _POSTURES:
            self._begin(monotonic)
            self._jogging, self._last_key = True, monotonic
            if key in _POSTURES:
                self._take_posture(_POSTURES[key])
            self._move(self._step * np.array(_MOVES.get(key, (0.0, 0.0, 0.0))), 0.0, _HAND.get(key, 0.0))
        return Wish.NOTHING

    def on_joy(self, axes: Array, buttons: tuple[bool, ...], monotonic: float) -> Wish:
        """A gamepad spoke. Raises CommandError when it can't be understood; it then counts as let go."""
        before, self._pad = self._pad, replace(self._pad, hold=False)
        try:
            pad = read_pad(self._layout, axes, buttons)
        except CommandError:
            self._driving = False
            raise
        self._pad, self._last_joy = replace(pad, hold=pad.hold and before.hold), monotonic
        self._driving = self._driving and pad.hold
        if pad.other_hand and not before.other_hand:
            self.side = SIDES[1 - SIDES.index(self.side)]
        wish = Wish.STOP if pad.stop and not before.stop else Wish.RESET if pad.reset and not before.reset else None
        if wish is not None:
            self._pad = pad  # the dead-man button counts again once it was let go
            return self._let_go(wish)
        if pad.hold and not before.hold:
            self._begin(monotonic)
            self._pad, self._driving, self._driven = pad, True, monotonic
        return Wish.NOTHING

    def target(self, monotonic: float) -> JointTarget | None:
        """Where keys or gamepad want the chosen arm and hand now; RELEASED once when they let go, then None."""
        self._jogging = self._jogging and monotonic - self._last_key <= self._idle
        if self._driving and monotonic - self._last_joy > _JOY_SILENCE:
            self._driving, self._pad = False, replace(self._pad, hold=False)
        if not (self._jogging or self._driving):
            held, self._holding = self._holding, False
            return RELEASED if held else None
        self._holding = True
        if self._driving:
            pad, dt = self._pad, min(monotonic - self._driven, _LONGEST_TURN)
            self._driven = monotonic
            self._move(dt * np.array(pad.velocity), dt * pad.turn, dt * pad.grip)
        arm, reached = self._towards(self.side, self._goal())
        self._stay_near(self._goal(), reached)
        if self.side not in self._closed and self.side not in self._posture:
            return arm  # the hand goes on holding what it holds
        hand = self._robot.group(f"{self.side}_hand")
        names = arm.names + tuple(self._robot.joint_names[k] for k in hand)
        if self.side in self._posture:
            fingers = self._robot.hand_posture(self.side, self._posture[self.side])
        else:
            fingers = self._robot.home[hand] + self._closed[self.side] * self._bend(hand)
        return replace(arm, names=names, positions=np.concatenate((arm.positions, fingers)))

    def _begin(self, monotonic: float) -> None:
        """Start from the measured posture unless the operator holds the robot already."""
        if self._measured is None:
            raise CommandError("not_ready", "no joint_states yet: is the robot or the simulator running?")
        jogs = self._jogging and monotonic - self._last_key <= self._idle
        if not (jogs or self._driving) and monotonic - self._last_pose > _POSE_SILENCE:
            self._q, self._goals, self._closed = self._measured.copy(), {}, {}
            self._posture = {}

    def _let_go(self, wish: Wish) -> Wish:
        self._jogging = self._driving = False
        return wish

    def _take_posture(self, name: str) -> None:
        try:
            self._robot.hand_posture(self.side, name)
        except ConfigError as error:
            raise CommandError("names", str(error)) from error
        self._posture[self.side] = name

    def _goal(self) -> Array:
        return self._goals.setdefault(self.side, self._arms[self.side].pose(self._q))

    def _move(self, way: Array, turn: float, grip: float) -> None:
        """Move the goal by `way` (3,) m, turn it about the vertical by `turn` rad, close the hand by `grip`, 0 to 1."""
        goal, c, s = self._goal(), np.cos(turn), np.sin(turn)
        goal[:3, 3] += way
        goal[:3, :3] = np.array(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0))) @ goal[:3, :3]
        if grip:
            self._posture.pop(self.side, None)
            closed = self._closed.get(self.side, self._closed_now())
            self._closed[self.side] = float(np.clip(closed + grip, 0.0, 1.0))

    def _towards(self, side: str, goal: Array) -> tuple[JointTarget, Posture]:
        """The next target on the way to `goal`, and the posture at the end of the way."""
        assert self._measured is not None
        arm, q = self._arms[side], self._measured.copy()
        q[arm.arm] = self._q[arm.arm]
        posture = arm.solve(goal, q)
        far = np.abs(posture.way - self._measured[arm.arm]).max(axis=1) > _AHEAD
        last = int(np.argmax(far)) - 1 if far.any() else len(far) - 1
        self._q[arm.arm] = posture.way[max(last, 0)]
        note = ""
        if posture.distance > _TOLD:
            why = "another part of the robot is in the way" if posture.clearance < _NEAR else "out of reach"
            note = f"{side} hand stays {posture.distance:.2f} m short of its goal: {why}"
        return JointTarget(arm.names, self._q[arm.arm].copy(), posture.distance, note), posture

    def _stay_near(self, goal: Array, reached: Posture) -> None:
        """Keep the goal within reach of the hand, so that the way back begins at once."""
        q, arm = self._q.copy(), self._arms[self.side]
        q[arm.arm] = reached.positions
        there = arm.pose(q)
        if reached.distance > _PULL:
            goal[:3, 3] = there[:3, 3] + (goal[:3, 3] - there[:3, 3]) * (_PULL / reached.distance)
        if reached.tilt > _TWIST:
            goal[:3, :3] = there[:3, :3]

    def _closed_now(self) -> float:
        """How far the measured fingers are closed, 0 to 1."""
        assert self._measured is not None
        hand = self._robot.group(f"{self.side}_hand")
        bend = self._bend(hand)
        return float(
            np.mean(((self._measured[hand] - self._robot.home[hand]) / np.where(bend, bend, 1.0))[bend != 0.0])
        )

    def _bend(self, hand: np.ndarray) -> Array:
        """What an open hand's joints (N,) turn until it is closed, rad."""
        bends = np.array([self._robot.joint_names[k].endswith(_FLEXION) for k in hand])
        return np.asarray(_CLOSED * (self._robot.upper[hand] - self._robot.home[hand]) * bends)
