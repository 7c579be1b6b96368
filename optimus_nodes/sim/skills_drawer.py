"""The drawer: its upright handle is pinched and pulled, or pushed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pinocchio as pin

from ..core.values import Array
from .expert_values import Decision, ExpertView, Roll
from .skills import nearer_side
from .skills_pinch import Pinch

GRIP = np.array([0.0, 0.0, 0.010])  # m from the handle's middle to where it is held
OPENED, CLOSED = 0.098, 0.005  # m beyond which the drawer counts as open, below which as closed
BEYOND = 0.012  # m the hand aims further
SPEED = 0.30


class Drawer(Pinch):
    """Open or close the drawer."""

    retreat = 0.18

    def begin(self, view: ExpertView) -> None:
        self.target = "drawer"
        self.sides = (nearer_side(float(view.scene.find("drawer").position[1])),)
        self._level = replace(self.body.grasp, tilt=0.0)
        self._opens = self.instruction.skill == "open"

    def watch(self, view: ExpertView) -> None:
        drawer = view.scene.find("drawer")
        self._shut = float(drawer.position[0]) + drawer.state  # x of the handle when the drawer is closed
        self._height = float(drawer.position[2] + GRIP[2])

    def roll(self, view: ExpertView, side: str) -> Roll:
        drawer = view.scene.find("drawer")
        roll = self.body.begin_roll(view, side, drawer.position + GRIP, drawer.size)
        roll.placed = not roll.gripped and self._is_there(drawer.state)
        return roll

    def over(self, side: str, thing: Array) -> pin.SE3:
        return self._level.over(side, thing)

    def _is_there(self, opened: float) -> bool:
        return opened >= OPENED if self._opens else opened <= CLOSED

    def decide(self, side: str, roll: Roll) -> Decision:
        if roll.placed:
            return self.leave(side, roll)
        if not roll.gripped:
            return self.approach(side, roll)
        here, handle = roll.pose.translation, roll.pose.act(roll.box)
        if roll.opening > 0.0 or self._is_there(self._shut - handle[0]):
            return Decision("open", roll.pose, self.hand(side, "open"))
        to = self._shut - (OPENED + BEYOND if self._opens else -BEYOND)
        goal = here + np.array([to - handle[0], 0.0, self._height - handle[2]])
        return Decision("pull", pin.SE3(roll.pose.rotation, goal), self.hand(side, "closed"), True, SPEED)

    def goal(self, view: ExpertView) -> Array:
        drawer = view.scene.find("drawer")
        shut = float(drawer.position[0]) + drawer.state
        return np.array([shut - (OPENED if self._opens else 0.0), drawer.position[1]])
