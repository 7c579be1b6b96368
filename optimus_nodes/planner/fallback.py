"""Several planners in an order: who can't answer is left for the next, who fails often is left alone for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.errors import OptimusError
from ..core.planner import PlanContext, Planner, PlanProposal
from .chat import ModelError

_LOG = logging.getLogger(__name__)


@dataclass
class Breaker:
    """Opens after `most` failures in a row and lets one try through every `rest_s` s until one succeeds."""

    most: int = 3
    rest_s: float = 30.0
    failures: int = 0
    _again_at: float = 0.0

    def lets_through(self, now: float) -> bool:
        """Whether to try at this monotonic time, s. A try while it is open begins a new rest."""
        if self.failures < self.most:
            return True
        if now < self._again_at:
            return False
        self._again_at = now + self.rest_s
        return True

    def report(self, success: bool, now: float) -> None:
        """How a try ended."""
        self.failures = 0 if success else self.failures + 1
        if self.failures >= self.most:
            self._again_at = now + self.rest_s


class FallbackPlanner:
    """The `Planner` that asks `planners`, given with their names, one after the other.

    One that fails, or does not understand the words, is left for the next. When nobody understood, what the first said
    counts: it names the word that it did not know, and may have a guess. `told` hears who failed and why.
    """

    def __init__(
        self,
        planners: Sequence[tuple[str, Planner]],
        *,
        breaker: Callable[[], Breaker] = Breaker,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[str], None] = _LOG.warning,
    ) -> None:
        self._planners = [(name, planner, breaker()) for name, planner in planners]
        self._clock, self._told = clock, told

    def plan(self, text: str, context: PlanContext) -> PlanProposal:
        """The first proposal of somebody who understood. Raises ModelError when all failed."""
        first: PlanProposal | None = None
        trouble: list[str] = []
        for name, planner, breaker in self._planners:
            if not breaker.lets_through(self._clock()):
                trouble.append(f"{name} failed {breaker.failures} times and rests")
                continue
            try:
                proposal = planner.plan(text, context)
            except OptimusError as error:
                breaker.report(False, self._clock())
                trouble.append(f"{name}: {error}")
                self._told(f"planner {name} failed: {error}")
                continue
            breaker.report(True, self._clock())
            if proposal.understood:
                return proposal
            first = first or proposal
        if first is not None:
            return first
        raise ModelError("resting", f"I can't think right now. {'; '.join(trouble)}")
