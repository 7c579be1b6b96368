"""Reads a whole instruction: which intents its words mean, in their order. Raises Unclear for words it cannot place.

    read("put the red box in the left bin and the blue one in the other")
    -> [Intent("place", red box, "left_bin"), Intent("place", blue box, "right_bin")]

An intent whose place was not said has the skill "put" and no place; the caller asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..core.intent import Intent, Selector
from ..core.language import SLOTS
from . import lexicon as lex
from .cursor import Cursor, Unclear
from .fragments import Fragment
from .orders import Orders
from .phrases import Place, read_place, read_things
from .words import normalise, skip_joints, skip_politeness


def read(
    text: str, skills: Collection[str] = tuple(SLOTS), before: Sequence[Intent] = ()
) -> list[Intent] | Fragment:
    """The intents of `text`. Raises Unclear.

    `skills`: what can be done, for words that mean different things. `before`: intents that "there" looks back to.
    """
    cursor = Cursor(normalise(text))
    reading = Orders(cursor, skills, before)
    skip_joints(cursor)
    fragment = _fragment(cursor)
    if fragment is not None:
        return fragment
    reading.clauses()
    if not reading.found:
        raise Unclear("I did not understand that.")
    return _with_sorting(reading.found)


def _fragment(cursor: Cursor) -> Fragment | None:
    """The whole of the words, when they only name things and a place."""
    start = cursor.at
    linked = start > 0 and cursor.words[start - 1] == "and"
    skip_politeness(cursor)
    if cursor.take(*lex.EITHER) and cursor.done:
        return Fragment(either=True)
    correcting = False
    while cursor.take(*lex.CORRECTING) or (correcting and cursor.take(",")):
        correcting = True
    if cursor.take_from(lex.verbs()) is None:
        try:
            things, place = _things_and_place(cursor)
        except Unclear:  # read as a sentence it may make sense, or say better what is wrong
            cursor.at = start
            return None
        again = bool(cursor.take(*lex.AGAIN)) or linked
        while cursor.take(",", ".", "!", "?", *lex.AFTERWARDS):
            pass
        if cursor.done and (things or place):
            return Fragment(tuple(things), place, again=again, correcting=correcting)
    cursor.at = start
    return None


def _things_and_place(cursor: Cursor) -> tuple[list[Selector], Place | None]:
    """ "the red one in the left bin", "the right bin"."""
    start = cursor.at
    try:
        things = read_things(cursor, True) or []
    except Unclear:
        cursor.at, things = start, []
        place = read_place(cursor)
        if place is None or not cursor.done and not cursor.sees(",", ".", "!", "?", *lex.AFTERWARDS):
            raise
        return things, place
    cursor.take(*lex.TOWARDS)
    return things, read_place(cursor) if not cursor.done else None


def _with_sorting(intents: list[Intent]) -> list[Intent]:
    """ "Sort them by size and put the large ones in the left bin": the bin named for one size settles the other's."""
    if len(intents) < 2 or intents[0].skill != "sort" or intents[0].what is None or intents[0].what.count != 0:
        return intents
    named = {one.what.size: one.place for one in intents[1:] if one.skill == "place" and one.what and one.what.size}
    if len(named) != len(intents) - 1 or len(named) > 2:
        return intents
    size, place = next(iter(named.items()))
    other = "small" if size == "large" else "large"
    named.setdefault(other, "right_bin" if place == "left_bin" else "left_bin")
    what = intents[0].what
    return [Intent("place", replace(what, size=size), place) for size, place in named.items()]
