"""What a hand does without gripping: point at a box, press the button, push a box aside."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from ..core.values import Array
from .expert_values import STEP_DT, Decision, ExpertView, Roll
from .skills import Skill, nearer_side

POINT_OVER = 0.045  # m between the fingertip and the box it points at
POINTED = 0.012  # m off that still counts
ON_CAP = 0.025  # m off the middle of the button at which it is still kept pressed
PRESS_INTO = 0.022  # m below the resting cap the fingertip aims at
PUSH_SPEED = 0.17
TURNED, TURN = 0.2, 1.5  # rad off its attitude from which on a hand does not go down to push, and rad/s to get there
DOWN = 0.010  # m by which a hand that is too high aims lower while it pushes
THUMB_RATE = 1.2  # 1/s of the thumb's way; at this rate a box goes some 9 cm meanwhile
THUMB = (0.35, -0.15)  # rad, flexion of the thumb when a push begins and when it has gone far enough
TOUCHES = 0.010  # m between hand and box that count as none
PUSH_AHEAD, PUSH_INWARDS = 0.26, -0.4  # m, rad: from this y outwards the fingers point ahead, else inwards up to
PUSH_LOW = 0.021  # m above the bench, the grasp frame of a hand that pushes
LEADS = {"index": 0.024, "little": -0.056}  # m from it, y of the hand's two sides in the left hand's frame
FINGERS = 0.012  # m, x of the fingers there


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
    """Shove a box aside with the side of the hand. How far it has come shows in the thumb, which opens meanwhile."""

    def begin(self, view: ExpertView) -> None:
        box = view.scene.find(f"box_{self.instruction.colour}")
        side = nearer_side(float(box.position[1]))
        self.target, self.sides = box.name, (side,)
        self._sign, mirror = (1.0 if way == "left" else -1.0 for way in (self.instruction.side, side))
        # Palm down the index finger leads towards the middle of the bench, the little finger away from it.
        self._lead = LEADS["index" if self._sign != mirror else "little"]
        self._mirror = mirror
        self._low = self.top + PUSH_LOW
        self._thumb = self.body.fingers(side, ("thumb_cmc_flexion",))[0]

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

    def _turned(self, y: float) -> tuple[Array, Array]:
        """Attitude of a hand at `y` m, the more inwards the further it reaches across, and its leading side from it."""
        heading = np.clip(np.arctan2(self._mirror * y - PUSH_AHEAD, 0.2), PUSH_INWARDS, 0.0)
        rotation = pin.rpy.rpyToMatrix(0.0, 0.0, self._mirror * float(heading)) @ np.diag([1.0, -1.0, -1.0])
        return rotation, rotation @ np.array([FINGERS, self._mirror * self._lead, 0.0])

    def _gap(self, roll: Roll) -> float:
        """m between the hand's leading side and the box."""
        box, y = roll.pose.act(roll.box), roll.pose.translation[1]
        return float(self._sign * (box[1] - y - self._turned(y)[1][1]) - self._half)

    def decide(self, side: str, roll: Roll) -> Decision:
        here, box, gap = roll.pose.translation, roll.pose.act(roll.box), self._gap(roll)
        rotation, lead = self._turned(here[1])
        x = box[0] - lead[0]
        near = abs(here[0] - x) < 0.035 and -0.025 < gap < 0.045
        if near and here[2] < self._low + (0.007 if gap > TOUCHES else 0.025):
            # Gently: a hand that presses the box down while it pushes gets stuck on it.
            level = here[2] + float(np.clip(self._low - here[2], -DOWN, DOWN))
            goal = pin.SE3(rotation, np.array([x, here[1] + self._sign * (gap + 0.02), level]))
            if gap > TOUCHES:
                return Decision("touch", goal, self._with_thumb(side, 0.0 if gap > 0.025 else roll.phase), speed=0.2)
            if roll.phase >= 0.93:
                rest = pin.SE3(rotation, np.array([x, *here[1:]]))
                return Decision("done", rest, self._with_thumb(side, 1.0))
            goal.translation[1] = here[1] + self._sign * 0.06
            return Decision("push", goal, self._with_thumb(side, roll.phase + THUMB_RATE * STEP_DT), speed=PUSH_SPEED)
        rotation, lead = self._turned(box[1] - self._sign * (self._half + 0.06))
        behind = np.array([0.0, self._sign * (self._half + 0.02)])
        start = pin.SE3(rotation, np.array([*(box[:2] - behind - lead[:2]), self._low]))
        if here[2] > self._low + 0.06 and np.linalg.norm(pin.log3(roll.pose.rotation.T @ rotation)) > TURNED:
            # A hand that turns much on its way down strays from it: it turns above all things first.
            over = pin.SE3(rotation, np.array([*start.translation[:2], self.top + self.style.hover]))
            return Decision("above", over, self._with_thumb(side, 0.0), turn=TURN)
        return self.onto(roll, start, self._with_thumb(side, 0.0), wide=0.010)

    def moved(self, side: str, roll: Roll, decision: Decision) -> None:
        if decision.stage == "push":
            roll.phase += THUMB_RATE * STEP_DT
        elif decision.stage in ("above", "descend", "clear"):
            roll.phase = 0.0
        if decision.stage in ("push", "touch") and (gap := self._gap(roll)) < 0.0:
            roll.box = roll.pose.actInv(roll.pose.act(roll.box) - np.array([0.0, self._sign * gap, 0.0]))
