"""The words the offline planner knows, and how it cuts a sentence into clauses of words.

A word that is in none of these tables is never skipped: what is not understood is not carried out.
"""

from __future__ import annotations

import re

from ..core.language import BINS, COLOURS

COLOUR_WORDS = {colour: colour for colour in COLOURS} | {
    "crimson": "red",
    "scarlet": "red",
    "ruby": "red",
    "emerald": "green",
    "navy": "blue",
    "azure": "blue",
    "cobalt": "blue",
    "golden": "yellow",
    "lemon": "yellow",
}
OTHER_COLOURS = frozenset(
    ("purple", "violet", "orange", "pink", "black", "white", "grey", "gray", "brown", "cyan", "magenta", "turquoise")
)
SIDES = frozenset(BINS)
SIZES = frozenset(("small", "large", "big", "little", "tiny", "huge", "smaller", "larger", "bigger"))
THINGS = frozenset(("box", "block", "cube", "one", "boxes", "blocks", "cubes", "ones"))
PRONOUNS = frozenset(("it", "that", "this"))
MANY = frozenset(
    (
        "all",
        "every",
        "each",
        "both",
        "any",
        "some",
        "everything",
        "them",
        "they",
        "those",
        "these",
        "two",
        "three",
        "four",
    )
)
ARTICLES = frozenset(("the", "a", "an", "that", "this", "my", "your"))
VAGUE = frozenset(("a", "an", "another"))
BIN_WORDS = frozenset(("bin", "bins", "container", "basket"))
TABLE_WORDS = frozenset(("table", "bench", "workbench", "desk"))

# Verb phrases, longer ones first so that "pick up" is found before "pick".
PICK_VERBS = ("take hold of", "pick up", "lift up", "pick", "grasp", "lift", "take", "grab", "get", "hold")
PUT_VERBS = ("drop off", "put", "place", "move", "drop", "bring", "carry", "set", "lay", "transfer")
GOES_VERBS = ("should go", "must go", "has to go", "goes", "go", "belongs", "belong")
INTO = ("in to", "over to", "into", "to")
IN = ("inside of", "inside", "in", "onto", "on top of", "on")
FROM = ("up from", "from", "off of", "off")

_BEFORE = (
    "i would like you to",
    "i'd like you to",
    "i want you to",
    "i need you to",
    "good morning",
    "thank you",
    "could you",
    "would you",
    "can you",
    "will you",
    "please",
    "kindly",
    "now",
    "just",
    "hey",
    "hi",
    "hello",
    "ok",
    "okay",
    "yes",
    "robot",
    "optimus",
    "first",
    "also",
    "thanks",
)
_AFTER = ("for me", "thank you", "please", "now", "instead", "thanks", "robot", "optimus", "first")
_AGAIN = ("as well", "too", "also")
_HOME = re.compile(
    r"((go|return|move|come|get)( back)?( to)?( (the|your))? home( (position|pose|posture))?"
    r"|go( back)? to( the| your)? rest( position)?|rest your arms|home)"
)
_BREAK = re.compile(r"\s*(?:[,;.!?:]+|\b(?:and|then|after that|afterwards|next|finally)\b)\s*")
_PLAIN = re.compile(r"[\s,]*(and)?[\s,]*(also)?\s*")


def normalise(text: str) -> str:
    """Lower-case words with single spaces; hyphens count as spaces, typographic apostrophes as plain ones."""
    text = text.lower().replace("\u2019", "'").replace("-", " ").replace('"', " ").replace("\n", "; ")
    return re.sub(r"[ \t]+", " ", text).strip()


def clauses(text: str) -> list[tuple[str, bool]]:
    """Cut a normalised text: (clause, whether only a comma or "and" joins it to the one before)."""
    parts: list[tuple[str, bool]] = []
    start, joint = 0, ""
    for found in [*_BREAK.finditer(text), None]:
        part = text[start : found.start() if found else len(text)].strip()
        if part:
            parts.append((part, bool(parts) and _PLAIN.fullmatch(joint) is not None))
            joint = ""
        if found:
            joint += found.group()
            start = found.end()
    return parts


def strip_politeness(words: list[str]) -> tuple[list[str], bool]:
    """The words without "please" and the like, and whether they ended in "too" or "as well"."""
    again, changed = False, True
    while changed and words:
        changed = False
        for phrase in _BEFORE:
            if take(words, phrase):
                words, changed = words[len(phrase.split()) :], True
        for phrase in (*_AFTER, *_AGAIN):
            size = len(phrase.split())
            if words[-size:] == phrase.split():
                words, changed = words[:-size], True
                again = again or phrase in _AGAIN
    return words, again


def take(words: list[str], *phrases: str) -> int:
    """How many words at the start make one of `phrases`, 0 for none."""
    for phrase in phrases:
        parts = phrase.split()
        if words[: len(parts)] == parts:
            return len(parts)
    return 0


def is_home(words: list[str]) -> bool:
    """True when the words ask for the home position."""
    return _HOME.fullmatch(" ".join(words)) is not None
