"""Somebody says again and again that he is there: has he fallen silent?"""

from __future__ import annotations

_PATIENCE = 2.4  # times the pause before his last sign


class SignOfLife:
    """Expects signs only of who has repeated one: nobody is silent who never promised to go on. Times: monotonic, s."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._pause: float | None = None

    def heard(self, monotonic: float, again: bool = True) -> None:
        """A sign came, `again` the one before."""
        if again and self._at is not None:
            self._pause = monotonic - self._at
        self._at = monotonic

    def forget(self) -> None:
        """The signs to come are somebody else's."""
        self._at = self._pause = None

    def silent(self, monotonic: float, silence: float) -> bool:
        """Whether none came for `silence` s, or for longer if his signs are rarer."""
        if self._at is None or self._pause is None:
            return False
        return monotonic - self._at > max(silence, _PATIENCE * self._pause)
