"""Handing the bar over: one hand lifts it by its end, the other takes the other end, the first lets go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pinocchio as pin

from ..core.values import Array
from .expert_values import Decision, ExpertView, Roll
from .skills_pinch import Pinch

END = 0.052  # m from the bar's middle to where it is held
LIFT = 0.13  # m above the bench, the bar while it changes hands
AHEAD = 0.315  # m, its x meanwhile, so that both wrists are clear of the chest
LIFTED = 0.10  # m from which on the other hand may come


class HandOver(Pinch):
    """The bar goes from one hand to the other."""

    retreat = 0.19

    def begin(self, view: ExpertView) -> None:
        self.target = "bar"
        self.receiver = self.instruction.side
        self.giver = "right" if self.receiver == "left" else "left"
        self.sides = (self.giver, self.receiver)
        self._ahead = replace(self.body.grasp, follow=0.5)

    def watch(self, view: ExpertView) -> None:
        bar = view.scene.find("bar")
        rotation = pin.Quaternion(*(float(v) for v in bar.orientation)).toRotationMatrix()
        self._along = rotation @ np.array([0.0, END, 0.0])
        self._rolls: dict[str, Roll] = {}

    def roll(self, view: ExpertView, side: str) -> Roll:
        bar = view.scene.find("bar")
        roll = self.body.begin_roll(view, side, self._end(side, bar.position), bar.size)
        self._rolls[side] = roll
        return roll

    def _end(self, side: str, middle: Array) -> Array:
        return np.asarray(middle + (self._along if side == "left" else -self._along))

    def over(self, side: str, thing: Array) -> pin.SE3:
        return self._ahead.over(side, thing)

    def decide(self, side: str, roll: Roll) -> Decision:
        other = self._rolls[self.receiver if side == self.giver else self.giver]
        return self._give(roll, other) if side == self.giver else self._receive(roll, other)

    def _give(self, roll: Roll, receiving: Roll) -> Decision:
        side = self.giver
        if roll.placed or (receiving.gripped and not roll.gripped):
            return self.leave(side, roll)
        if receiving.gripped:
            return Decision("open", roll.pose, self.hand(side, "open"))
        if not roll.gripped:
            return self.approach(side, roll)
        here, end = roll.pose.translation, roll.pose.act(roll.box)
        up, out = self.top + LIFT - end[2], AHEAD - end[0]
        stage = "lift" if up > LIFT - LIFTED else "wait"
        way = np.array([out if up < 0.05 else 0.0, 0.0, up])
        goal = pin.SE3(self._ahead.attitude(side, here), here + way)
        return Decision(stage, goal, self.hand(side, "closed"), True, 0.3)

    def _receive(self, roll: Roll, giving: Roll) -> Decision:
        side = self.receiver
        if roll.gripped:
            return Decision("done", roll.pose, self.hand(side, "closed"), True)
        end = giving.pose.act(giving.box)
        if not giving.placed and giving.gripped and end[2] > self.top + LIFTED and end[0] > AHEAD - 0.03:
            return self.approach(side, roll)
        return replace(self.leave(side, roll), stage="wait")

    def moved(self, side: str, roll: Roll, decision: Decision) -> None:
        """The receiver's end moves with the giver's."""
        if side == self.giver and roll.gripped and not self._rolls[self.receiver].gripped:
            other = self._rolls[self.receiver]
            way = 2.0 * (self._along if side == "left" else -self._along)
            other.box = other.pose.actInv(roll.pose.act(roll.box) - way)

    def goal(self, view: ExpertView) -> Array:
        return self._end(self.receiver, view.scene.find("bar").position)[:2]
