"""A place in a sentence, and the way out of one that makes no sense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from . import lexicon as lex


class Unclear(Exception):
    """The words cannot be carried out as they are; `say` tells the person why. `about`: things they name."""

    def __init__(
        self, say: str, status: Literal["refused", "question", "answer"] = "refused", about: tuple[str, ...] = ()
    ) -> None:
        super().__init__(say)
        self.say, self.status, self.about = say, status, about


class Cursor:
    """A place in a sentence."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.at = list(words), 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    @property
    def word(self) -> str:
        """The next word, "" at the end."""
        return "" if self.done else self.words[self.at]

    @property
    def rest(self) -> str:
        return " ".join(self.words[self.at :])

    def sees(self, *phrases: str) -> str:
        """The first of `phrases` that comes next, "" for none. Give longer ones first."""
        for phrase in phrases:
            parts = phrase.split()
            if self.words[self.at : self.at + len(parts)] == parts:
                return phrase
        return ""

    def take(self, *phrases: str) -> str:
        """As `sees`, and step over it."""
        found = self.sees(*phrases)
        self.at += len(found.split())
        return found

    def take_from(self, table: lex.Table[lex.V]) -> lex.V | None:
        """The meaning of the longest phrase of `table` that comes next, stepped over."""
        found, count = table.longest(self.words, self.at)
        self.at += count
        return found
