"""Whether a plan was really carried out, judged from the simulator's truth and not from what the robot says."""

from __future__ import annotations

from .errors import OptimusError
from .language import Instruction, find_instruction
from .plan import Plan, StepState
from .tasks import TaskJudge, instruction_done, why_not_done
from .tasks_body import Body
from .values import SceneState

_TO_STAY = ("place", "sort")  # judged once more at the very end: a later step may have taken it out again
_NOBODY_KNOWS = "the simulator cannot judge this step"


class PlanJudge:
    """Follows a plan and the scene, then says which steps were truly done.

    A step is judged from when it began until it ended, by what happened on the way too.
    """

    def __init__(self, start: SceneState) -> None:
        self._latest, self._body = start, Body()
        self._plan: Plan | None = None
        self._running: dict[int, TaskJudge] = {}
        self._ended: dict[int, tuple[TaskJudge, str]] = {}  # with why it was not done, "" when it was
        self._pointless: set[int] = set()

    def on_scene(self, scene: SceneState, body: Body | None = None) -> None:
        """The scene and the arms as they are now; without `body` steps that depend on the arms count as not done."""
        self._latest, self._body = scene, body or Body()
        for judge in self._running.values():
            judge.see(self._latest, self._body)

    def on_plan(self, plan: Plan) -> None:
        """The plan as it is now."""
        if self._plan is not None and plan.id != self._plan.id:
            self._running, self._ended, self._pointless = {}, {}, set()
        self._plan = plan
        for number, step in enumerate(plan.steps):
            if step.state is StepState.RUNNING and number not in self._ended:
                self._begin(number, find_instruction(step.sentence))
            elif step.state is not StepState.PENDING and number in self._running:
                judge = self._running.pop(number)
                self._ended[number] = judge, judge.why_not()

    def verdicts(self, final: SceneState, body: Body | None = None) -> list[tuple[str, bool, str]]:
        """(sentence, truly done, why not) of each step, when the scene is `final` and the arms are as `body` says."""
        self.on_scene(final, body)
        steps = self._plan.steps if self._plan else ()
        wrong = [self._wrong(number, step.sentence, number == len(steps) - 1) for number, step in enumerate(steps)]
        return [(step.sentence, not why, why) for step, why in zip(steps, wrong, strict=True)]

    def _begin(self, number: int, what: Instruction | None) -> None:
        if number in self._running or what is None:
            return
        try:
            judge = TaskJudge(what, self._latest)
            judge.see(self._latest, self._body)
            judge.why_not()
        except (OptimusError, LookupError):
            self._pointless.add(number)
            return
        self._running[number] = judge

    def _wrong(self, number: int, sentence: str, last: bool) -> str:
        """Why a step was not done, "" when it was."""
        what = find_instruction(sentence)
        if what is None:
            return _NOBODY_KNOWS
        if number in self._pointless:
            return "it speaks of what is not in this scene"
        if number in self._running:
            return self._running[number].why_not()
        if number not in self._ended:
            return "it was never begun"
        judge, why = self._ended[number]
        if last:  # what was let go has come to rest since
            judge.see(self._latest, self._body)
            return judge.why_not()
        if what.skill in _TO_STAY:
            stays = instruction_done(what, judge.start, self._latest, body=self._body)
            return "" if stays else why_not_done(what, self._latest, judge.start, self._body)
        return why
