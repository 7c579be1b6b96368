"""Takes a plan through its steps by the progress the policy reports. No clock: times are passed in.

Every `now` is one monotonic time in seconds. Methods return what the robot should say, in order;
`plan` and `task` are what it is doing afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .errors import ConfigError
from .plan import Plan, PlanState, PlanStep, StepState, Task

Speech = tuple[str, ...]
REPLACED = "replaced by a new instruction"
REPLACED_SAY = "I leave what I was doing."
_ENDS = {PlanState.FAILED: StepState.FAILED, PlanState.CANCELLED: StepState.CANCELLED}


@dataclass(frozen=True, slots=True)
class PlanRules:
    """When a step is done and when it has failed."""

    done_progress: float = field(default=0.9, metadata={"doc": "A step is done at this progress, above 0 to 1."})
    done_hold_s: float = field(default=0.5, metadata={"doc": "How long that progress must be held, s."})
    step_timeout_s: float = field(default=30.0, metadata={"doc": "A step that takes longer has failed, s."})
    silence_s: float = field(default=5.0, metadata={"doc": "A policy silent for longer does not answer, s."})

    def __post_init__(self) -> None:
        if not 0.0 < self.done_progress <= 1.0:
            raise ConfigError(f"done_progress is {self.done_progress}; allowed above 0 to 1")
        for name in ("done_hold_s", "step_timeout_s", "silence_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ConfigError(f"{name} is {value}; allowed 0 s or more")


class PlanRunner:
    """One plan at a time. The robot holds still whenever `task.sentence` is empty."""

    def __init__(self, rules: PlanRules, first_id: int = 1) -> None:
        """`first_id` is where plan and task ids start; a later start must use a higher one."""
        self.rules = rules
        self._next_id = first_id
        self._emergency = False
        self._step = 0
        self._began = self._heard = 0.0
        self._above_since: float | None = None
        self.plan: Plan | None = None
        self.task = Task(self._new_id())

    @property
    def running(self) -> bool:
        return self.plan is not None and self.plan.state is PlanState.RUNNING

    @property
    def emergency_stopped(self) -> bool:
        return self._emergency

    def start(self, instruction: str, sentences: Sequence[str], say: str, now: float) -> Speech:
        """Start a plan with at least one step. A running plan is cancelled first, and that is said."""
        if not sentences:
            raise ConfigError(f"a plan for {instruction!r} needs at least one step")
        if self._emergency:
            return ("The emergency stop is pressed. Reset it first, then tell me again.",)
        dropped = self._end(PlanState.CANCELLED, REPLACED, REPLACED_SAY)
        steps = tuple(PlanStep(sentence) for sentence in sentences)
        self.plan = Plan(self._new_id(), instruction, steps, PlanState.RUNNING, say)
        self._begin(0, now)
        return (*dropped, say) if say else dropped

    def on_progress(self, task_id: int, progress: float, now: float) -> Speech:
        """Take a report of the policy. Reports about another task, or not finite ones, count for nothing."""
        if not self.running or task_id != self.task.id or not math.isfinite(progress):
            return ()
        self._heard = now
        progress = min(max(progress, 0.0), 1.0)
        self._change(progress=progress)
        if progress < self.rules.done_progress:
            self._above_since = None
            return ()
        if self._above_since is None:
            self._above_since = now
        if now - self._above_since < self.rules.done_hold_s:
            return ()
        return self._finish_step(now)

    def tick(self, now: float) -> Speech:
        """Fail the step that took too long or that the policy has fallen silent about."""
        if not self.running:
            return ()
        if now - self._heard > self.rules.silence_s:
            return self._fail("the policy does not answer")
        if now - self._began > self.rules.step_timeout_s:
            return self._fail(f"it took longer than {self.rules.step_timeout_s:g} s")
        return ()

    def cancel(self, reason: str = "cancelled", say: str = "I stopped.") -> Speech:
        """End the plan at once: the task is empty from now on, so the robot holds."""
        return self._end(PlanState.CANCELLED, reason, say)

    def on_part_lost(self, part: str) -> Speech:
        """A part of the robot (in plain words) is gone: the plan fails, so that nothing moves when it comes back."""
        reason = f"{part} stopped working"
        return self._end(PlanState.FAILED, reason, f"I stopped: {reason}. Tell me again when it is back.")

    def on_emergency_stop(self, pressed: bool) -> Speech:
        """A pressed emergency stop fails the plan; its release starts nothing."""
        self._emergency = pressed
        reason = "the emergency stop was pressed"
        return self._end(PlanState.FAILED, reason, f"I stopped: {reason}.") if pressed else ()

    def _new_id(self) -> int:
        self._next_id += 1
        return (self._next_id - 1) % 2**32

    def _begin(self, step: int, now: float) -> None:
        assert self.plan is not None
        self._step, self._began, self._heard, self._above_since = step, now, now, None
        self._change(state=StepState.RUNNING)
        self.task = Task(self._new_id(), self.plan.steps[step].sentence)

    def _change(self, **changes: object) -> None:
        assert self.plan is not None
        steps = list(self.plan.steps)
        steps[self._step] = replace(steps[self._step], **changes)  # type: ignore[arg-type]
        self.plan = replace(self.plan, steps=tuple(steps))

    def _finish_step(self, now: float) -> Speech:
        assert self.plan is not None
        self._change(state=StepState.DONE)
        if self._step + 1 < len(self.plan.steps):
            self._begin(self._step + 1, now)
            say = f"Next: {self.task.sentence}."
        else:
            self.task = Task(self._new_id())
            say = "Done."
            self.plan = replace(self.plan, state=PlanState.DONE)
        self.plan = replace(self.plan, say=say)
        return (say,)

    def _fail(self, reason: str) -> Speech:
        return self._end(PlanState.FAILED, reason, f"I could not {self.task.sentence}: {reason}.")

    def _end(self, state: PlanState, reason: str, say: str) -> Speech:
        """End a running plan badly: the step under way takes `state` and `reason`, later ones are cancelled."""
        if not self.running or self.plan is None:
            return ()
        self._change(state=_ENDS[state], reason=reason)
        steps = tuple(
            replace(step, state=StepState.CANCELLED, reason=reason) if step.state is StepState.PENDING else step
            for step in self.plan.steps
        )
        self.plan = replace(self.plan, steps=steps, state=state, say=say)
        self.task = Task(self._new_id())
        return (say,)
