"""The port every planner fits: words and what went before in, a proposal out.

`is_stop` stands here and not in a planner, because no back end, however slow, may stand between
a person who says "stop" and the robot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .errors import ConfigError
from .grounding import Gap
from .intent import Intent, Memory
from .world import Step, World

Status = Literal["plan", "question", "answer", "refused", "stop"]
STATUSES: tuple[Status, ...] = ("plan", "question", "answer", "refused", "stop")

_STOP_FIRST = frozenset(("stop", "halt", "cancel", "abort", "freeze"))
_BEFORE_STOP = frozenset(
    (
        "please",
        "now",
        "robot",
        "optimus",
        "hey",
        "no",
        "ok",
        "okay",
        "oh",
        "wait",
        "quick",
        "just",
        "can",
        "will",
        "you",
    )
)
_STOP_WHOLE = frozenset(
    ("never mind", "nevermind", "forget it", "enough", "that is enough", "don t move", "do not move", "wait", "hold on")
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that was asked: intent number `at` of `intents` lacks `gap`; `candidates` are the things on offer.

    The gap "consent": it was asked whether they are what was meant.
    """

    intents: tuple[Intent, ...]
    at: int
    gap: Gap
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a planner may know besides the words.

    `memory`: what was spoken of last. `pending`: the question that waits for an answer. `doing`: the sentence being
    carried out, "" for none. `done`: sentences of the steps that were carried out, the latest last. `trouble`: why the
    last plan ended badly, "" when it did not. `turns`: what was said before and answered, the latest last; `earlier`: a
    summary of what came before those, never long.
    """

    world: World = field(default_factory=World)
    memory: Memory = field(default_factory=Memory)
    pending: Pending | None = None
    doing: str = ""
    done: tuple[str, ...] = ()
    trouble: str = ""
    turns: tuple[tuple[str, str], ...] = ()
    earlier: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step, and the `sentence` that the policy is given for it."""

    step: Step
    sentence: str


@dataclass(frozen=True, slots=True)
class PlanProposal:
    """What a planner makes of an instruction: `say` is for the person, `steps` only for status "plan".

    `memory` and `pending` are for the context of what is said next. `understood`: false when the words were not, so
    that another planner may do better.
    """

    status: Status
    say: str
    steps: tuple[PlannedStep, ...] = ()
    memory: Memory = field(default_factory=Memory)
    pending: Pending | None = None
    understood: bool = True

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ConfigError(f"unknown proposal status {self.status!r}; the statuses are {', '.join(STATUSES)}")
        if (self.status == "plan") != bool(self.steps):
            raise ConfigError(f"a proposal of status {self.status!r} cannot have {len(self.steps)} steps")


class Planner(Protocol):
    """Turns words into steps. May be slow: it is called outside every callback. Raises OptimusError only."""

    def plan(self, text: str, context: PlanContext) -> PlanProposal: ...


def is_stop(text: str) -> bool:
    """True when `text` asks the robot to stop whatever it does."""
    words = re.findall(r"[a-z]+", text.lower())
    if " ".join(words) in _STOP_WHOLE:
        return True
    while words and words[0] in _BEFORE_STOP:
        words = words[1:]
    return bool(words) and words[0] in _STOP_FIRST
