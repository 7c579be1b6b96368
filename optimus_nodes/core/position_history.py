"""Where the joints were a moment ago."""

from __future__ import annotations

from collections import deque

import numpy as np

from .values import Array


class PositionHistory:
    """Remembers joint positions (J,) rad by stamp for `span` seconds and answers for any time in it.

    A stamp that is not later than the last one, or later by more than `gap` s, starts a new history:
    the clock was reset or the stream was interrupted, and old positions say nothing any more.
    """

    def __init__(self, span: float, gap: float = 0.5) -> None:
        self._span, self._gap = span, gap
        self._kept: deque[tuple[float, Array]] = deque()

    def add(self, stamp: float, position: Array) -> None:
        """Remember `position` measured at `stamp`."""
        if self._kept and not 0.0 < stamp - self._kept[-1][0] <= self._gap:
            self._kept.clear()
        self._kept.append((stamp, np.array(position, dtype=np.float64)))
        while len(self._kept) > 2 and self._kept[1][0] <= stamp - self._span:
            self._kept.popleft()

    def at(self, stamp: float) -> Array:
        """Position at `stamp`, interpolated; the oldest or newest known one outside. Raises LookupError when empty."""
        if not self._kept:
            raise LookupError("no joint position was added yet")
        after = next((i for i, (known, _) in enumerate(self._kept) if known >= stamp), len(self._kept) - 1)
        late, position = self._kept[after]
        if after == 0 or late <= stamp:
            return np.array(position)
        early, before = self._kept[after - 1]
        share = (stamp - early) / (late - early)
        between: Array = before + share * (position - before)
        return between
