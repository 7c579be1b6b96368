"""A planner that asks a language model what was meant. What is done about it is decided as for every planner."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..core.planner import PlanContext, PlanProposal
from .chat import ChatModel, Message, ModelError
from .filter import clean, objection
from .meant import MOST_WORDS, ReplySaid, read_reply, schema, words
from .prompt import conversation
from .proposals import at_once, proposal_of

_TRIES = 2


class ModelPlanner:
    """The `Planner` that asks `model`, for at most `seconds`. `skills`: what the policy in use can do.

    `complete`: the schema names every field, as strict servers want it.
    A reply that can't be used is answered once with what is wrong with it.
    """

    def __init__(
        self,
        model: ChatModel,
        skills: Sequence[str],
        seconds: float = 10.0,
        *,
        complete: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._skills, self._seconds = model, tuple(skills), seconds
        self._complete, self._clock = complete, clock

    def plan(self, text: str, context: PlanContext) -> PlanProposal:
        """Steps, a question, an answer or a refusal. Raises ModelError when the model gives nothing usable in time."""
        if said_at_once := at_once(text, context):
            return said_at_once
        if problem := objection(text):
            return PlanProposal("refused", problem, memory=context.memory, pending=context.pending)
        context = replace(context, memory=replace(context.memory, just=False))
        return self._proposal(self._ask(clean(text), context), context)

    def _ask(self, text: str, context: PlanContext) -> ReplySaid:
        end = self._clock() + self._seconds
        messages, known = conversation(text, context, self._skills), words(self._skills, context.world)
        form = schema(known, complete=self._complete)
        problem = ""
        for _ in range(_TRIES):
            raw = self._model.reply(messages, form, max(0.0, end - self._clock()))
            try:
                return read_reply(raw, self._skills, context.world)
            except ModelError as error:
                problem = str(error)
                again = f"That can't be used: {problem}. Answer the same again, as JSON of the schema."
                messages = [*messages, Message("assistant", raw[:MOST_WORDS]), Message("user", again)]
        raise ModelError("reply", f"{self._model.name} replied {_TRIES} times what can't be used: {problem}")

    def _proposal(self, reply: ReplySaid, context: PlanContext) -> PlanProposal:
        if reply.status == "plan":
            return proposal_of(tuple(one.intent() for one in reply.intents), context, self._skills)
        say = " ".join("".join(c if c.isprintable() else " " for c in reply.say).split())[:MOST_WORDS]
        return PlanProposal(reply.status, say, memory=context.memory, pending=context.pending)
