"""Things that are pinched from above: brought somewhere (pick, place, sort, put_down, move, stack), or pulled."""

from __future__ import annotations

import math

import numpy as np
import pinocchio as pin

from ..core.errors import ConfigError
from ..core.scene_parts import Region
from ..core.tasks import named_box
from ..core.values import Array, SceneObject
from .expert_values import Decision, ExpertView, Roll
from .skills import Skill, loose_things, nearer_side

CARRY = (0.27, 0.15)  # m in the base frame, y towards the acting hand's side
MISSED = 0.93  # closure of the fingers beyond which nothing can be between them
ON_BENCH = 0.03  # m under a box that stands, or falls, on the bench
SPOT_CLEAR = 0.085  # m between the middles of a box that is put down and of another
EGG_CLEAR = 0.13  # m between those of eggs: fingers that open reach further than the thing in them
GENTLY = 0.003  # m above the bench from which an egg may fall
_SPOTS = ((0.0, 0.0), (-0.04, 0.0), (0.04, 0.0), (0.0, -0.03), (-0.04, -0.03), (0.04, -0.03), (0.0, 0.05), (0.08, 0.0))
# Where in a bin a box goes when others are in it, the furthest from them: m from where it goes into an empty one.
_CORNERS = ((0.05, 0.035), (0.05, -0.035), (-0.025, 0.035), (-0.025, -0.035))


class Pinch(Skill):
    """A hand that goes for one thing and closes on it."""

    def approach(self, side: str, roll: Roll) -> Decision:
        """Over the thing, down, and close the fingers when they are around it."""
        box = roll.pose.act(roll.box) if roll.opening == 0.0 else roll.box
        over = box + np.array([*self.style.offset, 0.0])
        goal = self.over(side, over)
        here = roll.pose.translation
        away = float(np.linalg.norm(here[:2] - goal.translation[:2]))
        if roll.closing > 0.0 or self._within_grip(roll.closure, away, here[2] - goal.translation[2]):
            return Decision("close", goal, self.hand(side, "closed"), True)
        return self.onto(roll, goal, self.hand(side, "open"))

    def over(self, side: str, thing: Array) -> pin.SE3:
        """The pose of the grasp frame that has `thing` (3,) m between the fingers."""
        return self.body.grasp.over(side, thing)

    @staticmethod
    def _within_grip(closure: float, away: float, height: float) -> bool:
        """True when closing the fingers is right: on the spot, or already under way and nothing missed.

        A box shifts while the fingers find it, so that fingers that have begun to close may be further off.
        """
        if closure > MISSED:
            return False
        return abs(height) < 0.016 and away < (0.035 if closure > 0.25 else 0.012)


class Bring(Pinch):
    """Take a box, carry it to a place, let go of it there, go home."""

    accuracy = 0.012  # m above the height of release at which the fingers open
    settled = 0.035  # m off its place at which a box that is already low is still lowered

    def begin(self, view: ExpertView) -> None:
        box = named_box(self.instruction, view.scene, view.scene)
        self.take(box)
        self.sides = (box.held_by or nearer_side(float(box.position[1])),)

    def take(self, box: SceneObject) -> None:
        """The box that all is about."""
        self.target = box.name

    def roll(self, view: ExpertView, side: str) -> Roll:
        box = view.scene.find(self.target)
        roll = self.body.begin_roll(view, side, box.position, box.size)
        roll.placed = not roll.gripped and self.is_placed(box.position, box.size)
        return roll

    def is_placed(self, box: Array, edges: Array) -> bool:
        """True when the box has only to be let go of: it is in, or falling into, where it belongs."""
        return False

    def destination(self, side: str) -> Array:
        """Where the box's middle goes, (x, y) m."""
        return np.array([CARRY[0], CARRY[1] if side == "left" else -CARRY[1]])

    def clearance(self, edges: Array) -> float:
        """Height of the box's middle above the bench at which it is let go of, m."""
        return float(edges[2] / 2 + 0.004)

    def ends_in_hand(self) -> bool:
        """True when the box stays in the hand."""
        return False

    def decide(self, side: str, roll: Roll) -> Decision:
        if roll.placed:
            return self.leave(side, roll)
        if not roll.gripped:
            return self.approach(side, roll)
        closed = self.hand(side, "closed")
        here, box = roll.pose.translation, roll.pose.act(roll.box)
        place = self.destination(side)
        away = place - box[:2]
        distance = float(np.linalg.norm(away))
        level = self.top + self.style.hover
        high = here[2] > self.top + self.style.hover - 0.06
        upright = self.body.grasp.attitude(side, place)
        if not self.ends_in_hand() and distance < (0.02 if high else self.settled):
            drop = self.top + self.clearance(roll.edges) - box[2]
            accuracy = GENTLY if math.isfinite(self.scene.breaks) else self.accuracy
            if drop > -accuracy or roll.opening > 0.0:
                return Decision("open", roll.pose, self.hand(side, "open"))
            lower = pin.SE3(upright, np.array([*(here[:2] + away), here[2] + drop]))
            return Decision("lower", lower, closed, True)
        if not high and distance > 0.03:
            return Decision("lift", self.upwards(roll), closed, True)
        stage = "done" if self.ends_in_hand() and distance < 0.03 and high else "carry"
        return Decision(stage, pin.SE3(upright, np.array([*(here[:2] + away), level])), closed, True)


class Pick(Bring):
    """Lift a box and hold it in front of the shoulder."""

    def ends_in_hand(self) -> bool:
        return True


