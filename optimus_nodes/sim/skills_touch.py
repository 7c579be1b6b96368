"""What a hand does without gripping: point at a box, press the button, push a box aside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pinocchio as pin

from ..core.values import Array
from .expert_values import STEP_DT, Decision, ExpertView, Roll
from .skills import Skill, nearer_side

POINT_OVER = 0.045  # m between the fingertip and the box it points at
POINTED = 0.012  # m off that still counts
ON_CAP = 0.025  # m off the middle of the button at which it is still kept pressed
PRESS_INTO = 0.022  # m below the resting cap the fingertip aims at
STROKE = 0.095  # m a box is pushed
PUSH_SPEED = 0.17
TOUCHES = 0.010  # m between hand and box that count as none
LOW = 0.024  # m above the bench, the grasp frame of a hand that pushes
FINGER = 0.012  # m, the fingers' middle before the grasp frame
EDGES = {"index": 0.023, "little": 0.055}  # m from the grasp frame to the hand's two sides
THUMB = (-0.30, -0.90)  # rad, flexion of the thumb when a push begins and when it has gone far enough


class Fingertip(Skill):
    """The index finger points down on something; the other fingers are closed."""

    def tip_at(self, side: str, tip: Array) -> pin.SE3:
        """The pose of the grasp frame that has the fingertip at `tip` (3,) m."""
        rotation = self.body.grasp.attitude(side, tip)
        return pin.SE3(rotation, tip - rotation @ self.body.tips[side])


class Point(Fingertip):
    """Hold the index finger over a box without touching it."""

    def begin(self, view: ExpertView) -> None:
        box = view.scene.find(f"box_{self.instruction.colour}")
        self.target, self.sides = box.name, (nearer_side(float(box.position[1])),)

    def watch(self, view: ExpertView) -> None:
        box = view.scene.find(self.target)
        self._tip = box.position + np.array([0.0, 0.0, box.size[2] / 2 + POINT_OVER])

    def decide(self, side: str, roll: Roll) -> Decision:
        hand, goal = self.hand(side, "point"), self.tip_at(side, self._tip)
        if float(np.linalg.norm(roll.pose.translation - goal.translation)) < POINTED:
            return Decision("done", goal, hand)
        return self.onto(roll, goal, hand)


class Press(Fingertip):
    """Press the button and hold it down: a button let go of shows no trace."""

    def begin(self, view: ExpertView) -> None:
        self.target, self.sides = "button", (nearer_side(float(view.scene.find("button").position[1])),)

    def watch(self, view: ExpertView) -> None:
        assert self.scene.bench is not None
        cap, bench = view.scene.find("button"), self.scene.bench
        rest = self.top + bench.button_edges[2] + bench.cap_edges[2]
        depth = rest - bench.cap_edges[2] / 2 - float(cap.position[2])
        self._pressed = depth >= bench.button_pressed + 0.0005
        self._tip = np.array([*cap.position[:2], rest - PRESS_INTO])

    def decide(self, side: str, roll: Roll) -> Decision:
        goal, hand = self.tip_at(side, self._tip), self.hand(side, "point")
        near = float(np.linalg.norm(roll.pose.translation[:2] - goal.translation[:2])) < ON_CAP
        return Decision("done", goal, hand) if self._pressed and near else self.onto(roll, goal, hand)


class Push(Skill):
    """Shove a box aside with the side of the closed hand. How far it has come shows in the thumb, which opens."""

    def begin(self, view: ExpertView) -> None:
        box = view.scene.find(f"box_{self.instruction.colour}")
        self.target, self.sides = box.name, (nearer_side(float(box.position[1])),)
        self._sign = 1.0 if self.instruction.side == "left" else -1.0
        self._grasp = replace(self.body.grasp, follow=0.0, tilt=0.0)
        self._thumb = self.body.fingers(self.sides[0], ("thumb_cmc_flexion",))[0]
        # Palm down the index finger is on the inner side of either hand.
        self._edge = EDGES["index" if self.instruction.side != self.sides[0] else "little"]

    def watch(self, view: ExpertView) -> None:
        box = view.scene.find(self.target)
        w, _, _, z = box.orientation
        yaw = 2.0 * np.arctan2(z, w)
        self._half = float(abs(np.cos(yaw)) * box.size[1] + abs(np.sin(yaw)) * box.size[0]) / 2

    def roll(self, view: ExpertView, side: str) -> Roll:
        roll = self.body.begin_roll(view, side, view.scene.find(self.target).position)
        thumb = float(view.position[self.body.hands[side]][self._thumb])
        roll.gripped, roll.phase = False, (thumb - THUMB[0]) / (THUMB[1] - THUMB[0])
        return roll

    def _with_thumb(self, side: str, phase: float) -> Array:
        hand = self.hand(side, "flat").copy()
        hand[self._thumb] = THUMB[0] + float(np.clip(phase, 0.0, 1.0)) * (THUMB[1] - THUMB[0])
        return hand

    def _gap(self, roll: Roll) -> float:
        """m between the hand's leading side and the box."""
        box = roll.pose.act(roll.box)
        return float(self._sign * (box[1] - roll.pose.translation[1]) - self._half - self._edge)

    def decide(self, side: str, roll: Roll) -> Decision:
        here, box, gap = roll.pose.translation, roll.pose.act(roll.box), self._gap(roll)
        x, low = box[0] - FINGER, self.top + LOW
        rotation = self._grasp.attitude(side, here)
        if here[2] < low + 0.025 and abs(here[0] - x) < 0.035 and -0.025 < gap < 0.045:
            goal = pin.SE3(rotation, np.array([x, here[1] + self._sign * (gap + 0.02), low]))
            if gap > TOUCHES:
                return Decision("touch", goal, self._with_thumb(side, 0.0 if gap > 0.025 else roll.phase), speed=0.2)
            if roll.phase >= 0.93:
                rest = pin.SE3(rotation, np.array([x, here[1], low]))
                return Decision("done", rest, self._with_thumb(side, 1.0))
            goal.translation[1] = here[1] + self._sign * 0.06
            ahead = roll.phase + PUSH_SPEED / STROKE * STEP_DT
            return Decision("push", goal, self._with_thumb(side, ahead), speed=PUSH_SPEED)
        start = np.array([x, box[1] - self._sign * (self._half + self._edge + 0.02), low])
        return self.onto(roll, pin.SE3(rotation, start), self._with_thumb(side, 0.0), wide=0.010)

    def moved(self, side: str, roll: Roll, decision: Decision) -> None:
        if decision.stage == "push":
            roll.phase += PUSH_SPEED / STROKE * STEP_DT
        elif decision.stage in ("above", "descend", "clear"):
            roll.phase = 0.0
        if decision.stage in ("push", "touch") and (gap := self._gap(roll)) < 0.0:
            roll.box = roll.pose.actInv(roll.pose.act(roll.box) - np.array([0.0, self._sign * gap, 0.0]))
