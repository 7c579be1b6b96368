"""Takes a plan through its steps by the progress the policy reports. No clock: times are passed in.

Every `now` is one monotonic time in seconds. Methods return what the robot should say, in order;
`plan` and `task` are what it is doing afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from .errors import ConfigError
from .plan import Plan, PlanState, PlanStep, StepState, Task
from .saying import mine

Speech = tuple[str, ...]
REPLACED = "replaced by a new instruction"
REPLACED_SAY = "I leave what I was doing."
STOPPED = "The emergency stop is pressed. Reset it first, then tell me again."
_ENDS = {PlanState.FAILED: StepState.FAILED, PlanState.CANCELLED: StepState.CANCELLED}


@dataclass(frozen=True, slots=True)
class PlanRules:
    """When a step is done and when it has failed."""

    done_progress: float = field(default=0.9, metadata={"doc": "A step is done at this progress, above 0 to 1."})
    done_hold_s: float = field(default=0.5, metadata={"doc": "How long that progress must be held, s."})
    step_timeout_s: float = field(default=30.0, metadata={"doc": "A step that takes longer has failed, s."})
    silence_s: float = field(default=5.0, metadata={"doc": "A policy silent for longer does not answer, s."})
    retries: int = field(default=2, metadata={"doc": "How often in a plan a step seen to have failed is repeated."})
    check_s: float = field(default=4.0, metadata={"doc": "A look after a step that takes longer is not waited for, s."})

    def __post_init__(self) -> None:
        if not 0.0 < self.done_progress <= 1.0:
            raise ConfigError(f"done_progress is {self.done_progress}; allowed above 0 to 1")
        if self.retries < 0:
            raise ConfigError(f"retries is {self.retries}; allowed 0 or more")
        for name in ("done_hold_s", "step_timeout_s", "silence_s", "check_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ConfigError(f"{name} is {value}; allowed 0 s or more")


class PlanRunner:
    """One plan at a time. The robot holds still whenever `task.sentence` is empty.

    With `looks` a step is not over when the policy says so, or when its time is up: the robot holds, `checking` says
    why ("done", or what went wrong), and who looks calls `confirm`, `again` or `give_up`. When nobody does for
    `check_s`, that is believed.
    """

    def __init__(self, rules: PlanRules, first_id: int = 1, looks: bool = False) -> None:
        """`first_id` is where plan and task ids start; a later start must use a higher one."""
        self.rules, self._looks = rules, looks
        self.checking = ""
        self._tried = 0
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
            return (STOPPED,)
        dropped = self._end(PlanState.CANCELLED, REPLACED, REPLACED_SAY)
        steps = tuple(PlanStep(sentence) for sentence in sentences)
        self.plan, self._tried = Plan(self._new_id(), instruction, steps, PlanState.RUNNING, say), 0
        self._begin(0, now)
        return (*dropped, say) if say else dropped

    def on_progress(self, task_id: int, progress: float, now: float) -> Speech:
        """Take a report of the policy. Reports about another task, or not finite ones, count for nothing."""
        if not self.running or self.checking or task_id != self.task.id or not math.isfinite(progress):
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
        if self._looks:
            return self._check("done", now)
        return self._finish_step(now)

    def tick(self, now: float) -> Speech:
        """Fail the step that took too long or that the policy has fallen silent about."""
        if not self.running:
            return ()
        if self.checking:
            if now - self._began <= self.rules.check_s:
                return ()
            return self._finish_step(now) if self.checking == "done" else self._fail(self.checking)
        if now - self._heard > self.rules.silence_s:
            return self._fail("the policy does not answer")
        if now - self._began > self.rules.step_timeout_s:
            reason = f"it took longer than {self.rules.step_timeout_s:g} s"
            return self._check(reason, now) if self._looks else self._fail(reason)
        return ()

    @property
    def step(self) -> int:
        """Number of the step under way, from 0."""
        return self._step

    @property
    def may_try_again(self) -> bool:
        return self._tried < self.rules.retries

    def confirm(self, now: float) -> Speech:
        """What was looked at is as it should be: go on."""
        return self._finish_step(now) if self.running and self.checking else ()

    def again(self, sentences: Sequence[str], say: str, now: float, done: bool = False) -> Speech:
        """Do `sentences` instead of the step that was looked at; after it when that is `done`. See `may_try_again`."""
        if not (self.running and self.checking) or self.plan is None:
            return ()
        if done:
            self._change(state=StepState.DONE)
        begin = self._step + done
        before, later = self.plan.steps[:begin], self.plan.steps[self._step + 1 :]
        self.plan = replace(self.plan, steps=(*before, *(PlanStep(one) for one in sentences), *later), say=say)
        self._tried += 1
        self._begin(begin, now)
        return (say,)

    def lose(self, number: int, reason: str) -> None:
        """What step `number` had done is undone, and stays so: it counts as failed."""
        if self.running and self.plan is not None:
            steps = list(self.plan.steps)
            steps[number] = replace(steps[number], state=StepState.FAILED, reason=reason)
            self.plan = replace(self.plan, steps=tuple(steps))

    def give_up(self, reason: str, now: float, go_on: Collection[int] = ()) -> Speech:
        """The step that was looked at has failed for good, and the plan with it, but for the later steps `go_on`."""
        if not (self.running and self.checking) or self.plan is None:
            return ()
        if not go_on:
            return self._fail(reason)
        sentence = self.plan.steps[self._step].sentence
        self._change(state=StepState.FAILED, reason=reason)
        left_out = f"left out, since I could not {mine(sentence)}"
        steps = tuple(
            replace(step, state=StepState.CANCELLED, reason=left_out)
            if step.state is StepState.PENDING and number not in go_on
            else step
            for number, step in enumerate(self.plan.steps)
        )
        self.plan = replace(self.plan, steps=steps)
        return (f"I could not {mine(sentence)}: {reason}.", *self._next(now))

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
        self.checking = ""
        self._change(state=StepState.RUNNING)
        self.task = Task(self._new_id(), self.plan.steps[step].sentence)

    def _change(self, **changes: object) -> None:
        assert self.plan is not None
        steps = list(self.plan.steps)
        steps[self._step] = replace(steps[self._step], **changes)  # type: ignore[arg-type]
        self.plan = replace(self.plan, steps=tuple(steps))

    def _check(self, why: str, now: float) -> Speech:
        """Hold still while somebody looks."""
        self.checking, self._began = why, now
        self.task = Task(self._new_id())
        return ()

    def _finish_step(self, now: float) -> Speech:
        self._change(state=StepState.DONE)
        return self._next(now)

    def _next(self, now: float) -> Speech:
        """Begin the next step there is, or end the plan: well when every step was done."""
        assert self.plan is not None
        self.checking = ""
        waiting = [number for number, step in enumerate(self.plan.steps) if step.state is StepState.PENDING]
        failed = [mine(step.sentence) for step in self.plan.steps if step.state is StepState.FAILED]
        if waiting:
            self._begin(waiting[0], now)
            say = f"Next: {mine(self.task.sentence)}."
        else:
            self.task = Task(self._new_id())
            say = f"I could not {' and '.join(failed)}; the rest is done." if failed else "Done."
            self.plan = replace(self.plan, state=PlanState.FAILED if failed else PlanState.DONE)
        self.plan = replace(self.plan, say=say)
        return (say,)

    def _fail(self, reason: str) -> Speech:
        sentence = self.plan.steps[self._step].sentence if self.plan is not None else ""
        return self._end(PlanState.FAILED, reason, f"I could not {mine(sentence)}: {reason}.")

    def _end(self, state: PlanState, reason: str, say: str) -> Speech:
        """End a running plan badly: the step under way takes `state` and `reason`, later ones are cancelled."""
        if not self.running or self.plan is None:
            return ()
        self.checking = ""
        self._change(state=_ENDS[state], reason=reason)
        steps = tuple(
            replace(step, state=StepState.CANCELLED, reason=reason) if step.state is StepState.PENDING else step
            for step in self.plan.steps
        )
        self.plan = replace(self.plan, steps=steps, state=state, say=say)
        self.task = Task(self._new_id())
        return (say,)
