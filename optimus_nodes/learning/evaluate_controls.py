"""Policies that are none: what an evaluation must give for one that knows everything, and for one that does nothing."""

from __future__ import annotations

import numpy as np

from ..core.language import Instruction
from ..core.robot import RobotSpec
from ..core.tasks import TaskJudge
from ..core.values import Array, Observation, PolicyOutput
from ..sim.expert import HORIZON, STEP_DT, Expert, ExpertStyle, ExpertView
from ..sim.grasp import Grasp
from .rollout import LockStep

CONTROLS = ("expert", "still")
PREPARATION_LIMIT = 14.0  # s
PREPARED_FOR = 0.5  # s that a preparation must last


class ExpertPolicy:
    """The scripted expert, which reads the truth of the loop it is set on. A control: it must succeed nearly always."""

    policy_id, step_dt = "expert", STEP_DT

    def __init__(self, robot: RobotSpec, urdf: str) -> None:
        self._robot, self._urdf = robot, urdf
        self._loop: LockStep | None = None
        self._expert: Expert | None = None

    def begin(self, loop: LockStep, instruction: Instruction) -> None:
        """Act in `loop` from now on, and do `instruction` there."""
        assert loop.world.scene is not None
        self._loop = loop
        self._expert = Expert(self._robot, self._urdf, loop.world.scene, Grasp.of(self._robot))
        self._expert.begin(instruction, self._view(loop), ExpertStyle())

    def reset(self) -> None:
        """Nothing is remembered."""

    def infer(self, observation: Observation) -> PolicyOutput:
        """What the expert would do; `observation` is not looked at."""
        assert self._loop is not None and self._expert is not None
        advice = self._expert.advise(self._view(self._loop))
        return PolicyOutput(advice.positions, advice.progress)

    def play(self, loop: LockStep, instruction: Instruction) -> str:
        """Carry out `instruction` in `loop`, unseen; returns why it is not done, "" when it is."""
        self.begin(loop, instruction)
        judge, done_for = TaskJudge(instruction, loop.world.scene_state()), 0.0
        for _ in range(int(PREPARATION_LIMIT / STEP_DT)):
            decided = self.infer(loop.observe("", ()))
            loop.advance(decided.positions, decided.progress, STEP_DT, self.policy_id)
            judge.see(loop.world.scene_state(), loop.world.body())
            done = decided.progress == 1.0 and judge.done()
            done_for = done_for + STEP_DT if done else 0.0
            if done_for >= PREPARED_FOR:
                return ""
        return judge.why_not() or "it took too long"

    @staticmethod
    def _view(loop: LockStep) -> ExpertView:
        return ExpertView(loop.world.joint_state().position, loop.world.tactile(), loop.world.scene_state())


class StillPolicy:
    """Stays where it is and says it is done. A control: it must hardly ever succeed."""

    policy_id, step_dt = "still", STEP_DT

    def __init__(self) -> None:
        self._at: Array | None = None

    def reset(self) -> None:
        """Stay where the next observation finds the joints."""
        self._at = None

    def infer(self, observation: Observation) -> PolicyOutput:
        """The joints as they were at first."""
        self._at = observation.position.copy() if self._at is None else self._at
        return PolicyOutput(np.tile(self._at, (HORIZON, 1)), 1.0)
