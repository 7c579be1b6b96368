"""When to record: each instruction an episode, each of its steps an event, the last seconds when something went wrong.

Values in, values out; the caller carries out the orders. An emergency stop or a failed plan outside of an episode
saves what is in memory, because nobody knows beforehand when to press "record".
"""

from __future__ import annotations

from dataclasses import dataclass

from .episode import Outcome
from .judge import PlanJudge
from .plan import Plan, PlanState, StepState
from .tasks_body import Body
from .values import SceneState

_END = (PlanState.DONE, PlanState.FAILED, PlanState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin an episode for `instruction`."""

    instruction: str


@dataclass(frozen=True, slots=True)
class End:
    """End the episode that a plan began, and save it."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class KeepPast:
    """Save the seconds in memory as an episode."""

    instruction: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Note:
    """Put an event on the time line."""

    kind: str
    text: str


Order = Begin | End | KeepPast | Note


class RecordingRules:
    """Args: follow_plans: record each plan as an episode. tail: how long to go on after a plan has ended, s."""

    def __init__(self, follow_plans: bool = True, tail: float = 0.5) -> None:
        self._follow, self._tail = follow_plans, tail
        self._plan: Plan | None = None
        self._mine = False
        self._ends_at: float | None = None
        self._scene: SceneState | None = None
        self._body: Body | None = None
        self._judge: PlanJudge | None = None
        self._pressed = False
        self._owner = ""

    def on_plan(self, plan: Plan, recording: bool, now: float) -> list[Order]:
        """The planner reported. `recording`: whether an episode is running. `now`: robot time, s."""
        known = self._plan
        if known is not None and known.outline == plan.outline:
            return []
        orders: list[Order] = []
        first = known is None or known.id != plan.id
        self._plan = plan
        if first and plan.state is not PlanState.RUNNING:
            return []  # a latched report of something that ended before this recorder began
        if first:
            if self._mine and recording:  # a newer instruction replaced the one being recorded
                orders.append(End(Outcome(False, "another instruction replaced it", "planner")))
                recording = False
            self._judge = PlanJudge(self._scene) if self._scene is not None else None
            self._mine, self._ends_at = self._follow and not recording, None
            orders += [Begin(plan.instruction)] if self._mine else []
            orders.append(Note("plan", f"asked: {plan.instruction}"))
        if self._judge is not None:
            self._judge.on_plan(plan)
        orders += self._steps(None if first else known, plan)
        if plan.state in _END:
            orders.append(Note("plan", f"{plan.state.value}: {plan.say}"))
            if self._mine:
                self._ends_at = now + self._tail
            elif not recording and plan.state is PlanState.FAILED:
                orders.append(KeepPast(plan.instruction, Outcome(False, plan.say or "the plan failed", "planner")))
        return orders

    def on_scene(self, scene: SceneState, body: Body | None = None) -> None:
        """The truth about a simulated scene and the arms, which judges what the planner only believes."""
        self._scene, self._body = scene, body
        if self._judge is not None:
            self._judge.on_scene(scene, body)

    def on_emergency_stop(self, pressed: bool, recording: bool) -> list[Order]:
        """The button went down or up."""
        if pressed == self._pressed:
            return []
        self._pressed = pressed
        text = "pressed" if pressed else "released"
        if pressed and not recording:
            return [KeepPast("", Outcome(False, "the emergency stop was pressed", "recorder"))]
        return [Note("emergency_stop", text)] if recording else []

    def on_owner(self, owner: str, recording: bool) -> list[Order]:
        """Somebody else moves the robot now: policy, teleop, emergency_stop or none."""
        before, self._owner = self._owner, owner
        if owner == before or not recording or "teleop" not in (owner, before):
            return []
        return [Note("intervention", "a person took over" if owner == "teleop" else f"given back: {owner}")]

    def tick(self, now: float) -> list[Order]:
        """`now`: robot time, s."""
        if self._ends_at is None or now < self._ends_at:
            return []
        self._ends_at, self._mine = None, False
        return [End(self._outcome())]

    def forget(self) -> None:
        """The running episode was ended by someone else."""
        self._mine, self._ends_at = False, None

    def _steps(self, before: Plan | None, plan: Plan) -> list[Order]:
        orders: list[Order] = []
        for number, step in enumerate(plan.steps):
            old = before.steps[number].state if before and number < len(before.steps) else StepState.PENDING
            if step.state is not old:
                reason = f" ({step.reason})" if step.reason else ""
                orders.append(Note("task", f"{step.state.value}: {step.sentence}{reason}"))
        return orders

    def _outcome(self) -> Outcome:
        plan = self._plan
        assert plan is not None
        reasons = [step.reason for step in plan.steps if step.reason] or [plan.say]
        said = "; ".join(reason for reason in reasons if reason) or plan.state.value
        if self._judge is None or self._scene is None:
            done = plan.state is PlanState.DONE
            return Outcome(done, "" if done else said, "planner")
        verdicts = self._judge.verdicts(self._scene, self._body)
        wrong = [f"{sentence}: {why}" for sentence, done, why in verdicts if not done]
        if not wrong and plan.state is PlanState.DONE:
            return Outcome(True, "", "simulator")
        if plan.state is not PlanState.DONE:
            wrong.append(f"the planner said: {said}")
        return Outcome(False, "; ".join(wrong), "simulator")
