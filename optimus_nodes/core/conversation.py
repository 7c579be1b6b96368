"""What was said and answered: the latest turns word for word, those before them as a summary that never grows long."""

from __future__ import annotations

from collections import deque

TURNS = 8
LONGEST = 600  # characters of the summary
LONGEST_SAID = 80  # of one turn in it


class Conversation:
    """`turns`: what was said before and answered, the latest last. `summary`: what came before those."""

    def __init__(self, turns: int = TURNS) -> None:
        self._turns: deque[tuple[str, str, str]] = deque(maxlen=turns)
        self._gists: deque[str] = deque()
        self._forgotten = 0

    def add(self, said: str, answered: str, status: str) -> None:
        """One turn; `status`: what it was taken for, for example plan or refused."""
        if len(self._turns) == self._turns.maxlen:
            self._shorten(*self._turns[0])
        self._turns.append((said, answered, status))

    @property
    def turns(self) -> tuple[tuple[str, str], ...]:
        return tuple((said, answered) for said, answered, _ in self._turns)

    @property
    def summary(self) -> str:
        """For example `3 things before; "open the drawer": plan; "and the window": refused`."""
        before = (f"{self._forgotten} thing{'s' * (self._forgotten > 1)} before",) if self._forgotten else ()
        return "; ".join((*before, *self._gists))

    def _shorten(self, said: str, answered: str, status: str) -> None:
        text = " ".join(said.split())
        text = text if len(text) <= LONGEST_SAID else f"{text[: LONGEST_SAID - 1]}…"
        self._gists.append(f'"{text}": {status}')
        while len(self.summary) > LONGEST:
            self._gists.popleft()
            self._forgotten += 1
