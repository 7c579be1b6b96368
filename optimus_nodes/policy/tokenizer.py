"""Words to numbers. The vocabulary is what the grammar of `core.language` can say, and travels in the bundle."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ContractError
from ..core.language import all_instructions, find_instruction, wordings

PADDING, UNKNOWN = "<pad>", "<unk>"
MAX_WORDS = 24
_WORD = re.compile(r"[a-z0-9']+")


def split(sentence: str) -> list[str]:
    """Lower-case words of `sentence`, punctuation dropped."""
    return _WORD.findall(sentence.lower())


def grammar_vocabulary() -> tuple[str, ...]:
    """Padding, unknown, then every word the grammar can make, in alphabetical order."""
    words = {word for one in all_instructions() for sentence in wordings(one) for word in split(sentence)}
    return (PADDING, UNKNOWN, *sorted(words))


class Tokenizer:
    """Turns a sentence into `max_words` word numbers. Words it never saw become `<unk>`.

    A sentence of the grammar that the vocabulary cannot say is taken as its canonical wording where that can be said:
    so a policy that was taught few words obeys every wording of its instructions.
    """

    def __init__(self, vocabulary: Iterable[str], max_words: int = MAX_WORDS) -> None:
        self.vocabulary = tuple(vocabulary)
        self.max_words = max_words
        if self.vocabulary[:2] != (PADDING, UNKNOWN) or len(set(self.vocabulary)) != len(self.vocabulary):
            raise ContractError(
                f"the vocabulary starts with {list(self.vocabulary[:2])} or repeats a word; it must start with "
                f"{[PADDING, UNKNOWN]} and name each word once (vocabulary in policy.yaml)"
            )
        self._number = {word: i for i, word in enumerate(self.vocabulary)}

    def encode(self, sentence: str) -> NDArray[np.int64]:
        """Word numbers, shape (max_words,), padded with 0; words beyond `max_words` are dropped."""
        words = split(sentence)
        if not self._knows(words) and (instruction := find_instruction(sentence)) is not None:
            words = plain if self._knows(plain := split(instruction.sentence)) else words
        numbers = [self._number.get(word, 1) for word in words[: self.max_words]]
        return np.array(numbers + [0] * (self.max_words - len(numbers)), dtype=np.int64)

    def _knows(self, words: list[str]) -> bool:
        return len(words) <= self.max_words and all(word in self._number for word in words)
