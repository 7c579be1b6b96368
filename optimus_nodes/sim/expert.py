"""The scripted expert: it knows the scene's truth and says what to do next from wherever the robot is.

The expert keeps no plan. Each call looks at the state, decides the stage the task is in, and rolls a
simple feedback law forward, so that it can demonstrate, recover from a push, and label what a policy did
(dataset aggregation, Ross et al. 2011) with the same code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from ..core.errors import ConfigError
from ..core.language import Instruction
from ..core.robot import RobotSpec
from ..core.scene import SceneConfig
from ..core.values import Array, SceneState
from .arm import ArmKinematics
from .grasp import Grasp

STEP_DT = 0.05
HORIZON = 16
SIDES = ("left", "right")
CARRY = (0.27, 0.15)  # m in the base frame, y towards the acting hand's side
CLOSE_TIME, OPEN_TIME = 0.45, 0.25  # s the forward roll allows the fingers
RETREAT, BENCH_REACHED = 0.15, 0.24  # m: below this height and beyond this x the hand first goes up
AT_HOME = 0.1  # rad, largest joint error
MISSED = 0.93  # closure of the fingers beyond which nothing can be between them
FIRM = 4.0  # N on the fingertips together that counts as gripped
PROGRESS = {
    "clear": 0.1,
    "above": 0.15,
    "descend": 0.25,
    "close": 0.35,
    "lift": 0.45,
    "carry": 0.55,
    "lower": 0.65,
    "open": 0.75,
    "retreat": 0.8,
    "home": 0.85,
    "done": 1.0,
}


@dataclass(frozen=True, slots=True)
class ExpertStyle:
    """How one demonstration is done: speeds in m/s and rad/s, heights in m above the bench."""

    speed: float = 0.55
    turn: float = 3.0
    joint_speed: float = 1.5
    gain: float = 5.0
    slowest: float = 0.08
    hover: float = 0.22
    release: float = 0.095
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ExpertView:
    """All the expert looks at: joints (J,) rad, touch (P,) N and the scene's truth."""

    position: Array
    tactile: Array
    scene: SceneState


@dataclass(frozen=True, slots=True)
class Advice:
    """What the expert would do: `positions` (HORIZON, J) rad every STEP_DT from now, `progress` 0-1, and why."""

    positions: Array
    progress: float
    stage: str


@dataclass
class _Roll:
    """The acting hand while the law is rolled forward: chain joints `q` (8,) and the box as seen from it."""

    q: Array
    pose: pin.SE3
    box: Array
    edges: Array
    gripped: bool
    placed: bool
    closing: float = 0.0
    opening: float = 0.0
    closure: float = 0.0


