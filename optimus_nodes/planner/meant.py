"""What a language model says it understood, as JSON: the schema it is given, and the check of what comes back.

A model says what is meant (`core.intent`), never what is done: which things these are, and whether it can be done, is
found out by `core.grounding` for every planner alike. So the worst a model can cause is a wrong step from the
catalogue about a thing in sight.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..core.grounding import MAX_STEPS
from ..core.intent import SWAP, TOWER, Condition, Intent, Order, Reference, Selector
from ..core.language import COLOURS, SIDES, SIZES
from ..core.planner import STATUSES, Status
from ..core.world import World
from .chat import ModelError

MOST_WORDS = 500
State = Literal["", "open", "closed", "pressed"]
Side = Literal["", "left", "right"]
_SKILLS_OF_SEVERAL = {TOWER: "stack", SWAP: "place"}  # intents that become several steps: the skill they need


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WhatSaid(_Said):
    """A description of things; see `core.intent.Selector`. `count` 0: all that fit."""

    name: str = ""
    kind: str = "box"
    colour: str = ""
    size: str = ""
    place: str = ""
    order: Order = ""
    refers: Reference = ""
    count: int = Field(1, ge=0, le=MAX_STEPS)
    any: bool = False
    without: tuple[str, ...] = Field((), max_length=8)

    def selector(self) -> Selector:
        kind = "" if self.name else self.kind
        return Selector(**{**self.model_dump(), "kind": kind})


class IfSaid(_Said):
    """Something that must be true when its turn comes, or must not be (`negated`)."""

    what: WhatSaid
    state: State = ""
    negated: bool = False

    def condition(self) -> Condition:
        return Condition(self.what.selector(), self.state, self.negated)


class IntentSaid(_Said):
    """One thing that is wanted; see `core.intent.Intent`."""

    skill: str
    what: WhatSaid | None = None
    place: str = ""
    onto: WhatSaid | None = None
    side: Side = ""
    others: tuple[WhatSaid, ...] = Field((), max_length=8)
    only_if: IfSaid | None = None

    def intent(self) -> Intent:
        return Intent(
            self.skill,
            self.what.selector() if self.what is not None else None,
            self.place,
            self.onto.selector() if self.onto is not None else None,
            self.side,
            self.only_if.condition() if self.only_if is not None else None,
            others=tuple(one.selector() for one in self.others),
        )

    def described(self) -> tuple[WhatSaid, ...]:
        """All things it speaks of."""
        maybe = (self.what, self.onto, *self.others, self.only_if.what if self.only_if is not None else None)
        return tuple(one for one in maybe if one is not None)


class ReplySaid(_Said):
    """A whole reply: intents for status "plan", else what to `say`."""

    status: Status
    intents: tuple[IntentSaid, ...] = Field((), max_length=MAX_STEPS)
    say: str = Field("", max_length=4000)


def read_reply(text: str, skills: Collection[str], world: World) -> ReplySaid:
    """What a model replied. Raises ModelError, kind "reply", that says what is wrong in words the model can use."""
    try:
        reply = ReplySaid.model_validate_json(_without_fence(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ModelError("reply", f"{where}: {first['msg']}") from None
    if problem := _outside(reply, skills, world):
        raise ModelError("reply", problem)
    return reply


def _without_fence(text: str) -> str:
    """JSON out of the Markdown fence some models put around it."""
    inner = text.strip()
    if inner.startswith("```") and inner.endswith("```"):
        inner = inner[3:-3].removeprefix("json").strip()
    return inner


def _outside(reply: ReplySaid, skills: Collection[str], world: World) -> str:
    """What in the reply is not of the catalogue or the scene, "" for nothing."""
    if (reply.status == "plan") != bool(reply.intents):
        return f'status "{reply.status}" with {len(reply.intents)} intents; intents are given with "plan" and only then'
    if reply.status != "plan" and not reply.say.strip():
        return f'status "{reply.status}" needs something to say'
    known = words(skills, world)
    for number, one in enumerate(reply.intents):
        found = [("skill", one.skill), ("place", one.place)]
        for thing in one.described():
            found += [(name, getattr(thing, name)) for name in ("name", "kind", "colour", "size", "place")]
            found += [("without", word) for word in thing.without]
        for name, value in found:
            if value and value not in known[name]:
                return f"intents.{number}: {name} is {value[:40]!r}; allowed: {', '.join(known[name])}"
    return ""


def words(skills: Collection[str], world: World) -> dict[str, tuple[str, ...]]:
    """The words that a reply may use, by field."""
    more = tuple(intent for intent, skill in _SKILLS_OF_SEVERAL.items() if skill in skills)
    colours = _once((*COLOURS, *(thing.colour for thing in world.things)))
    return {
        "skill": (*skills, *more),
        "name": _once(thing.name for thing in world.things),
        "kind": _once(("box", *(thing.kind for thing in world.things))),
        "colour": colours,
        "size": SIZES,
        "place": (*world.places, "bench"),
        "without": (*colours, *SIZES),
        "side": SIDES,
        "order": SIDES,
        "refers": get_args(Reference)[1:],
        "count": tuple(str(number) for number in range(MAX_STEPS + 1)),
        "condition": ("if",),
    }


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def schema(known: dict[str, tuple[str, ...]], *, complete: bool = False) -> dict[str, Any]:
    """JSON schema of a reply made of the `known` words (see `words`).

    `complete`: every field must be there, as servers with strict schemas ask for; else what is not said is left out,
    which saves small models time. Fields for which no word is known are left out, all conditions without `condition`.
    """

    def choice(values: Iterable[str]) -> dict[str, Any]:
        return {"type": "string", "enum": [*(("",) if complete else ()), *values]}

    def form(fields: dict[str, Any], *needed: str) -> dict[str, Any]:
        given = {name: value for name, value in fields.items() if _possible(value)}
        required = list(given) if complete else list(needed)
        return {"type": "object", "properties": given, "required": required, "additionalProperties": False}

    def maybe(inner: dict[str, Any]) -> dict[str, Any]:
        return {"anyOf": [inner, {"type": "null"}]} if complete else inner

    def several(name: str) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "enum": list(known[name])}, "maxItems": 8}

    what = form(
        {
            **{name: choice(known[name]) for name in ("name", "kind", "colour", "size", "place", "order", "refers")},
            "count": {"type": "integer", "enum": [int(number) for number in known["count"]]},
            "any": {"type": "boolean"},
            "without": several("without"),
        }
    )
    only_if = form({"what": what, "state": choice(get_args(State)[1:]), "negated": {"type": "boolean"}}, "what")
    intent = form(
        {
            "skill": {"type": "string", "enum": list(known["skill"])},
            "what": maybe(what),
            "place": choice(known["place"]),
            "onto": maybe(what),
            "side": choice(known["side"]),
            "others": {"type": "array", "items": what, "maxItems": 8},
            **({"only_if": maybe(only_if)} if known["condition"] else {}),
        },
        "skill",
    )
    return form(
        {
            "status": {"type": "string", "enum": list(STATUSES)},
            "intents": {"type": "array", "items": intent, "maxItems": MAX_STEPS},
            "say": {"type": "string", "maxLength": MOST_WORDS},
        },
        "status",
        "intents",
        "say",
    )


def _possible(form: dict[str, Any]) -> bool:
    """Whether there is anything to say in a field of that form."""
    choices = form.get("items", {}).get("enum", form.get("enum", ["one"]))
    return choices not in ([], [""])
