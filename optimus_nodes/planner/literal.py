"""What a sentence speaks of, word by word: it keeps a small model from making things up.

A model of a few hundred million weights knows how sentences go, not what is true. So it gets a short prompt without the
scene, and a schema in which only those colours, sizes, places and references stand that were said, in whatever words.
What is left to it is which skill is meant, and what goes where. With 135 million weights that has not been enough yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..core.language import BINS, COLOURS, SIZES, STATIONS
from ..core.wordings import HELDOUT_VALUES, VALUES
from . import lexicon as lex
from .chat import Message

_INTRODUCTION = "Say in JSON which skills of a robot are meant, in order. Skills: {skills}."
_EXAMPLES: tuple[tuple[str, list[dict[str, Any]]], ...] = (
    ("please take the green box", [{"skill": "pick", "what": {"colour": "green"}}]),
    ("the small one goes into the left bin", [{"skill": "place", "what": {"size": "small"}, "place": "left_bin"}]),
    (
        "put the red cube down on the blue one and then wave",
        [
            {"skill": "stack", "what": {"colour": "red"}, "onto": {"colour": "blue"}},
            {"skill": "wave"},
        ],
    ),
    ("bring all of them to station b", [{"skill": "move", "what": {"count": 0}, "place": "station_b"}]),
    ("let go of it", [{"skill": "put_down"}]),
    ("go back to your home position", [{"skill": "home"}]),
    ("shove the yellow block to the right", [{"skill": "push", "what": {"colour": "yellow"}, "side": "right"}]),
)
_REFERENCES = {
    "it": lex.PRONOUNS,
    "them": (*lex.MANY_PRONOUNS, "them", "these", "those"),
    "other": ("other", "others", "another"),
    "rest": (*lex.REST, "rest", "remaining"),
    "held": (*lex.HELD, *lex.IN_HAND),
}


def messages(text: str, skills: Collection[str]) -> list[Message]:
    """A short prompt: the same messages for the same skills, then what was said."""
    known = [Message("system", _INTRODUCTION.format(skills=", ".join(skills)))]
    for said, intents in _EXAMPLES:
        if all(intent["skill"] in skills for intent in intents):
            known += [Message("user", said), Message("assistant", _reply(intents))]
    return [*known, Message("user", text)]


def _reply(intents: list[dict[str, Any]]) -> str:
    return json.dumps({"status": "plan", "intents": intents, "say": ""}, separators=(",", ":"))


def spoken_of(text: str, known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Of the `known` words (see `meant.words`) those that `text` speaks of."""
    said = " ".join(re.findall(r"[a-z']+", text.lower()))
    colours = tuple(colour for colour in known["colour"] if _any(said, _names(colour)))
    sizes = tuple(size for size in SIZES if _any(said, _names(size)))
    sides = tuple(side for side in BINS if _any(said, _names(side)))
    letters = tuple(one for one in STATIONS if _any(said, _names(one))) if _any(said, lex.STATION) else ()
    places = tuple(f"{side}_bin" for side in sides if _any(said, lex.BIN)) + tuple(f"station_{one}" for one in letters)
    excepted = _any(said, lex.EXCEPT)
    return {
        **known,
        "name": (),
        "kind": tuple(kind for kind in known["kind"] if kind != "box" and kind in said),
        "colour": colours,
        "size": sizes,
        "place": tuple(place for place in places if place in known["place"]),
        "side": sides,
        "order": tuple(side for side in sides if "most" in said),
        "refers": tuple(name for name, words in _REFERENCES.items() if _any(said, words)),
        "without": (*colours, *sizes) if excepted else (),
        "count": tuple(str(number) for number in _counts(said)),
        "condition": ("if",) if _any(said, ("if", "unless", "in case")) else (),
    }


def _counts(said: str) -> list[int]:
    """How many may be meant: one, all (0), or a number that was said."""
    found = [number for word, number in lex.NUMBERS.items() if _any(said, (word,)) and number > 1]
    return [1, *([0] if _any(said, (*lex.ALL, *lex.EVERYTHING)) else []), *found]


def _names(value: str) -> tuple[str, ...]:
    """What a value may be called."""
    plain = (value,) if value in (*COLOURS, *SIZES, *BINS) else ()
    return (*plain, *VALUES.get(value, ()), *HELDOUT_VALUES.get(value, ()))


def _any(said: str, phrases: Iterable[str]) -> bool:
    return any(re.search(rf"(?<![a-z']){re.escape(phrase)}(?![a-z'])", said) for phrase in phrases)
