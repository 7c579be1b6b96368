"""A planner without a model: a grammar that either understands every word or asks.

It never guesses: what it does not understand is not carried out, and what fits several things is asked about. What it
understood is looked up in the world and checked there step by step (`core.grounding`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..core.intent import Intent, Selector
from ..core.language import Instruction, find_instruction
from ..core.planner import Pending, PlanContext, PlannedStep, PlanProposal
from ..core.world import Step
from .answers import answer
from .cursor import Unclear
from .fragments import Fragment, refill
from .lexicon import MARKS
from .params import FIRST_SKILLS
from .parse import read
from .proposals import at_once, plan_of, proposal_of
from .words import normalise

Guess = Callable[[str], tuple[Instruction, float] | None]
SURE = 0.5  # below it a sentence is taken for no instruction
_YES = ("yes", "yes please", "yeah", "yep", "right", "correct", "that's right", "i do", "do it", "ok", "okay", "sure")
_NO = ("no", "nope", "no thanks", "not that", "wrong", "no i don't", "i don't")
_AGAIN = ("again", "once more", "one more time", "do it again", "do that again", "try again", "try it again")
_AGAIN = (*_AGAIN, "repeat that", "repeat it", "go on", "continue", "carry on", "go ahead", "try once more")


class OfflinePlanner:
    """The `Planner` that needs no model and no network. `skills`: what the policy in use can do.

    What policies are taught to do at a sentence, that it means; all other sentences are read word by word. `guess`:
    what a sentence that can't be read so is likely to mean, and how surely it is an instruction at all, 0 to 1; the
    person is asked whether that is meant, and nothing is done before they say yes.
    """

    def __init__(self, skills: Sequence[str] = FIRST_SKILLS, guess: Guess | None = None) -> None:
        self._skills, self._guess = tuple(skills), guess

    def plan(self, text: str, context: PlanContext) -> PlanProposal:
        """Steps, a question, an answer or a plain refusal. Takes a few milliseconds, where it has to guess some 20 and
        the first time a second. Raises nothing of its own."""
        if said_at_once := at_once(text, context):
            return said_at_once
        memory = replace(context.memory, just=False)
        context = replace(context, memory=memory)
        if context.pending is not None and context.pending.gap == "consent":
            words = [word for word in normalise(text) if word not in MARKS]
            if " ".join(words) in _YES:
                return proposal_of(context.pending.intents, context, self._skills)
            context = replace(context, pending=None)
            if " ".join(words) in _NO:
                return PlanProposal("answer", "Then say it in other words, please.", memory=memory)
        said, spoken = answer(text, context, self._skills)
        if said:
            return PlanProposal("answer", said, memory=spoken, pending=context.pending)
        if short := self._short(text, context):
            return short
        taught = find_instruction(text)
        if taught is not None and taught.skill in self._skills:
            if taught.size and context.world.assumed:  # the policy will look for itself
                return plan_of((PlannedStep(Step(taught.skill), taught.sentence),), memory)
            return proposal_of((intent_of(taught),), context, self._skills)
        try:
            meant = read(text, self._skills, memory.intents)
            intents = refill(meant, context, self._skills) if isinstance(meant, Fragment) else tuple(meant)
        except Unclear as unclear:
            memory = replace(memory, last=unclear.about or memory.last)
            if unclear.status == "refused" and context.pending is None and (guessed := self._guessed(text, context)):
                return replace(guessed, say=f"{unclear.say} {guessed.say}", understood=False)
            known = unclear.status != "refused"
            return PlanProposal(unclear.status, unclear.say, (), memory, context.pending, known)
        return proposal_of(intents, context, self._skills)

    def _short(self, text: str, context: PlanContext) -> PlanProposal | None:
        """What a word or two mean that say nothing by themselves. A "no" to a robot that moves is a stop."""
        words, memory = " ".join(word for word in normalise(text) if word not in MARKS), context.memory
        if context.pending is not None:
            return None
        if words in _AGAIN:
            if memory.intents:
                return proposal_of(memory.intents, context, self._skills)
            return PlanProposal("answer", "There is nothing yet that I could do again.", memory=memory)
        if words in _NO and context.doing:
            return PlanProposal("stop", "I stopped.", memory=memory)
        if words in (*_YES, *_NO):
            return PlanProposal("answer", "I did not ask anything.", memory=memory)
        return None

    def _guessed(self, text: str, context: PlanContext) -> PlanProposal | None:
        """The question whether something that can be done is what was meant."""
        guessed = self._guess(text) if self._guess is not None else None
        if guessed is None or guessed[1] < SURE or guessed[0].skill not in self._skills:
            return None
        intents = (intent_of(guessed[0]),)
        would = proposal_of(intents, context, self._skills)
        if would.status != "plan":
            return None
        say = f"Do you mean: {would.steps[0].sentence}?"
        return PlanProposal("question", say, (), context.memory, Pending(intents, 0, "consent"))


def intent_of(instruction: Instruction) -> Intent:
    """An instruction of the policy as something that is meant."""
    described = Selector(colour=instruction.colour, size=instruction.size)
    place = f"{instruction.bin}_bin" if instruction.bin else ""
    return Intent(
        instruction.skill,
        described if instruction.colour or instruction.size else None,
        place or (f"station_{instruction.station}" if instruction.station else ""),
        Selector(colour=instruction.onto) if instruction.onto else None,
        instruction.side,
    )
