"""What planners say alike, whatever read the words: proposals out of intents, and answers that take no thought."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.grounding import ground
from ..core.intent import Intent, Memory
from ..core.planner import Pending, PlanContext, PlannedStep, PlanProposal, is_stop
from ..core.saying import mine
from ..core.world import sentence_for
from .words import MAX_LETTERS


def at_once(text: str, context: PlanContext) -> PlanProposal | None:
    """What takes no thought, for every planner: a stop, and words without an end. None for all else."""
    if is_stop(text):
        return PlanProposal("stop", "I stopped.")
    if len(text) > MAX_LETTERS:
        say = f"That is too long for me: {len(text)} letters, at most {MAX_LETTERS}."
        return PlanProposal("refused", say, memory=context.memory, pending=context.pending)
    return None


def proposal_of(intents: tuple[Intent, ...], context: PlanContext, skills: Sequence[str]) -> PlanProposal:
    """What is to be done or said about `intents`, whoever found them in the words."""
    world = context.world
    made = ground(intents, world, context.memory, skills)
    if made.status == "question":
        waiting = Pending(intents, made.at, made.gap, made.candidates)
        return PlanProposal("question", made.say, (), made.memory, waiting)
    if made.status != "plan":
        return PlanProposal(made.status, made.say, (), made.memory)
    steps = tuple(PlannedStep(step, sentence_for(step, world)) for step in made.steps)
    return plan_of(steps, made.memory, made.skipped)


def plan_of(steps: tuple[PlannedStep, ...], memory: Memory, skipped: Sequence[str] = ()) -> PlanProposal:
    said = f"I will {', then '.join(mine(step.sentence) for step in steps)}."
    return PlanProposal("plan", " ".join((*skipped, said)), steps, memory)
