"""The last look at a plan before its first step is sent: whoever made it, only the catalogue and the scene pass.

A planner proposes. What leaves it as a task is a sentence that the policy was taught, about a skill it has and things
that are in sight; anything else is refused here, so that no mistake, trick or broken model in a planner gets further.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .grounding import MAX_STEPS
from .language import find_instruction
from .planner import PlannedStep
from .world import Step, World, after, sentence_for, why_not


def objection(steps: Sequence[PlannedStep], world: World, skills: Collection[str]) -> str:
    """What forbids to carry out `steps` one after the other, beginning in `world`; "" when nothing does."""
    if len(steps) > MAX_STEPS:
        return f"That is too much at once: {len(steps)} steps, at most {MAX_STEPS}."
    now = world
    for number, one in enumerate(steps, 1):
        problem = _objection(one, now, world, skills)
        if problem:
            return f"Step {number} of my plan is not allowed: {problem}"
        now = after(one.step, now)
    return ""


def _objection(one: PlannedStep, now: World, world: World, skills: Collection[str]) -> str:
    step, sentence = one.step, one.sentence
    if step.skill not in skills:
        return f"I have not learned to {step.skill.replace('_', ' ')}."
    taught = find_instruction(sentence)
    if step == Step(step.skill) and taught is not None and taught.skill == step.skill and world.assumed:
        return ""  # nobody looked: the policy finds by itself what the taught sentence describes
    if unknown := [name for name in (step.thing, step.onto) if name and world.find(name) is None]:
        return f"I can't see {unknown[0]}."
    if problem := why_not(step, now):
        return problem
    return "" if sentence == sentence_for(step, world) else f"{sentence[:80]!r} is not what I say to myself for it."
