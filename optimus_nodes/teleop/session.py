"""What an operator wants: hand poses and key presses in, joint targets out. No ROS, no terminal, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from ..core.errors import CommandError
from ..core.robot import RobotSpec
from ..core.values import Array

SIDES = ("left", "right")
HELP = """\
w s  forward, back      a d  left, right      r f  up, down      TAB  other hand
o c  open, close hand   SPACE  emergency stop     R  reset it      q  give the robot back"""
_MOVES = {
    "w": (1.0, 0.0, 0.0),
    "s": (-1.0, 0.0, 0.0),
    "a": (0.0, 1.0, 0.0),
    "d": (0.0, -1.0, 0.0),
    "r": (0.0, 0.0, 1.0),
    "f": (0.0, 0.0, -1.0),
}
_HAND = {"o": -0.2, "c": 0.2}
_CLOSED = 0.75  # a closed hand's share of the way from home to the upper limits of its flexion joints
_FLEXION = ("_mcp_joint", "_pip_joint", "_dip_joint", "_ip_joint", "_cmc_flexion_joint")


class Wish(Enum):
    """What a key asks for besides moving."""

    NOTHING = "nothing"
    STOP = "stop"
    RESET = "reset"


class Posture(Protocol):
    """Arm joints (6,) rad, and by how much they miss a pose."""

    @property
    def positions(self) -> Array: ...
    @property
    def distance(self) -> float: ...
    @property
    def tilt(self) -> float: ...


class ArmSolver(Protocol):
    """Inverse kinematics of one arm."""

    names: tuple[str, ...]
    arm: np.ndarray

    def pose(self, q: Array) -> Array: ...
    def solve(self, goal: Array, q: Array) -> Posture: ...


@dataclass(frozen=True)
class JointTarget:
    """Targets (N,) rad for the joints `names`. `miss`: how far an arm stays from the wished place, m."""

    names: tuple[str, ...]
    positions: Array
    miss: float = 0.0


class TeleopSession:
    """Remembers where the operator's targets are, so that each one starts from the one before.

    Args: arms: solver per side. step: m a key press moves a hand. idle: s without input after which the
    operator no longer holds the robot; the next input starts from the measured posture again.
    """

    def __init__(self, robot: RobotSpec, arms: Mapping[str, ArmSolver], step: float = 0.01, idle: float = 2.0) -> None:
        self._robot, self._arms, self._step, self._idle = robot, arms, step, idle
        self._measured: Array | None = None
        self._q: Array = robot.home.copy()
        self._last_input = -np.inf
        self._jogging = False
        self._goals: dict[str, Array] = {}
        self._closed = dict.fromkeys(SIDES, 0.0)
        self.side = "right"

    def on_state(self, position: Array) -> None:
        """Measured joints (J,) rad."""
        self._measured = position

    def on_pose(self, side: str, goal: Array, frame: str, monotonic: float) -> JointTarget:
        """Arm joints that bring the hand to T_base_hand = `goal` (4, 4). Raises CommandError when it can't be used."""
        if frame not in ("", "base_link"):
            raise CommandError("frame", f"{side} hand pose is in frame {frame!r}; only base_link is understood")
        self._begin(monotonic)
        self._jogging = False
        return self._towards(side, goal)

    def on_key(self, key: str, monotonic: float) -> Wish:
        """A key was pressed; see HELP. Raises CommandError before any joint state."""
        if key in (" ", "R"):
            self._jogging = False
            return Wish.STOP if key == " " else Wish.RESET
        if key == "q":
            self._jogging = False
        elif key == "\t":
            self.side = SIDES[1 - SIDES.index(self.side)]
        elif key in _MOVES or key in _HAND:
            self._begin(monotonic)
            self._jogging = True
            self._jog(key)
        return Wish.NOTHING

    def target(self, monotonic: float) -> JointTarget | None:
        """Where the keyboard wants the chosen arm and hand now; None when nobody holds the robot."""
        if not self._jogging or monotonic - self._last_input > self._idle:
            self._jogging = False
            return None
        arm = self._towards(self.side, self._goals[self.side])
        hand = self._robot.group(f"{self.side}_hand")
        names = arm.names + tuple(self._robot.joint_names[k] for k in hand)
        return JointTarget(names, np.concatenate((arm.positions, self._hand(hand))), arm.miss)

    def _begin(self, monotonic: float) -> None:
        if self._measured is None:
            raise CommandError("not_ready", "no joint_states yet: is the robot or the simulator running?")
        if monotonic - self._last_input > self._idle:
            self._q, self._goals = self._measured.copy(), {}
            self._closed = dict.fromkeys(SIDES, 0.0)
        self._last_input = monotonic

    def _jog(self, key: str) -> None:
        goal = self._goals.setdefault(self.side, self._arms[self.side].pose(self._q))
        goal[:3, 3] += self._step * np.array(_MOVES.get(key, (0.0, 0.0, 0.0)))
        self._closed[self.side] = float(np.clip(self._closed[self.side] + _HAND.get(key, 0.0), 0.0, 1.0))

    def _towards(self, side: str, goal: Array) -> JointTarget:
        arm = self._arms[side]
        posture = arm.solve(goal, self._q)
        self._q[arm.arm] = posture.positions
        return JointTarget(arm.names, posture.positions, posture.distance)

    def _hand(self, hand: np.ndarray) -> Array:
        bends = np.array([self._robot.joint_names[k].endswith(_FLEXION) for k in hand])
        way = _CLOSED * (self._robot.upper[hand] - self._robot.home[hand]) * bends
        return np.asarray(self._robot.home[hand] + self._closed[self.side] * way)
