"""The scripted expert: it knows the scene's truth and says what to do next from wherever the robot is.

The expert keeps no plan. Each call looks at the state, decides the stage the task is in, and rolls a
simple feedback law forward, so that it can demonstrate, recover from a push, and label what a policy did
(dataset aggregation, Ross et al. 2011) with the same code. The laws are in `skills*`.
"""

from __future__ import annotations

import numpy as np

from ..core.language import Instruction
from ..core.robot import RobotSpec
from ..core.scene import SceneConfig
from ..core.values import Array
from .expert_body import ExpertBody
from .expert_values import PROGRESS, SIDES, STEP_DT, Advice, ExpertStyle, ExpertView
from .grasp import Grasp
from .skills import Home, Skill
from .skills_bar import HandOver
from .skills_drawer import Drawer
from .skills_pinch import Move, Pick, Place, PutDown, Stack
from .skills_touch import Point, Press, Push
from .skills_wave import Wave

__all__ = ["HORIZON", "STEP_DT", "Advice", "Expert", "ExpertStyle", "ExpertView"]

HORIZON = 64
SKILLS: dict[str, type[Skill]] = {
    "pick": Pick,
    "place": Place,
    "sort": Place,
    "put_down": PutDown,
    "move": Move,
    "stack": Stack,
    "push": Push,
    "hand_over": HandOver,
    "point": Point,
    "press": Press,
    "open": Drawer,
    "close": Drawer,
    "wave": Wave,
    "home": Home,
}


class Expert:
    """Feedback law for one instruction. `begin` decides which hands act; that never changes afterwards.

    `side`: the hand that acts, or the first one to act. `box`: the name of what it goes for, "" for nothing.
    """

    def __init__(self, robot: RobotSpec, urdf: str, scene: SceneConfig, grasp: Grasp) -> None:
        self.robot, self._scene = robot, scene
        self._body = ExpertBody(robot, urdf, grasp)
        self._skill: Skill | None = None
        self.style = ExpertStyle()
        self.box, self.side = "", "left"

    def begin(self, instruction: Instruction, view: ExpertView, style: ExpertStyle) -> None:
        """Take an instruction. Raises ConfigError when it makes no sense, as "put_down" with both hands empty."""
        self._skill = SKILLS[instruction.skill](self._body, self._scene, instruction, view, style)
        self.style, self.box, self.side = style, self._skill.target, self._skill.sides[0]

    def advise(self, view: ExpertView, steps: int = HORIZON) -> Advice:
        """Roll the feedback law forward from `view` for so many steps; row 0 is where the arms are now."""
        skill, body = self._skill, self._body
        assert skill is not None, "call begin first"
        rows = np.tile(view.position, (steps, 1))
        rest = view.position.copy()
        skill.watch(view)
        rolls = {side: skill.roll(view, side) for side in skill.sides}
        first = ""
        for k in range(steps):
            rows[k] = rest
            rest = body.towards_home(rest, self.style)
            stages = []
            for side, roll in rolls.items():
                decision = skill.decide(side, roll)
                kinematics, hand = body.arms[side], body.hands[side]
                own = kinematics.arm
                rows[k, kinematics.chain[own]], rows[k, hand] = roll.q[own], decision.hand
                body.advance(side, roll, decision, self.style)
                skill.moved(side, roll, decision)
                stages.append(decision.stage)
            for side in SIDES:
                if side not in rolls:
                    rows[k, body.hands[side]] = body.postures[side]["open"]
            first = first or min(stages, key=lambda stage: PROGRESS[stage])
        return Advice(rows, PROGRESS[first], first)

    def goal(self, view: ExpertView) -> Array | None:
        """Where the thing is to go, (x, y) m; None when it goes nowhere."""
        if self._skill is None:
            return None
        self._skill.watch(view)
        return self._skill.goal(view)

    def hand_position(self, view: ExpertView, side: str) -> Array:
        """Where the grasp frame of `side` is, (3,) m in the base frame."""
        arm = self._body.arms[side]
        return np.asarray(arm.pose(view.position[arm.chain]).translation)
