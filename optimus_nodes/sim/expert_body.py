"""The robot as the scripted expert knows it: arms, fingers, touch, and how a hand moves along a decision."""

from __future__ import annotations

import math

import numpy as np
import pinocchio as pin

from ..core.robot import RobotSpec
from ..core.values import Array
from .arm import ArmKinematics, index_tip
from .expert_values import SIDES, STEP_DT, Decision, ExpertStyle, ExpertView, Roll
from .grasp import Grasp

CLOSE_TIME, OPEN_TIME = 0.45, 0.25  # s the forward roll allows the fingers
FIRM = 4.0  # N on the fingertips together that counts as gripped
NEAR = 0.05  # m between grasp frame and thing within which it can be in the hand


class ExpertBody:
    """Kinematics and postures of both hands. `hands`: joint indices (H,); `postures`: (H,) rad by side and name."""

    def __init__(self, robot: RobotSpec, urdf: str, grasp: Grasp) -> None:
        self.robot, self.grasp = robot, grasp
        self.arms = {side: ArmKinematics(robot, urdf, side) for side in SIDES}
        self.hands = {side: robot.group(f"{side}_hand") for side in SIDES}
        self.postures = {side: grasp.hand_postures(robot, side) for side in SIDES}
        self.tips = {side: index_tip(robot, urdf, side, self.postures[side]["point"]) for side in SIDES}
        self._pads = {side: _pads(robot, side) for side in SIDES}
        knuckles = [name for name in ("index_mcp", "middle_mcp") if f"left_{name}_joint" in robot.joint_names]
        self._knuckles = {side: self.fingers(side, tuple(knuckles)) for side in SIDES}
        self._knuckle_range = {
            side: [self.postures[side][name][self._knuckles[side]] for name in ("open", "closed")] for side in SIDES
        }

    def fingers(self, side: str, names: tuple[str, ...]) -> list[int]:
        """Where joints such as "index_mcp" are within the hand's (H,)."""
        return [self.robot.groups[f"{side}_hand"].index(f"{side}_{name}_joint") for name in names]

    def force(self, view: ExpertView, side: str) -> float:
        """N on the fingertips of `side` together."""
        return float(view.tactile[self._pads[side]].sum())

    def begin_roll(self, view: ExpertView, side: str, thing: Array | None, edges: Array | None = None) -> Roll:
        """The hand as it is now, and whether it grips the thing that is held at `thing` (3,) m."""
        arm = self.arms[side]
        q = view.position[arm.chain]
        pose = arm.pose(q)
        if thing is None:
            return Roll(q, pose, np.zeros(3), np.zeros(3), False, False)
        near = float(np.linalg.norm(thing - pose.translation)) < NEAR
        gripped = near and self.force(view, side) > FIRM
        size = np.zeros(3) if edges is None else edges
        return Roll(q, pose, pose.actInv(thing), size, gripped, False, closure=self._closure(view, side))

    def _closure(self, view: ExpertView, side: str) -> float:
        """How far index and middle finger are from open (0) to closed on nothing (1)."""
        opened, closed = self._knuckle_range[side]
        if not len(opened):
            return 0.0
        at = view.position[self.hands[side]][self._knuckles[side]]
        return float(np.mean((at - opened) / (closed - opened)))

    def advance(self, side: str, roll: Roll, decision: Decision, style: ExpertStyle) -> None:
        """Move the rolled hand one STEP_DT along the law, and let the fingers take their time."""
        arm, goal = self.arms[side], decision.goal
        if not isinstance(goal, pin.SE3):
            to = self.robot.home[arm.chain] if goal is None else goal
            roll.q = roll.q + limited((to - roll.q) * style.gain, decision.speed or style.joint_speed) * STEP_DT
            pose = arm.pose(roll.q)
            if goal is not None:
                roll.box = pose.actInv(roll.pose.act(roll.box))
            roll.pose = pose
            return
        way = goal.translation - roll.pose.translation
        linear = limited(_hasten(way * style.gain, style.slowest, way), decision.speed or style.speed)
        angular = limited(pin.log3(roll.pose.rotation.T @ goal.rotation) * style.gain, decision.turn or style.turn)
        rotation = roll.pose.rotation @ pin.exp3(angular * STEP_DT)
        roll.q = arm.solve(pin.SE3(rotation, roll.pose.translation + linear * STEP_DT), roll.q)
        box = roll.pose.act(roll.box)
        roll.pose = arm.pose(roll.q)
        if not roll.gripped and not roll.placed:
            roll.box = roll.pose.actInv(box)
            roll.closing = roll.closing + STEP_DT if decision.closes else 0.0
            roll.gripped = roll.closing >= CLOSE_TIME
        elif roll.gripped and not decision.closes:
            roll.opening += STEP_DT
            roll.gripped = roll.opening < OPEN_TIME
            roll.placed = not roll.gripped

    def towards_home(self, q: Array, style: ExpertStyle) -> Array:
        """All joints (J,) rad one STEP_DT later on their way home."""
        return np.asarray(q + limited((self.robot.home - q) * style.gain, style.joint_speed) * STEP_DT)


def limited(vector: Array, most: float) -> Array:
    """`vector` scaled down to length `most` (for joints: to a largest component of `most`)."""
    size = math.sqrt(vector.dot(vector)) if len(vector) == 3 else float(np.abs(vector).max())
    return vector if size <= most else vector * (most / size)


def _hasten(velocity: Array, slowest: float, way: Array) -> Array:
    """`velocity` raised to `slowest`, unless that would overshoot what is left of the `way`."""
    speed = math.sqrt(velocity.dot(velocity))
    if speed >= slowest or speed < 1e-9:
        return velocity
    return velocity * (min(slowest, math.sqrt(way.dot(way)) / STEP_DT) / speed)


def _pads(robot: RobotSpec, side: str) -> list[int]:
    """Indices of the fingertips' pads of `side`."""
    return [k for k, pad in enumerate(robot.tactile_pads) if pad.startswith(f"{side}_") and "palm" not in pad]
