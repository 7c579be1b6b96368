"""Whether a plan was really carried out, judged from the simulator's truth and not from what the robot says."""

from __future__ import annotations

from .language import Instruction, all_instructions, wordings
from .plan import Plan, StepState
from .tasks import instruction_done, why_not_done
from .values import Array, SceneState

_MEANING = {sentence: instruction for instruction in all_instructions() for sentence in wordings(instruction)}


def meaning(sentence: str) -> Instruction | None:
    """The instruction a step's sentence asks for; None when the grammar does not know it."""
    return _MEANING.get(sentence)


class PlanJudge:
    """Follows a plan and the scene, then says which steps were truly done.

    A step is judged by the scene as it began and as it ended; putting things into bins is judged once
    more at the very end, because a later step may have taken them out again.
    """

    def __init__(self, start: SceneState) -> None:
        self._latest = start
        self._plan: Plan | None = None
        self._began: dict[int, SceneState] = {}
        self._ended: dict[int, SceneState] = {}

    def on_scene(self, scene: SceneState) -> None:
        """The scene as it is now."""
        self._latest = scene

    def on_plan(self, plan: Plan) -> None:
        """The plan as it is now."""
        if self._plan is not None and plan.id != self._plan.id:
            self._began, self._ended = {}, {}
        self._plan = plan
        for number, step in enumerate(plan.steps):
            if step.state is StepState.RUNNING:
                self._began.setdefault(number, self._latest)
            elif step.state is not StepState.PENDING and number in self._began:
                self._ended.setdefault(number, self._latest)

    def verdicts(self, final: SceneState, posture_error: Array | None = None) -> list[tuple[str, bool, str]]:
        """(sentence, truly done, why not) of each step. `posture_error`: arm joints' distance from home, (N,) rad."""
        found = []
        for number, step in enumerate(self._plan.steps if self._plan else ()):
            what = meaning(step.sentence)
            if what is None:
                found.append((step.sentence, False, "the simulator cannot judge this step"))
                continue
            if number not in self._began:
                found.append((step.sentence, False, "it was never begun"))
                continue
            last = number == len(self._plan.steps) - 1 if self._plan else True
            end = final if last or what.skill == "place" else self._ended.get(number, final)
            done = instruction_done(what, self._began[number], end, posture_error)
            found.append((step.sentence, done, "" if done else why_not_done(what, end)))
        return found
