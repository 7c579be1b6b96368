"""Cuts a text into words, and steps over those that ask for nothing."""

from __future__ import annotations

import re

from . import lexicon as lex
from .cursor import Cursor

MAX_LETTERS = 1000


def normalise(text: str) -> list[str]:
    """Words and marks in lower case. Hyphens count as spaces, typographic apostrophes as plain ones."""
    text = text.lower().replace("\u2019", "'").replace("-", " ").replace("_", " ").replace("\n", " ; ")
    return re.findall(r"[a-z0-9']+|[,;.:!?]|[^\sa-z0-9',;.:!?]+", text)


def skip_joints(cursor: Cursor) -> None:
    while cursor.take(",", ";", ".", ":", "!", "?", *lex.THEN):
        pass


def skip_politeness(cursor: Cursor) -> str:
    """Step over "please" and the like. The hand that "use your left hand to" names, else ""."""
    while cursor.take(*lex.POLITE) or cursor.take(",", ":"):
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
    while cursor.take(*lex.AFTERWARDS, *lex.AGAIN):
        pass
