"""A plan and its steps as values, and the task the policy follows now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class StepState(Enum):
    """Where one step stands. The names are those of the constants in PlanStep.msg."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PlanState(Enum):
    """Where a plan stands. The names are those of the constants in Plan.msg."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Task:
    """The one sub-instruction the policy follows. An empty `sentence` means: no task, send no actions."""

    id: int = 0
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step: the `sentence` given to the policy, its `progress` 0 to 1, and why it ended badly, if so."""

    sentence: str
    state: StepState = StepState.PENDING
    progress: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the planner does about an instruction. `say` is the last thing the robot said about it."""

    id: int = 0
    instruction: str = ""
    steps: tuple[PlanStep, ...] = ()
    state: PlanState = PlanState.RUNNING
    say: str = ""

    @property
    def outline(self) -> tuple[object, ...]:
        """Everything but the progress figures, to tell news from mere progress."""
        return self.id, self.state, self.say, tuple((step.state, step.reason) for step in self.steps)