class Place(Bring):
    """Drop a box into a bin; `sort` chooses the bin by the box's size."""

    def take(self, box: SceneObject) -> None:
        super().take(box)
        bin_ = self.instruction.bin or ("left" if box.size_word == "small" else "right")
        self._bin = next(b for b in self.scene.bins if b.name == f"{bin_}_bin")
        self._inside: list[SceneObject] = []

    def watch(self, view: ExpertView) -> None:
        loose = loose_things(view, self.target)
        self._inside = [o for o in loose if self._bin.contains(float(o.position[0]), float(o.position[1]))]

    def is_placed(self, box: Array, edges: Array) -> bool:
        return self._bin.contains(box[0], box[1])

    def destination(self, side: str) -> Array:
        x, y = self._bin.centre
        if self.scene.bench is None:
            return np.asarray(self._bin.centre)
        crosses = (y > 0.0) != (side == "left")
        spots = np.array([x - 0.015, y * (0.7 if crosses else 1.0)]) + np.array([(0.0, 0.0), *_CORNERS])
        away = [np.linalg.norm(spots - o.position[:2], axis=1) for o in self._inside]
        return np.asarray(spots[int(np.argmax(np.min(away, axis=0)))] if away else spots[0])

    def clearance(self, edges: Array) -> float:
        over = [float(o.position[2] + o.size[2] / 2 + edges[2] / 2) - self.top + 0.01 for o in self._inside]
        return max([self.style.release, *over])

    def goal(self, view: ExpertView) -> Array:
        return self.destination(self.sides[0])


class Stand(Bring):
    """Stand a box on a free spot of the bench."""

    spot: Array
    region: Region | None = None

    def watch(self, view: ExpertView) -> None:
        self.spot = self._free_spot(view, self.wanted(view))

    def wanted(self, view: ExpertView) -> Array:
        """Where the box would go if nothing stood there."""
        return np.array(super().destination(self.sides[0]))

    def _free_spot(self, view: ExpertView, wanted: Array) -> Array:
        """`wanted`, or the next spot near it that nothing else stands on."""
        fragile = math.isfinite(self.scene.breaks)
        if self.scene.bench is None and not fragile:  # a box may come to stand on another one
            return wanted
        others = [o.position[:2] for o in loose_things(view, self.target) if o.kind != "bar"]
        inwards = -np.sign(wanted[1])
        spots = [wanted + np.array([dx, -inwards * dy]) for dx, dy in _SPOTS]
        room = [min((float(np.linalg.norm(spot - other)) for other in others), default=1.0) for spot in spots]
        if fragile:
            return spots[int(np.argmax(np.minimum(room, EGG_CLEAR)))]
        return next((spot for spot, clear in zip(spots, room, strict=True) if clear >= SPOT_CLEAR), wanted)

    def destination(self, side: str) -> Array:
        return self.spot

    def is_placed(self, box: Array, edges: Array) -> bool:
        low = bool(box[2] - edges[2] / 2 < self.top + ON_BENCH)
        return low and (self.region is None or self.region.contains(box[0], box[1]))

    def goal(self, view: ExpertView) -> Array | None:
        return self.spot


class PutDown(Stand):
    """Stand the box in the hand on the bench before it."""

    def begin(self, view: ExpertView) -> None:
        held = [o for o in view.scene.objects if o.kind == "box" and o.held_by]
        if not held:
            raise ConfigError("put_down needs a box in a hand; both are empty")
        self.take(held[0])
        self.sides = (held[0].held_by,)

    def wanted(self, view: ExpertView) -> Array:
        if self.scene.bench is None:
            return super().wanted(view)
        return _landing(self.scene.bench.landings, 1.0 if self.sides[0] == "left" else -1.0)

    def goal(self, view: ExpertView) -> Array | None:
        return None if self.scene.bench is None else self.spot


class Move(Stand):
    """Take a box to the other station: to its inner end, where the hand that took it still reaches."""

    def begin(self, view: ExpertView) -> None:
        super().begin(view)
        self.region = next(s for s in self.scene.stations if s.name == f"station_{self.instruction.station}")

    def wanted(self, view: ExpertView) -> Array:
        assert self.region is not None
        if self.scene.bench is None:
            return np.asarray(self.region.centre)
        return _landing(self.scene.bench.landings, self.region.centre[1])


class Stack(Bring):
    """Stand a box on another one."""

    accuracy, retreat, settled = 0.008, 0.24, 0.02

    def watch(self, view: ExpertView) -> None:
        self._lower = view.scene.find(f"box_{self.instruction.onto}")

    def is_placed(self, box: Array, edges: Array) -> bool:
        off = np.abs(box[:2] - self._lower.position[:2])
        bottom = box[2] - edges[2] / 2
        return bool(np.all(off < self._lower.size[:2] / 2) and bottom > self._lower_top() - 0.02)

    def _lower_top(self) -> float:
        return float(self._lower.position[2] + self._lower.size[2] / 2)

    def destination(self, side: str) -> Array:
        return np.asarray(self._lower.position[:2])

    def clearance(self, edges: Array) -> float:
        return float(self._lower_top() - self.top + edges[2] / 2 + 0.003)

    def goal(self, view: ExpertView) -> Array:
        return view.scene.find(self._lower.name).position[:2]


def _landing(landings: tuple[tuple[float, float], ...], y: float) -> Array:
    return np.array(next(spot for spot in landings if spot[1] * y > 0.0))
