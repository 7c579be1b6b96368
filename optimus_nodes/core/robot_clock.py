"""The robot's own time, between two joint states too."""

from __future__ import annotations

_RESTART = 0.05  # s: a stamp this far behind the last one is a new start of the robot's clock


class RobotClock:
    """Robot "now" = stamp of the last joint state + monotonic time since it arrived.

    It stands still when no state has come for `max_gap` s (a paused simulator ages no command) and never
    runs backwards, unless the robot's clock itself was set back (a simulator was reset).
    """

    def __init__(self, max_gap: float = 0.05) -> None:
        self._max_gap = max_gap
        self._stamp: float | None = None
        self._arrival = 0.0
        self._now = 0.0

    @property
    def started(self) -> bool:
        """True once a joint state was seen."""
        return self._stamp is not None

    def on_state(self, stamp: float, monotonic: float) -> None:
        """A joint state with this stamp arrived at this monotonic time, both in s."""
        if self._stamp is None or stamp < self._stamp - _RESTART:
            self._now = stamp
        self._stamp, self._arrival = stamp, monotonic

    def now(self, monotonic: float) -> float:
        """Robot time in s at this monotonic time. 0 before the first joint state."""
        if self._stamp is None:
            return 0.0
        gap = min(max(monotonic - self._arrival, 0.0), self._max_gap)
        self._now = max(self._now, self._stamp + gap)
        return self._now
