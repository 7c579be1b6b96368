"""Reads one clause: which verb, which box, which place. What it cannot read it says so, plainly."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.language import COLOURS
from ..core.planner import Status
from . import words as w

_STOPPERS = frozenset(
    ("in", "into", "to", "inside", "on", "onto", "over", "at", "from", "off", "up", "down", "back", "with", "by", "of")
) | {"there"}
COLOUR_LIST = f"{', '.join(COLOURS[:-1])} and {COLOURS[-1]}"
WHICH_BOX = f"Which box: {', '.join(COLOURS[:-1])} or {COLOURS[-1]}?"
ABILITIES = (
    f"I can pick up a {', '.join(COLOURS[:-1])} or {COLOURS[-1]} box, put it in the left or the right bin, "
    "put it down, and go to the home position."
)
ONE_AT_A_TIME = f"One box at a time, please: name each by its colour. I know {COLOUR_LIST}."
_BOX_WORDS = w.OTHER_COLOURS | w.SIZES | w.MANY | set(w.COLOUR_WORDS)


class Unclear(Exception):
    """The words cannot be carried out as they are; `say` tells the person why."""

    def __init__(self, say: str, status: Status = "refused") -> None:
        super().__init__(say)
        self.say, self.status = say, status


@dataclass(frozen=True, slots=True)
class Thing:
    """A box as it was spoken of: its `colour`, or "" and what it points back to, if anything."""

    colour: str = ""
    pronoun: bool = False  # "it"
    definite: bool = False  # "the box"


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it was spoken of. `side` "left", "right", "same", "other" or "" (a bin, side not said)."""

    side: str = ""
    table: bool = False
    moving: bool = False  # "into" or "to" was said: surely where it should go, not where it is
    source: bool = False  # "from" was said


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause. `verb` is "pick", "put", "home" or "" when it is left out; `down` for "put ... down"."""

    verb: str
    thing: Thing | None = None
    place: Place | None = None
    down: bool = False
    again: bool = False
    joined: bool = False


def read_clause(text: str, joined: bool) -> Clause | None:
    """Read a clause; None when it holds only politeness. Raises Unclear."""
    words, again = w.strip_politeness(text.split())
    if not words:
        return None
    if w.is_home(words):
        return Clause("home", joined=joined)
    verb, words = _verb(words)
    down = False
    if verb == "put" and w.take(words, "back down", "down"):
        words, down = words[w.take(words, "back down", "down") :], True
    place = _bare_place(words) if not verb else None
    if place is not None:
        return Clause("", None, place, joined=joined, again=again)
    thing, rest = _thing(words, text, bool(verb))
    if not verb and w.take(rest, *w.GOES_VERBS):
        verb, rest = "put", rest[w.take(rest, *w.GOES_VERBS) :]
    if verb == "put" and w.take(rest, "back down", "down"):
        rest, down = rest[w.take(rest, "back down", "down") :], True
    elif verb == "pick" and w.take(rest, "up"):
        rest = rest[1:]
    place, rest = _place(rest)
    if rest:
        raise Unclear(f'I did not understand "{" ".join(rest)}". {ABILITIES}')
    if verb == "pick" and thing is None:
        raise Unclear(WHICH_BOX, "question")
    return Clause(verb, thing, place, down, again, joined)


def _verb(words: list[str]) -> tuple[str, list[str]]:
    for verb, phrases in (("pick", w.PICK_VERBS), ("put", w.PUT_VERBS)):
        size = w.take(words, *phrases)
        if size:
            return verb, words[size:]
    return "", words


def _bare_place(words: list[str]) -> Place | None:
    """A whole clause that only names a bin: "left", "the right one", "in the left bin"."""
    size = w.take(words, *w.INTO, *w.IN)
    rest = words[size:]
    if rest[:1] == ["the"]:
        rest = rest[1:]
    named = rest and rest[0] in w.SIDES and (not rest[1:] or rest[1:] in (["one"], ["bin"], ["side"]))
    return Place(rest[0], moving=True) if named else None


def _thing(words: list[str], text: str, has_verb: bool) -> tuple[Thing | None, list[str]]:
    """The box at the start of `words`, and the words after it."""
    if not words or words[0] in _STOPPERS:
        return None, words
    if words[0] in w.PRONOUNS and (not words[1:] or words[1] in _STOPPERS or w.take(words[1:], *w.GOES_VERBS)):
        return Thing(pronoun=True), words[1:]
    article = words[0] if words[0] in w.ARTICLES else ""
    rest = words[1:] if article else words
    described: list[str] = []
    while rest and rest[0] not in _STOPPERS and rest[0] not in w.THINGS and not w.take(rest, *w.GOES_VERBS):
        described, rest = [*described, rest[0]], rest[1:]
    named = bool(rest) and rest[0] in w.THINGS
    plural = named and rest[0].endswith("s")
    strange = [word for word in described if word not in _BOX_WORDS]
    whole = bool(article or (has_verb and named))  # surely the description of a thing, not something to do
    if strange and (not whole or len(described) > 2 or w.ARTICLES.intersection(described)):
        raise Unclear(f'"{text}" is not something I can do. {ABILITIES}')
    colour = _colour(described, named)
    if plural and not colour:
        raise Unclear(ONE_AT_A_TIME)
    return Thing(colour, definite=not colour and article not in ("", *w.VAGUE)), rest[1:] if named else rest


def _colour(described: list[str], named: bool) -> str:
    """The colour among the words that describe a box, "" when none of them does. Raises Unclear."""
    colours = [w.COLOUR_WORDS[word] for word in described if word in w.COLOUR_WORDS]
    others = [word for word in described if word not in w.COLOUR_WORDS]
    if w.MANY.intersection(others):
        raise Unclear(ONE_AT_A_TIME)
    if w.SIZES.intersection(others):
        raise Unclear(f"I cannot tell boxes apart by size, only by colour: I know {COLOUR_LIST}.")
    what = " ".join(others)
    if others and (named or w.OTHER_COLOURS.intersection(others)):
        raise Unclear(f"I can't see {_a(what)} box; I know {COLOUR_LIST}.")
    if others:
        raise Unclear(f"I don't know what {_a(what)} is. {ABILITIES}")
    if len(set(colours)) > 1:
        raise Unclear(f"A box has one colour: is it {' or '.join(colours)}?")
    return colours[0] if colours else ""


def _a(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def _place(words: list[str]) -> tuple[Place | None, list[str]]:
    """The place at the start of `words` ("in the left bin", "on the table", "there"), and the words after it."""
    if words[:1] == ["there"]:
        return Place("same", moving=True), words[1:]
    source = w.take(words, *w.FROM)
    moving = w.take(words, *w.INTO)
    size = source or moving or w.take(words, *w.IN)
    if not size:
        return None, words
    preposition, rest = " ".join(words[:size]), words[size:]
    rest = rest[1:] if rest and rest[0] in w.ARTICLES else rest
    described: list[str] = []
    while rest and rest[0] not in _STOPPERS and rest[0] not in w.BIN_WORDS | w.TABLE_WORDS | {"one", "side"}:
        described, rest = [*described, rest[0]], rest[1:]
    noun, rest = (rest[0], rest[1:]) if rest and rest[0] not in _STOPPERS else ("", rest)
    if noun in w.TABLE_WORDS and not described:
        return Place(table=True, source=bool(source)), rest
    if noun in w.BIN_WORDS:
        size = w.take(rest, "on the", "at the", "to the", "on your", "to your")
        if size and not described and rest[size : size + 1] and rest[size] in w.SIDES:
            described, rest = [rest[size]], rest[size + 1 :]
            rest = rest[1:] if rest[:1] == ["side"] else rest
        return Place(_side(described), moving=bool(moving), source=bool(source)), rest
    if len(described) == 1 and described[0] in w.SIDES and noun != "side":
        return Place("" if preposition == "to" and not noun else described[0], moving=bool(moving)), rest
    what = " ".join([*described, noun]).strip()
    if not what:
        return None, words
    if what in w.SIDES or noun == "side":
        return Place(moving=bool(moving)), rest
    raise Unclear(f'I know no place called "{what}"; I know the left bin, the right bin and the table.')


def _side(described: list[str]) -> str:
    if not described:
        return ""
    if len(described) == 1 and described[0] in (*w.SIDES, "same", "other"):
        return described[0]
    raise Unclear(f"There is no {' '.join(described)} bin; I know the left bin and the right bin.")
