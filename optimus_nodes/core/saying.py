"""Small change of what the robot says: articles, lists, capitals."""

from __future__ import annotations

import re
from collections.abc import Sequence


def article(words: str) -> str:
    """ "a" or "an", as `words` begin."""
    return "an" if words[:1] in tuple("aeiou") else "a"


def listed(parts: Sequence[str], link: str = "and") -> str:
    """ "red, green and blue"; "nothing" for no parts."""
    if not parts:
        return "nothing"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {link} {parts[-1]}"


def mine(sentence: str) -> str:
    """An order to the robot in its own mouth: "wave with your left hand" becomes "wave with my left hand"."""
    return re.sub(r"\byour\b", "my", sentence)


def capital(text: str) -> str:
    """`text` with its first letter in upper case."""
    return text[:1].upper() + text[1:]