class Expert:
    """Feedback law for one instruction. `begin` decides which hand acts; that never changes afterwards."""

    def __init__(self, robot: RobotSpec, urdf: str, scene: SceneConfig, grasp: Grasp) -> None:
        self.robot, self._scene, self._grasp = robot, scene, grasp
        self._arms = {side: ArmKinematics(robot, urdf, side) for side in SIDES}
        self._hands = {side: robot.group(f"{side}_hand") for side in SIDES}
        self._postures = {side: grasp.postures(robot, side) for side in SIDES}
        self._pads = {side: _pads(robot, side) for side in SIDES}
        self._knuckles = {
            side: [robot.groups[f"{side}_hand"].index(f"{side}_{finger}_mcp_joint") for finger in ("index", "middle")]
            for side in SIDES
        }
        self._skill, self._bin = "home", ""
        self.box = ""
        self.side = "left"
        self.style = ExpertStyle()

    def begin(self, instruction: Instruction, view: ExpertView, style: ExpertStyle) -> None:
        """Take an instruction. Raises ConfigError when "put_down" is asked with both hands empty."""
        self._skill, self.style, self._bin = instruction.skill, style, f"{instruction.bin}_bin"
        self.box = ""
        if instruction.skill in ("pick", "place"):
            box = view.scene.find(f"box_{instruction.colour}")
            self.side = box.held_by or ("left" if box.position[1] >= 0.0 else "right")
            self.box = box.name
        elif instruction.skill == "put_down":
            held = [box for box in view.scene.objects if box.held_by]
            if not held:
                raise ConfigError("put_down needs a box in a hand; both are empty")
            self.box, self.side = held[0].name, held[0].held_by

    def advise(self, view: ExpertView) -> Advice:
        """Roll the feedback law forward from `view` for HORIZON steps; row 0 is where the arms are now."""
        rows = np.tile(view.position, (HORIZON, 1))
        rest = view.position.copy()
        rolls = {side: self._begin_roll(view, side) for side in SIDES if self._acts(side)}
        first = ""
        for k in range(HORIZON):
            rows[k] = rest
            rest = self._towards_home(rest)
            stages = []
            for side, roll in rolls.items():
                stage, goal, closed = self._decide(side, roll)
                arm, hand = self._arms[side].chain[2:], self._hands[side]
                rows[k, arm], rows[k, hand] = roll.q[2:], self._postures[side][int(closed)]
                self._advance(side, roll, goal, closed)
                stages.append(stage)
            for side in SIDES:
                if side not in rolls:
                    rows[k, self._hands[side]] = self._postures[side][0]
            first = first or min(stages, key=lambda stage: PROGRESS[stage])
        return Advice(rows, PROGRESS[first], first)

    def hand_position(self, view: ExpertView, side: str) -> Array:
        """Where the grasp frame of `side` is, (3,) m in the base frame."""
        arm = self._arms[side]
        return np.asarray(arm.pose(view.position[arm.chain]).translation)

    def _acts(self, side: str) -> bool:
        return self._skill == "home" or side == self.side

    def _begin_roll(self, view: ExpertView, side: str) -> _Roll:
        arm = self._arms[side]
        q = view.position[arm.chain]
        pose = arm.pose(q)
        if not self.box:
            return _Roll(q, pose, np.zeros(3), np.zeros(3), False, False)
        box = view.scene.find(self.box)
        near = float(np.linalg.norm(box.position - pose.translation)) < 0.05
        gripped = near and float(view.tactile[self._pads[side]].sum()) > FIRM
        placed = not gripped and self._is_placed(box.position, box.size)
        closure = self._closure(view, side)
        return _Roll(q, pose, pose.actInv(box.position), box.size, gripped, placed, closure=closure)

    def _closure(self, view: ExpertView, side: str) -> float:
        """How far index and middle finger are from open (0) to closed on nothing (1)."""
        knuckles = self._knuckles[side]
        opened, closed = (posture[knuckles] for posture in self._postures[side])
        at = view.position[self._hands[side]][knuckles]
        return float(np.mean((at - opened) / (closed - opened)))

    def _is_placed(self, box: Array, edges: Array) -> bool:
        """True when the box has only to be let go of: it is in, or falling into, where it belongs."""
        if self._skill == "place":
            return next(b for b in self._scene.bins if b.name == self._bin).contains(box[0], box[1])
        return self._skill == "put_down" and box[2] - edges[2] / 2 < self._scene.bench_top + 0.03

    def _decide(self, side: str, roll: _Roll) -> tuple[str, pin.SE3 | None, bool]:
        """The stage, the pose to go to (None: the home posture) and whether the fingers close."""
        style, top = self.style, self._scene.bench_top
        here = roll.pose.translation
        high = here[2] > top + style.hover - 0.06
        if self._skill == "home" or roll.placed:
            return self._leave(side, roll)
        if roll.gripped:
            return self._bring(side, roll, high)
        box = roll.pose.act(roll.box) if roll.opening == 0.0 else roll.box
        over = box + np.array([*style.offset, 0.0])
        goal = self._grasp.over(side, over)
        away = float(np.linalg.norm(here[:2] - goal.translation[:2]))
        height = here[2] - goal.translation[2]
        if roll.closing > 0.0 or self._within_grip(roll.closure, away, height):
            return "close", goal, True
        if away < 0.014 + 0.12 * max(height, 0.0) and height > -0.03:
            return "descend", goal, False
        if height < 0.06:
            return "clear", pin.SE3(roll.pose.rotation, np.array([*here[:2], top + style.hover])), False
        hover = max(goal.translation[2] + 0.09, top + style.hover - 0.05)
        return "above", pin.SE3(goal.rotation, np.array([*goal.translation[:2], hover])), False

    @staticmethod
    def _within_grip(closure: float, away: float, height: float) -> bool:
        """True when closing the fingers is right: on the spot, or already under way and nothing missed.

        A box shifts while the fingers find it, so that fingers that have begun to close may be further off.
        """
        if closure > MISSED:
            return False
        return abs(height) < 0.016 and away < (0.035 if closure > 0.25 else 0.012)

    def _leave(self, side: str, roll: _Roll) -> tuple[str, pin.SE3 | None, bool]:
        if float(np.max(np.abs(roll.q - self.robot.home[self._arms[side].chain]))) < AT_HOME:
            return "done", None, False
        here = roll.pose.translation
        if here[2] < self._scene.bench_top + RETREAT and here[0] > BENCH_REACHED:
            up = pin.SE3(roll.pose.rotation, np.array([*here[:2], self._scene.bench_top + self.style.hover]))
            return "retreat", up, False
        return "home", None, False

    def _bring(self, side: str, roll: _Roll, high: bool) -> tuple[str, pin.SE3 | None, bool]:
        """The box is in the hand: lift it, carry it to where it belongs, lower it, let go."""
        style, top = self.style, self._scene.bench_top
        here, box = roll.pose.translation, roll.pose.act(roll.box)
        place = self._destination(side)
        away = place - box[:2]
        distance = float(np.linalg.norm(away))
        level = top + style.hover
        upright = self._grasp.attitude(side, place)
        if self._skill != "pick" and distance < 0.02:
            clearance = style.release if self._skill == "place" else roll.edges[2] / 2 + 0.004
            drop = top + clearance - box[2]
            if drop > -0.012 or roll.opening > 0.0:
                return "open", roll.pose, False
            return "lower", pin.SE3(upright, np.array([*(here[:2] + away), here[2] + drop])), True
        if not high and distance > 0.03:
            return "lift", pin.SE3(roll.pose.rotation, np.array([*here[:2], level])), True
        stage = "done" if self._skill == "pick" and distance < 0.03 and high else "carry"
        return stage, pin.SE3(upright, np.array([*(here[:2] + away), level])), True

    def _destination(self, side: str) -> Array:
        if self._skill == "place":
            return np.asarray(next(b for b in self._scene.bins if b.name == self._bin).centre)
        return np.array([CARRY[0], CARRY[1] if side == "left" else -CARRY[1]])

    def _advance(self, side: str, roll: _Roll, goal: pin.SE3 | None, closed: bool) -> None:
        """Move the rolled hand one STEP_DT along the law, and let the fingers take their time."""
        arm, style = self._arms[side], self.style
        if goal is None:
            home = self.robot.home[arm.chain]
            roll.q = roll.q + _limited((home - roll.q) * style.gain, style.joint_speed) * STEP_DT
            roll.pose = arm.pose(roll.q)
            return
        way = goal.translation - roll.pose.translation
        linear = _limited(_hasten(way * style.gain, style.slowest, way), style.speed)
        angular = _limited(pin.log3(roll.pose.rotation.T @ goal.rotation) * style.gain, style.turn)
        rotation = roll.pose.rotation @ pin.exp3(angular * STEP_DT)
        roll.q = arm.solve(pin.SE3(rotation, roll.pose.translation + linear * STEP_DT), roll.q)
        box = roll.pose.act(roll.box)
        roll.pose = arm.pose(roll.q)
        if not roll.gripped and not roll.placed:
            roll.box = roll.pose.actInv(box)
            roll.closing = roll.closing + STEP_DT if closed else 0.0
            roll.gripped = roll.closing >= CLOSE_TIME
        elif roll.gripped and not closed:
            roll.opening += STEP_DT
            roll.gripped = roll.opening < OPEN_TIME
            roll.placed = not roll.gripped

    def _towards_home(self, q: Array) -> Array:
        return np.asarray(q + _limited((self.robot.home - q) * self.style.gain, self.style.joint_speed) * STEP_DT)


def _limited(vector: Array, most: float) -> Array:
    """`vector` scaled down to length `most` (for joints: to a largest component of `most`)."""
    size = float(np.linalg.norm(vector)) if len(vector) == 3 else float(np.max(np.abs(vector)))
    return vector if size <= most else vector * (most / size)


def _hasten(velocity: Array, slowest: float, way: Array) -> Array:
    """`velocity` raised to `slowest`, unless that would overshoot what is left of the `way`."""
    speed, left = float(np.linalg.norm(velocity)), float(np.linalg.norm(way))
    if speed >= slowest or speed < 1e-9:
        return velocity
    return velocity * (min(slowest, left / STEP_DT) / speed)


def _pads(robot: RobotSpec, side: str) -> list[int]:
    """Indices of the fingertips' pads of `side`."""
    return [k for k, pad in enumerate(robot.tactile_pads) if pad.startswith(f"{side}_") and "palm" not in pad]
