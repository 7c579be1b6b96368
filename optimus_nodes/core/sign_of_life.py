"""Somebody says again and again that he is there: has he fallen silent?"""

from __future__ import annotations

from collections import deque

_PATIENCE = 2.4  # times his usual pause
_REMEMBERED = 4  # pauses, the shortest of which is usual: one that a busy machine made longer is no promise of others


class SignOfLife:
    """Expects signs only of who has repeated one: nobody is silent who never promised to go on. Times: monotonic, s."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._pauses: deque[float] = deque(maxlen=_REMEMBERED)

    def heard(self, monotonic: float, again: bool = True) -> None:
        """A sign came, `again` the one before."""
        if again and self._at is not None:
            self._pauses.append(monotonic - self._at)
        self._at = monotonic

    def forget(self) -> None:
        """The signs to come are somebody else's."""
        self._at = None
        self._pauses.clear()

    def silent(self, monotonic: float, silence: float) -> bool:
        """Whether none came for `silence` s, or for longer if his signs are rarer."""
        if self._at is None or not self._pauses:
            return False
        return monotonic - self._at > max(silence, _PATIENCE * min(self._pauses))
