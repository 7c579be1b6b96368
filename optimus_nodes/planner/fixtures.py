"""Reads orders that are about no box: home, put down, wave, the drawer, the bar."""

from __future__ import annotations

import re
from collections.abc import Collection

from ..core.intent import NOTICE, Intent, Selector
from ..core.language import other_side
from . import lexicon as lex
from .cursor import Cursor, Unclear
from .phrases import Place, read_place, read_things

_LET_GO = ("free your hands", "free your hand", "let it go", "let go of it", "let go", "release it", "release")
_SHUT = ("shut", "closed", "close", "in", "back in")
_OPENED = ("open", "out")
_VERB, _TO = r"(?:go|return|move|come|get|drive) ", r"(?:back )?(?:to |in |into )?(?:the |your |its )?"
_POSE = r" (?:position|pose|posture)"
_START = r"(?:starting|start|neutral|initial|default)"  # alone they say nothing: a verb or a pose belongs to them
_HOME = re.compile(
    rf"(?:(?:{_VERB})?{_TO}(?:(?:home|rest)(?:{_POSE})?|{_START}{_POSE})|{_VERB}{_TO}{_START})(?: again)?"
    "|rest your arms"
)


def read_home(cursor: Cursor) -> Intent | None:
    """ "Go home"; None, and nothing read, for anything else."""
    words = cursor.words[cursor.at :]
    ends = [k for k, word in enumerate(words) if word in (*lex.MARKS, "and", "then")]
    clause = words[: ends[0] if ends else len(words)]
    for count in range(len(clause), 0, -1):
        if _HOME.fullmatch(" ".join(clause[:count])):
            cursor.at += count
            return Intent("home")
    return None


def read_down(cursor: Cursor) -> Intent | None:
    """ "let go", "put (it) down"."""
    start = cursor.at
    if cursor.take(*_LET_GO):
        named = read_things(cursor, False) if cursor.take("of") else None
        return Intent("put_down", named[0] if named and named[0].refers != "it" else None)
    verb = cursor.take_from(lex.verbs())
    if verb is None or "put" not in verb:
        cursor.at = start
        return None
    early = cursor.take("back down", "down")
    things = read_things(cursor, True)
    if not early and not cursor.take("back down", "down"):
        cursor.at = start
        return None
    if cursor.take(*lex.TOWARDS):
        place = read_place(cursor)
        if place is None or place.kind != "bench":
            cursor.at = start
            return None
    cursor.take("somewhere", "anywhere")
    what = things[0] if things and things[0].refers != "it" else None
    return Intent("put_down", what)


def read_wave(cursor: Cursor) -> Intent:
    """What follows "wave"."""
    start = cursor.at
    cursor.take("hello", "goodbye", "to me", "at me", "hi", "bye")
    cursor.take("with a wave of", "with")
    place = read_place(cursor)
    side = place.value if place is not None and place.kind in ("hand", "side") else ""
    if place is not None and place.kind not in ("hand", "side"):
        cursor.at = start
    return Intent("wave", side=side)


def read_drawer(cursor: Cursor, can: Collection[str]) -> Intent:
    """What follows "open (the drawer)", "push (the drawer)": a verb that can mean `can`."""
    if cursor.take(*_SHUT):
        skill = "close"
    elif cursor.take(*_OPENED) or not {"close", "push"}.intersection(can):
        skill = "open"
    else:
        skill = "close"
    if not {"open", "close", "push", "tug"}.intersection(can):
        raise Unclear("I can open the drawer and close it.")
    cursor.take("again", "up")
    return Intent(skill)


def read_bar(cursor: Cursor, can: Collection[str]) -> Intent:
    """What follows "pass (the bar)": it only goes from hand to hand."""
    hands: dict[str, str] = {}
    cursor.take("over")
    while True:
        how = cursor.take(*lex.FROM, *lex.TOWARDS, "with", "using")
        if not how:
            break
        if cursor.take("one hand", "this hand", "one of your hands"):
            continue
        place = read_place(cursor)
        other = place is not None and place.value == "other"
        if place is None or (place.kind not in ("hand", "side") and not other):
            raise Unclear("I can hand the bar over to my left or to my right hand, nothing else.")
        hands["from" if how in lex.FROM else "with" if how in ("with", "using") else "to"] = place.value
    takes = "pick" in can and "hand" not in can
    if hands.get("to") == "other" and "from" in hands:
        del hands["to"]
    side = hands.get("to") or other_side(hands.get("from", "")) or ("" if takes else other_side(hands.get("with", "")))
    if takes and not side:
        return Intent(NOTICE, Selector("bar"))
    if not {"hand", "carry", "put", "pick"}.intersection(can):
        raise Unclear("I can hand the bar over to my left or to my right hand, nothing else.")
    return Intent("hand_over", side=side)


def read_needs(cursor: Cursor) -> Intent | None:
    """What follows "the drawer" in "the drawer needs closing"; None, and nothing read, when it is something else."""
    if not cursor.take("needs to be", "needs", "should be", "has to be", "must be", "wants"):
        return None
    skill = {"clos": "close", "shut": "close", "open": "open"}.get(cursor.word[:4])
    if skill is None:
        raise Unclear(f'I did not understand "{cursor.rest}".')
    cursor.at += 1
    return Intent(skill)


def read_bare_place(cursor: Cursor) -> Place | None:
    """A bin or station after a comma, "please" or nothing: "the red box, please, left bin"; else None."""
    start = cursor.at
    while cursor.take(",", "please"):
        pass
    if cursor.sees(*lex.TOWARDS):
        return None  # "the red box, please, in the left bin": no longer apart
    place = read_place(cursor)
    if place is not None and place.kind in ("bin", "station") and place.value != "same":
        return place
    cursor.at = start
    return None
