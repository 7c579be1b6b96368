"""Words to numbers. The vocabulary is what the grammar of `core.language` can say, and travels in the bundle."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ContractError
from ..core.language import all_instructions, wordings

PADDING, UNKNOWN = "<pad>", "<unk>"
MAX_WORDS = 14
_WORD = re.compile(r"[a-z0-9']+")


def split(sentence: str) -> list[str]:
    """Lower-case words of `sentence`, punctuation dropped."""
    return _WORD.findall(sentence.lower())


def grammar_vocabulary() -> tuple[str, ...]:
    """Padding, unknown, then every word the grammar can make, in alphabetical order."""
    words = {word for one in all_instructions() for sentence in wordings(one) for word in split(sentence)}
    return (PADDING, UNKNOWN, *sorted(words))


class Tokenizer:
    """Turns a sentence into `max_words` word numbers. Words it never saw become `<unk>`."""

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
        numbers = [self._number.get(word, 1) for word in split(sentence)[: self.max_words]]
        return np.array(numbers + [0] * (self.max_words - len(numbers)), dtype=np.int64)
