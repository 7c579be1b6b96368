"""What colour a name means that nobody taught: cobalt is a blue, for so the people say who saw it.

In a survey (Munroe 2010, in the public domain; matplotlib has its table) people named 949 colours. Most names say
what they are a kind of ("pea green", "pale pink"); any other name means what those near to it in CIE L*a*b* are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib.colors import XKCD_COLORS, to_rgb
from numpy.typing import NDArray

from ..core.wordings import VALUES
from .wordpiece import words_of

# The eleven basic colour terms (Berlin and Kay 1969).
BASIC = ("red", "green", "blue", "yellow", "orange", "purple", "pink", "brown", "black", "white", "grey")
_TAUGHT = frozenset(name for names in VALUES.values() for name in names) | set(BASIC)
_LONGEST = 3  # words of a name
_NEAR = 7  # kinds that are asked
_TOO_NEAR = 0.02  # of L*a*b* in hundreds: nearer ones count no more
# What follows a name that stands for a thing ("take the apple to station a"), not for what a thing is like.
_FOLLOWS_A_THING = """
a after ahead an and as at back by down for from if in inside into it next now of off on onto or out over please so some
than thank thanks that the then there to under until up was were where which while who with you your
"""
_AFTER_A_THING = frozenset(_FOLLOWS_A_THING.split())
_LINKS = ("is", "are", "s", "looks")  # "the box that is cobalt"
_WHITE = np.array([0.9505, 1.0, 1.089])  # D65
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # of linear sRGB


def in_plain_colours(sentence: str) -> str:
    """`sentence` with basic terms for the names of colours that the grammar does not teach; else as it is.

    Only names that say what a thing is like are changed: "the apple crate" is green, "the apple" may be one.
    """
    words, found, start, changed = words_of(sentence), [], 0, False
    while start < len(words):
        count = _name_at(words, start)
        name = " ".join(words[start : start + max(count, 1)])
        if count and name not in _TAUGHT and _is_like(words, start, count):
            name, changed = kind_of(name), True
        found.append(name)
        start += max(count, 1)
    return " ".join(found) if changed else sentence


@cache
def kind_of(name: str) -> str:
    """The basic term for the colour `name`, one of the survey's. Raises KeyError when it is none."""
    place = _places()[name]
    kinds = [(float(np.linalg.norm(_places()[other] - place)), term) for other, term in _kinds() if other != name]
    votes = Counter[str]()
    for off, term in sorted(kinds)[:_NEAR]:
        votes[term] += 1.0 / (off + _TOO_NEAR)  # type: ignore[assignment]
    return votes.most_common(1)[0][0]


def _name_at(words: Sequence[str], start: int) -> int:
    """How many words from `start` on are the longest name of a colour; 0 when there is none."""
    longest = min(_LONGEST, len(words) - start)
    return next((n for n in range(longest, 0, -1) if " ".join(words[start : start + n]) in _places()), 0)


def _is_like(words: Sequence[str], start: int, count: int) -> bool:
    """True when the name of `count` words at `start` says what a thing is like, and no basic term says it plainly."""
    after = words[start + count] if start + count < len(words) else ""
    if after in BASIC or words[start + count - 1] in BASIC:
        return False
    return (after.isalnum() and after not in _AFTER_A_THING) or (start > 0 and words[start - 1] in _LINKS)


@cache
def _places() -> dict[str, NDArray[np.float64]]:
    """Every name of the survey and where it lies in CIE L*a*b*, (3,), 1 for 100."""
    return {name.removeprefix("xkcd:"): _lab(to_rgb(code)) for name, code in XKCD_COLORS.items()}


@cache
def _kinds() -> list[tuple[str, str]]:
    """The names that end in a basic term, with it."""
    ends = [(name, name.split()[-1].replace("gray", "grey")) for name in _places() if "/" not in name]
    return [(name, end) for name, end in ends if end in BASIC]


def _lab(rgb: Sequence[float]) -> NDArray[np.float64]:
    """From sRGB, values 0 to 1 (IEC 61966-2-1), by CIE 15:2004."""
    given = np.asarray(rgb)
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    ratio = _XYZ @ linear / _WHITE
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([1.16 * y - 0.16, 5.0 * (x - y), 2.0 * (y - z)])
