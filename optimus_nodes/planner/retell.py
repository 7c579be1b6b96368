"""A small language model tells again, in plain words, what a person said: the planner that needs no model reads those.

A model of a few hundred million weights knows how sentences go, not what is true. So it gets neither scene nor JSON of
intents. It chooses among the plainest orders that can be made of what was said: of the skills there are, and only those
colours, sizes, places and references that the person spoke of, in whatever words. What is left to it is which skill is
meant, what goes where, and in which order. What it chose is read, looked up and checked like what a person says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ..core.language import BINS, COLOURS, SIZES, STATIONS
from ..core.planner import PlanContext, PlanProposal
from ..core.wordings import HELDOUT_VALUES, VALUES
from . import lexicon as lex
from .chat import ChatModel, Message, ModelError
from .filter import clean, objection
from .offline import OfflinePlanner
from .proposals import at_once

NONE = "none of these"
MOST_ORDERS = 6
FORMS = {
    "pick": "pick up {thing}{hand}",
    "place": "put {thing} in the {side} bin",
    "put_down": "put it down",
    "home": "go home",
    "move": "move {thing} to station {station}",
    "stack": "stack {thing} on {onto}",
    "push": "push {thing} to the {side}",
    "hand_over": "hand the bar over to your {side} hand",
    "point": "point at {thing}",
    "press": "press the button",
    "open": "open the drawer",
    "close": "close the drawer",
    "sort": "sort {thing} by size",
    "wave": "wave with your {side} hand",
}
_KINDS = {
    "bin": lex.BIN,
    "station": lex.STATION,
    "hand": lex.HAND,
    "by size": lex.BY_SIZE,
    **{kind: lex.NOUNS[kind] for kind in ("bar", "button", "drawer")},
}
_INTRODUCTION = "Tell in plain words what a robot is asked to do, one order after the other."
_EXAMPLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("clean the window", (NONE,)),
    ("grab the lime cube", ("pick up the green box",)),
    ("the tiny one belongs in the basket on the left", ("put the small box in the left bin",)),
    ("hit the switch, then say hello with the left", ("press the button", "wave with your left hand")),
    ("set the crimson block on top of the navy one", ("stack the red box on the blue box",)),
    ("shove the scarlet thing rightwards", ("push the red box to the right",)),
    ("let go of it and go back to your place", ("put it down", "go home")),
    ("pull it open and show me the green one", ("open the drawer", "point at the green box")),
    ("bring the golden brick over to area b", ("move the yellow box to station b",)),
    ("fetch the blue one and drop it in the right container", ("pick up the blue box", "put it in the right bin")),
)
_BEYOND = (  # what the plain orders can't tell: it is not left out, but the whole refused
    *(*lex.EXCEPT, *lex.OTHERWISE, "if", "unless", "in case", "not", "don't", "never", "until", "where", "how many"),
    *(word for word, number in lex.NUMBERS.items() if number > 1),
)
_SEPARATORS = re.compile(r"\b(?:and then|and|then|after that|afterwards|finally)\b|[,;.:!?]+(?=\s)")


class RetellingPlanner:
    """The `Planner` that has a small `model` retell each sentence, for at most `seconds`.

    `skills`: what the policy in use can do.
    """

    def __init__(
        self,
        model: ChatModel,
        skills: Sequence[str],
        seconds: float = 10.0,
    ) -> None:
        self._model, self._skills, self._seconds = model, tuple(skills), seconds
        self._reader = OfflinePlanner(skills)

    def plan(self, text: str, context: PlanContext) -> PlanProposal:
        """Steps, a question or a refusal. Raises ModelError when the model gives nothing usable in time."""
        if said_at_once := at_once(text, context):
            return said_at_once
        if problem := objection(text):
            return PlanProposal("refused", problem, memory=context.memory, pending=context.pending)
        said = clean(text)
        if _any(_letters(said), _BEYOND):
            return _not_understood(context)
        choices = [orders(clause, self._skills) for clause in clauses(said)]
        chosen = read_orders(self._model.reply(messages(said, self._skills), schema(choices), self._seconds), choices)
        if NONE in chosen:
            return _not_understood(context)
        return self._reader.plan("; ".join(chosen), context)


def _not_understood(context: PlanContext) -> PlanProposal:
    say = "I did not understand that."
    return PlanProposal("refused", say, memory=context.memory, pending=context.pending, understood=False)


def messages(text: str, skills: Collection[str]) -> list[Message]:
    """A short prompt: the same messages for the same skills, then what was said."""
    known = [Message("system", _INTRODUCTION)]
    allowed = tuple(FORMS[skill].split()[0] for skill in skills) + (NONE.split()[0],)
    for said, told in _EXAMPLES:
        if all(order.startswith(allowed) for order in told):
            known += [Message("user", said), Message("assistant", json.dumps({"orders": told}))]
    return [*known, Message("user", text)]


def schema(choices: Sequence[Sequence[str]]) -> dict[str, Any]:
    """One order for each clause, of those that can be made of it."""
    items = [{"type": "string", "enum": [*found, NONE]} for found in choices]
    orders = {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {
        "type": "object",
        "properties": {"orders": orders},
        "required": ["orders"],
        "additionalProperties": False,
    }


def read_orders(reply: str, choices: Sequence[Sequence[str]]) -> list[str]:
    """What a model replied: one of `choices` for each clause, or NONE. Raises ModelError, kind "reply"."""
    try:
        found = json.loads(reply)["orders"]
        good = len(found) == len(choices) and all(one in (*some, NONE) for one, some in zip(found, choices))
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise ModelError("reply", f"the model replied {reply[:80]!r}, which are no orders it could choose from")
    return list(found)


def clauses(text: str) -> list[str]:
    """The parts of a sentence that may each hold one order; the last one holds what is left after MOST_ORDERS."""
    parts = [part.strip() for part in _SEPARATORS.split(text.lower(), MOST_ORDERS - 1)]
    return [part for part in parts if part] or [text]


def orders(clause: str, skills: Collection[str]) -> list[str]:
    """The plainest orders that can be made of what `clause` speaks of: nothing left out, and in the same order."""
    found, spoken = _possible(clause, skills), _ideas(clause)
    told = {order: len(_ideas(order) & spoken) for order in found}
    best = [order for order in found if told[order] == max(told.values())]
    kept = [order for order in best if _colours(order) == _colours(clause)]
    return kept or best


def _colours(text: str) -> list[str]:
    """In the order in which they are spoken of."""
    said = _letters(text)
    names = {colour: next((name for name in _names(colour) if _any(said, (name,))), "") for colour in COLOURS}
    return sorted((colour for colour, name in names.items() if name), key=lambda colour: said.find(names[colour]))


def _possible(text: str, skills: Collection[str]) -> list[str]:
    said = _letters(text)
    named, things = _things(said)
    sides = [side for side in BINS if _any(said, _names(side))]
    stations = [one for one in STATIONS if _any(said, _names(one))] if _any(said, lex.STATION) else []
    found: list[str] = []
    for skill in skills:
        for thing in things if "{thing}" in FORMS[skill] else [""]:
            for onto in [one for one in named if one != thing] if "{onto}" in FORMS[skill] else [""]:
                for side in sides if "{side}" in FORMS[skill] else [""]:
                    for station in stations if "{station}" in FORMS[skill] else [""]:
                        for hand in ("", *(f" with your {side} hand" for side in sides)) if skill == "pick" else ("",):
                            slots = {"thing": thing, "onto": onto, "side": side, "station": station, "hand": hand}
                            found.append(FORMS[skill].format(**slots))
    if "wave" in skills and not sides:
        found.append("wave")
    return list(dict.fromkeys(found))


def _letters(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def _ideas(text: str) -> set[str]:
    """The colours, sizes, sides, stations and kinds of things and places that a text speaks of."""
    said = _letters(text)
    values = {value for value in (*COLOURS, *SIZES, *BINS) if _any(said, _names(value))}
    letters = {one for one in STATIONS if _any(said, lex.STATION) and _any(said, _names(one))}
    return values | letters | {idea for idea, words in _KINDS.items() if _any(said, words)}


def _things(said: str) -> tuple[list[str], list[str]]:
    """What may be meant by the words that were said: single things by name, and those with pronouns and groups."""
    colours = [colour for colour in COLOURS if _any(said, _names(colour))]
    sizes = [size for size in SIZES if _any(said, _names(size))]
    both = [f"{size} {colour}" for size in sizes for colour in colours]
    words = [*colours, *sizes, *both]
    named = [f"the {word} box" for word in words]
    things = list(named)
    if _any(said, (*lex.ALL, *lex.EVERYTHING)) or re.search(r"\b(boxes|blocks|cubes|ones)\b", said):
        things += [f"all the {word} boxes" for word in words] or ["all the boxes"]
    things += ["it"] * _any(said, lex.PRONOUNS) + ["them"] * _any(said, (*lex.MANY_PRONOUNS, "them"))
    things += ["the other one"] * _any(said, ("other", "another"))
    return named, things


def _names(value: str) -> tuple[str, ...]:
    """What a value may be called."""
    plain = (value,) if value in (*COLOURS, *SIZES, *BINS) else ()
    return (*plain, *VALUES.get(value, ()), *HELDOUT_VALUES.get(value, ()))


def _any(said: str, phrases: Iterable[str]) -> bool:
    return any(re.search(rf"(?<![a-z']){re.escape(phrase)}(?![a-z'])", said) for phrase in phrases)
