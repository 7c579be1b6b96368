"""Cuts a text into words, and steps over those that ask for nothing."""

from __future__ import annotations

import re

from . import lexicon as lex
from .cursor import Cursor

MAX_LETTERS = 1000


def normalise(text: str) -> list[str]:
    """Words and marks in lower case. Hyphens count as spaces, typographic apostrophes as plain ones."""
    text = text.lower().replace("\u2019", "'").replace("-", " ").replace("_", " ").replace("\n", " ; ")
    text = text.replace("...", " , ")
    words = re.findall(r"[a-z0-9']+|[,;.:!?]|[^\sa-z0-9',;.:!?]+", text)
    return [lex.SPELLED.get(word, word) for word in words if word not in lex.FILLERS]


def skip_joints(cursor: Cursor) -> None:
    while cursor.take(*lex.MARKS, *lex.THEN):
        pass


def skip_politeness(cursor: Cursor) -> str:
    """Step over "please" and the like. The hand that "use your left hand to" names, else ""."""
    while cursor.take(*lex.POLITE) or cursor.take(*lex.MARKS, "then"):
        pass
    start = cursor.at
    if cursor.take("use your", "with your", "using your"):
        side = cursor.take("left", "right")
        if cursor.take(*lex.HAND, "finger", "index finger"):
            cursor.take("to", "and", ",")
            return side
    cursor.at = start
    return ""


def skip_afterwards(cursor: Cursor) -> None:
    """Step over what may stand at the end of an order: "for me", ", would you?"."""
    while cursor.take(*lex.AFTERWARDS, *lex.AGAIN):
        pass
    start = cursor.at
    while cursor.take(",") and cursor.take(*lex.TAGS) and (cursor.done or cursor.word in lex.MARKS):
        start = cursor.at
    cursor.at = start


def take_verb(cursor: Cursor) -> frozenset[str] | None:
    """What the verb that comes next can mean, stepped over; also where it ends in -ing ("would you mind putting")."""
    found = cursor.take_from(lex.verbs())
    if found is not None or not cursor.word.endswith("ing"):
        return found
    stem = cursor.word.removesuffix("ing")
    for base in (stem, f"{stem}e", stem[:-1]):
        found = lex.verbs().get(base)
        if found is not None:
            cursor.at += 1
            return found
    return None


def take_verb_after_comma(cursor: Cursor) -> bool:
    """True when an order follows the comma; nothing is read."""
    start = cursor.at
    cursor.take(",")
    skip_politeness(cursor)
    follows = take_verb(cursor) is not None
    cursor.at = start
    return follows
