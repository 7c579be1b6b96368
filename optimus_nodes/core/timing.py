"""Figures about time: percentiles of delays, rates of streams, real-time factor. Times in seconds, handed in."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable


def percentile(values: Iterable[float], percent: float) -> float:
    """The value below which `percent` of `values` lie, interpolated; NaN when there are none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    place = (len(ordered) - 1) * min(max(percent, 0.0), 100.0) / 100.0
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


class Delays:
    """The last `size` delays of one kind, s."""

    def __init__(self, size: int = 4096) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self.count = 0

    def add(self, delay: float) -> None:
        """Count one delay, s; it must be finite."""
        if math.isfinite(delay):
            self._values.append(delay)
            self.count += 1

    def percentile(self, percent: float) -> float:
        """s; NaN before the first delay."""
        return percentile(self._values, percent)

    def summary_ms(self) -> dict[str, float | int | None]:
        """count, and p50, p99 and max in ms rounded to 10 us; None where there is nothing to tell."""
        figures: dict[str, float | int | None] = {"count": self.count}
        for name, percent in (("p50_ms", 50.0), ("p99_ms", 99.0), ("max_ms", 100.0)):
            value = self.percentile(percent)
            figures[name] = None if math.isnan(value) else round(value * 1e3, 2)
        return figures


class Rate:
    """How often something happens, over the last `window` seconds of the clock handed in."""

    def __init__(self, window: float = 2.0) -> None:
        self._window = window
        self._times: deque[float] = deque()
        self.count = 0

    def tick(self, now: float) -> None:
        """It happened at `now`, s."""
        if self._times and now < self._times[-1]:
            self._times.clear()  # the clock was set back: what was counted before says nothing any more
        self._times.append(now)
        self.count += 1
        self._forget(now)

    def hz(self, now: float) -> float:
        """Events per second over the window that ends at `now`; 0 with fewer than two events in it."""
        self._forget(now)
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / max(self._times[-1] - self._times[0], 1e-9)

    def _forget(self, now: float) -> None:
        while self._times and self._times[0] < now - self._window:
            self._times.popleft()


class StepPacer:
    """How many steps of a simulation are due so that it keeps up with a monotonic clock.

    At most `burst` steps are handed out at a time; when more than `slack` seconds are owed, the debt
    is forgiven and the simulation lags for good, so that a slow machine never spirals.
    """

    def __init__(self, step: float, burst: int, slack: float, window: float = 2.0) -> None:
        self._step, self._burst, self._slack, self._window = step, burst, slack, window
        self._origin: float | None = None
        self._done = 0
        self._marks: deque[tuple[float, int]] = deque()
        self.forgiven = 0.0
        self.total = 0

    def due(self, monotonic: float) -> int:
        """Steps to take now, 0 to `burst`; they count as taken. `monotonic` in s."""
        if self._origin is None:
            self._origin = monotonic
        owed = int((monotonic - self._origin) / self._step + 1e-6) - self._done
        allowed = int(self._slack / self._step)
        if owed > allowed:
            self.forgiven += (owed - allowed) * self._step
            self._origin += (owed - allowed) * self._step
            owed = allowed
        steps = max(0, min(owed, self._burst))
        self._done += steps
        self.total += steps
        self._marks.append((monotonic, self.total))
        while len(self._marks) > 2 and self._marks[1][0] <= monotonic - self._window:
            self._marks.popleft()
        return steps

    def factor(self) -> float:
        """Simulated time per real time over the last `window` seconds; NaN before two calls of `due`."""
        if len(self._marks) < 2:
            return math.nan
        (start, before), (end, after) = self._marks[0], self._marks[-1]
        return (after - before) * self._step / max(end - start, 1e-9)
