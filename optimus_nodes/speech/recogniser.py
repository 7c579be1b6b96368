"""What turns speech into words: the port, and who stands behind it."""

from __future__ import annotations

from typing import Protocol

from ..core.hearing import Heard


class Recogniser(Protocol):
    """Words of one utterance, given piece by piece as it is spoken."""

    def begin(self) -> None:
        """An utterance begins."""
        ...

    def add(self, data: bytes) -> None:
        """A piece of it, see `sound`."""
        ...

    def end(self) -> Heard:
        """It is over: its words in small letters, "" when nothing was understood."""
        ...


class WholeUtterance:
    """Keeps what is said in `said` until it is over: the half of a recogniser that thinks then."""

    def __init__(self) -> None:
        self.said = bytearray()

    def begin(self) -> None:
        self.said.clear()

    def add(self, data: bytes) -> None:
        self.said += data


class Spotter(Protocol):
    """Waits for a few words in whatever is said."""

    def begin(self) -> None:
        """Somebody begins to speak."""
        ...

    def add(self, data: bytes) -> str:
        """A piece of it: the word that was spotted just now, or ""."""
        ...

    def end(self) -> None:
        """Nobody speaks any more."""
        ...
