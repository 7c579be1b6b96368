"""How long the policy takes to answer, and how much of that time the robot really moved. Times in robot time, s."""

from __future__ import annotations

from collections import deque

import numpy as np

_REMEMBERED = 4  # gaps between chunks
_SPARE = 1.5  # times the longest of them


class ChunkDelay:
    """When the next chunk of this policy is to be expected.

    The first answer after a pause is no measure (a cold start), so it counts only until there is a second one.
    """

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=_REMEMBERED)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget: the chunks that follow may come from another policy, or after a pause."""
        self._gaps.clear()
        self._last: float | None = None
        self.expected = 0.0

    def arrived(self, observation_stamp: float, now: float) -> None:
        """A chunk decided on what was seen at `observation_stamp` has come."""
        if self._last is not None:
            self._gaps.append(now - self._last)
        self._last = now
        self.expected = max(self._gaps, default=max(now - observation_stamp, 0.0))

    def patience(self, silence: float) -> float:
        """Silence that is no reason to stop yet: `silence` for a policy at least as quick, else more than it needs."""
        return silence if self.expected <= silence else silence + _SPARE * self.expected


class PlayedTime:
    """Knows of the last moments how much of them was played: a chunk's age in steps consumed, not in seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=256)  # ends of stretches of one rate
        self._stood: deque[float] = deque(maxlen=256)  # s lost until then
        self._rate = -1.0
        self._begun = -np.inf

    def begin_anew(self, now: float) -> None:
        """What was played before `now` was something else: it counts as standing."""
        self._begun = now

    def tick(self, now: float, rate: float) -> None:
        """Since the last tick playback ran at `rate`: 1 in real time, 0 not at all."""
        if self._times and not 0.0 <= now - self._times[-1] < 1.0:
            self._times.clear()  # another clock, or nobody ticked: nothing is known about that time
            self._stood.clear()
            self._begun = min(self._begun, now)
        if not self._times:
            self._times.append(now)
            self._stood.append(0.0)
            self._rate = -1.0
            return
        lost = self._stood[-1] + (now - self._times[-1]) * (1.0 - rate)
        if rate == self._rate and len(self._times) > 1:
            self._times[-1], self._stood[-1] = now, lost
        else:
            self._times.append(now)
            self._stood.append(lost)
            self._rate = rate

    def stood(self, since: float, now: float) -> float:
        """s between `since` and `now` in which nothing was played; what is not known counts as played."""
        begun = min(max(self._begun, since), now)
        if not self._times:
            return begun - since
        at = np.interp((begun, now), self._times, self._stood)
        still_standing = max(now - max(self._times[-1], begun), 0.0) if self._rate == 0.0 else 0.0
        return begun - since + float(at[1] - at[0]) + still_standing
