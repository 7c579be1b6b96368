"""Waving: a limit cycle of two joints, while a third one counts by rising slowly.

The elbow swings and the wrist follows a quarter of a turn later, so that where the two are says where in the swing
the arm is. The shoulder lifts the arm a little all the time: how far it has come says how often the hand has swung.
When it is up, the hand closes, and the closed hand says that it only remains to go home.
"""

from __future__ import annotations

import numpy as np

from ..core.values import Array
from .expert_body import CLOSE_TIME
from .expert_values import STEP_DT, Decision, ExpertView, Roll
from .skills import BENCH_REACHED, Skill

RAISED = np.array([0.30, 0.80, 1.00, 2.00, 0.00, 0.00])  # rad: shoulder pitch, roll, yaw, elbow, wrist yaw, pitch
LIFT, ELBOW, WRIST = 0, 3, 4
LIFT_END = 1.05  # rad of the shoulder's pitch when there has been enough
SWING, FOLLOW = 0.32, 0.30  # rad to either side, of elbow and wrist
LEAD = 0.85  # rad by which the arm is led round the cycle
LIFT_RATE = 0.26  # rad/s
OFF = 0.25  # rad of the other joints that still count as raised
FIST = 0.6  # share of the index finger's bend from which on the hand is closed


class Wave(Skill):
    """Raise a hand, swing it, close it, go home."""

    def begin(self, view: ExpertView) -> None:
        self.sides = (self.instruction.side,)
        self._bend = self.body.fingers(self.sides[0], ("index_pip",))[0]

    def roll(self, view: ExpertView, side: str) -> Roll:
        roll = self.body.begin_roll(view, side, None)
        opened, closed = (self.hand(side, name)[self._bend] for name in ("open", "fist"))
        at = view.position[self.body.hands[side]][self._bend]
        roll.closure = float((at - opened) / (closed - opened))
        return roll

    def decide(self, side: str, roll: Roll) -> Decision:
        if roll.closure > FIST:
            return self.leave(side, roll, "fist")
        q, here = roll.q[self.body.arms[side].arm], roll.pose.translation
        if here[2] < self.top + self.retreat and here[0] > BENCH_REACHED:
            return Decision("clear", self.upwards(roll), self.hand(side, "open"))
        if not self._is_raised(q):
            up = RAISED.copy()
            up[ELBOW] += SWING
            return Decision("raise", self._chain(roll, up), self.hand(side, "open"))
        if q[LIFT] >= LIFT_END:
            return Decision("close", self._chain(roll, q), self.hand(side, "fist"))
        angle = LEAD + np.arctan2((q[WRIST] - RAISED[WRIST]) / FOLLOW, (q[ELBOW] - RAISED[ELBOW]) / SWING)
        to, wide = RAISED.copy(), 1.0 / np.cos(LEAD)
        to[ELBOW] += SWING * wide * np.cos(angle)
        to[WRIST] += FOLLOW * wide * np.sin(angle)
        to[LIFT] = q[LIFT] + LIFT_RATE / self.style.gain
        return Decision("swing", self._chain(roll, to), self.hand(side, "open"), speed=2.5)

    @staticmethod
    def _is_raised(q: Array) -> bool:
        off = np.abs(q - RAISED)
        off[[LIFT, ELBOW, WRIST]] -= (LIFT_END - RAISED[LIFT] + 0.2, SWING + 0.15, FOLLOW + 0.15)
        return bool(np.max(off) < OFF) and bool(q[LIFT] > RAISED[LIFT] - 0.1)

    @staticmethod
    def _chain(roll: Roll, arm: Array) -> Array:
        return np.concatenate([roll.q[:2], arm])

    def moved(self, side: str, roll: Roll, decision: Decision) -> None:
        roll.closing = roll.closing + STEP_DT if decision.stage == "close" else 0.0
        if roll.closing >= CLOSE_TIME:
            roll.closure = 1.0
