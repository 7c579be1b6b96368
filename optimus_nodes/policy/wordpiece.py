"""Sentences to the word pieces that the frozen sentence encoder knows (BERT's, without case and accents)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST = 60  # letters of a word; longer ones are unknown


class WordPieces:
    """Greedy word pieces over `vocabulary`, in its order: the longest known beginning first."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._number = {piece: number for number, piece in enumerate(vocabulary)}
        self.unknown, self.begin, self.end = (self._number[name] for name in (UNKNOWN, BEGIN, END))

    def encode(self, sentence: str, most: int) -> tuple[list[int], list[str]]:
        """Numbers of the pieces between begin and end, and the word that each belongs to ("" for begin and end).

        At most `most` of them; the rest is cut off.
        """
        pairs = [(piece, word) for word in words_of(sentence) for piece in self.pieces(word)][: most - 2]
        return [self.begin, *(piece for piece, _ in pairs), self.end], ["", *(word for _, word in pairs), ""]

    def pieces(self, word: str) -> list[int]:
        """Numbers of the pieces of one word."""
        found, start = [], 0
        while start < len(word) <= _LONGEST:
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self._number.get(mark + word[start:end])
                if number is not None:
                    break
            else:
                return [self.unknown]
            found.append(number)
            start = end
        return found or [self.unknown]


def words_of(sentence: str) -> list[str]:
    """Lower-case words without accents; every sign that is no letter or digit is a word of its own."""
    plain = unicodedata.normalize("NFD", sentence.replace("\u2019", "'").lower())
    words, word = [], ""
    for sign in plain:
        kind = unicodedata.category(sign)
        if kind == "Mn" or (kind[0] == "C" and not sign.isspace()):
            continue
        if kind[0] in "LN":
            word += sign
            continue
        words += [word] if word else []
        words += [] if sign.isspace() else [sign]
        word = ""
    return words + ([word] if word else [])
