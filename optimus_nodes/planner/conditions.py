"""Reads conditions: what must be true before something is done."""

from __future__ import annotations

from dataclasses import replace

from ..core.intent import Condition, Selector
from . import lexicon as lex
from .cursor import Cursor, Unclear
from .phrases import read_place, read_things

_IF = ("if", "when", "in case", "as long as", "provided that", "should", "unless")
_WORKED = ("that works", "it works", "this works", "that is possible", "possible")  # steps stop at a failure
_ANYTHING = ("anything", "something", "a box", "a thing")
_NOTHING = ("nothing", "no box")


def read_condition(cursor: Cursor, before: Condition | None) -> Condition | None:
    """The condition that comes next: "if the drawer is open", "otherwise". None, and nothing read, when there is none.

    `before`: what "otherwise" is the opposite of.
    """
    if cursor.take(*lex.OTHERWISE):
        if before is None:
            raise Unclear(f'Otherwise than what? I did not understand "{cursor.rest}".')
        cursor.take(",")
        return replace(before, negated=not before.negated)
    lead = cursor.take(*_IF)
    if not lead:
        return None
    if cursor.take(*_WORKED):
        cursor.take(",")
        return None
    start = cursor.at
    negated = False
    if cursor.take("it is", "it's"):
        cursor.take("still")
        state = cursor.take("open", "closed", "shut")
        if state:
            cursor.take(",", "then")
            return _unless(lead, Condition(Selector("drawer"), "open" if state == "open" else "closed"))
        cursor.at = start
    if cursor.take("you hold", "you are holding", "you have") and (held := cursor.take(*_ANYTHING, *_NOTHING)):
        cursor.take(",", "then")
        return _unless(lead, Condition(Selector(kind="", refers="held"), negated=held in _NOTHING))
    cursor.at = start
    if cursor.take("there is", "there are", "you see", "you can see", "there's"):
        negated = bool(cursor.take("no", "not"))
        things = read_things(cursor, False)
    elif cursor.take("you hold", "you are holding", "you have"):
        things = [replace(one, refers="held") for one in read_things(cursor, False) or []]
    elif cursor.take("there is no", "there are no"):
        negated, things = True, read_things(cursor, False)
    else:
        things = read_things(cursor, False)
        if things and cursor.take("is not", "isn't", "are not", "is", "are", "'s"):
            negated = cursor.words[cursor.at - 1] in ("not", "isn't") or bool(cursor.take("not"))
            state = cursor.take("open", "closed", "shut")
            if state:
                cursor.take(",", "then", ", then")
                return _unless(lead, Condition(things[0], "open" if state == "open" else "closed", negated))
            cursor.take("there", "in sight")
            if cursor.take(*lex.TOWARDS):
                place = read_place(cursor)
                if place is None or not place.name:
                    raise Unclear(f'I did not understand "{" ".join(cursor.words[start:])}".')
                things = [replace(things[0], place=place.name)]
    if not things:
        raise Unclear(f'I did not understand "{" ".join(cursor.words[start - 1 :])}".')
    cursor.take(", then", ",", "then")
    return _unless(lead, Condition(replace(things[0], any=True), negated=negated))


def _unless(lead: str, condition: Condition) -> Condition:
    return replace(condition, negated=not condition.negated) if lead == "unless" else condition
