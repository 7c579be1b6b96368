"""What every skill of the scripted expert shares. A skill is a law: the state in, what each acting hand does out.

Nothing is remembered between two calls but the instruction and which hands act, so that the same code demonstrates,
recovers from a push and labels what a policy did. Where a motion has a phase, the posture shows it.
"""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from ..core.errors import ConfigError
from ..core.language import Instruction
from ..core.scene import SceneConfig
from ..core.values import Array, SceneObject
from .expert_body import ExpertBody
from .expert_values import SIDES, Decision, ExpertStyle, ExpertView, Roll

RETREAT, BENCH_REACHED = 0.15, 0.24  # m: below this height and beyond this x the hand first goes up
AT_HOME = 0.1  # rad, largest joint error


def nearer_side(y: float) -> str:
    """The hand that works at `y` m."""
    return "left" if y >= 0.0 else "right"


class Skill:
    """One instruction being carried out. `sides`: the hands that act, foremost first; `target`: what it goes for."""

    retreat = RETREAT

    def __init__(
        self, body: ExpertBody, scene: SceneConfig, instruction: Instruction, view: ExpertView, style: ExpertStyle
    ) -> None:
        self.body, self.scene, self.instruction, self.style = body, scene, instruction, style
        self.top = scene.bench_top
        self.sides: tuple[str, ...] = SIDES
        self.target = ""
        self.begin(view)

    def begin(self, view: ExpertView) -> None:
        """Choose hands and things."""

    def watch(self, view: ExpertView) -> None:
        """Look at the state once before the hands are rolled forward."""

    def roll(self, view: ExpertView, side: str) -> Roll:
        """The hand as it is now."""
        return self.body.begin_roll(view, side, None)

    def decide(self, side: str, roll: Roll) -> Decision:
        """What the hand does next."""
        raise NotImplementedError

    def moved(self, side: str, roll: Roll, decision: Decision) -> None:
        """What the scene does while the hand is rolled forward by a step."""

    def goal(self, view: ExpertView) -> Array | None:
        """Where the thing is to go, (x, y) m; None when it goes nowhere."""
        return None

    def hand(self, side: str, posture: str) -> Array:
        """The fingers of `side` in a posture by name, (H,) rad."""
        found = self.body.postures[side].get(posture)
        if found is None:
            raise ConfigError(f"config/robots/{self.body.robot.name}.yaml has no posture {posture!r} of the hands")
        return found

    def leave(self, side: str, roll: Roll, posture: str = "open") -> Decision:
        """Up from the bench, then home."""
        hand = self.hand(side, posture)
        if float(np.max(np.abs(roll.q - self.body.robot.home[self.body.arms[side].chain]))) < AT_HOME:
            return Decision("done", None, hand)
        here = roll.pose.translation
        if here[2] < self.top + self.retreat and here[0] > BENCH_REACHED:
            return Decision("retreat", self.upwards(roll), hand)
        return Decision("home", None, hand)

    def upwards(self, roll: Roll) -> pin.SE3:
        """Straight above where the hand is."""
        level = self.top + max(self.style.hover, self.retreat + 0.01)
        return pin.SE3(roll.pose.rotation, np.array([*roll.pose.translation[:2], level]))

    def onto(self, roll: Roll, goal: pin.SE3, hand: Array, wide: float = 0.014) -> Decision:
        """Over the goal at a height that clears all things, then down on it within a narrow cone."""
        here = roll.pose.translation
        away = float(np.linalg.norm(here[:2] - goal.translation[:2]))
        height = here[2] - goal.translation[2]
        if away < wide + 0.12 * max(height, 0.0) and height > -0.03:
            return Decision("descend", goal, hand)
        if height < 0.06:
            return Decision("clear", self.upwards(roll), hand)
        hover = max(goal.translation[2] + 0.09, self.top + self.style.hover - 0.05)
        return Decision("above", pin.SE3(goal.rotation, np.array([*goal.translation[:2], hover])), hand)


class Home(Skill):
    """Both arms to the home posture."""

    def decide(self, side: str, roll: Roll) -> Decision:
        return self.leave(side, roll)


def loose_things(view: ExpertView, but: str) -> list[SceneObject]:
    """Everything that stands loose on the bench but the thing named."""
    return [o for o in view.scene.objects if o.kind in ("box", "bar", "distractor") and o.name != but]
