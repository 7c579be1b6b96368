"""The robot's own time, between two joint states too."""

from __future__ import annotations


class RobotClock:
    """Robot "now" = stamp of the last joint state + monotonic time since it arrived.

    It stands still when no state has come for `max_gap` s: a paused simulator ages no command.
    """

    def __init__(self, max_gap: float = 0.25) -> None:
        self._max_gap = max_gap
        self._stamp = self._arrival = 0.0
        self.started = False

    def on_state(self, stamp: float, monotonic: float) -> None:
        """A joint state with this stamp arrived at this monotonic time, both in s."""
        self._stamp, self._arrival, self.started = stamp, monotonic, True

    def runs(self, monotonic: float) -> bool:
        """Whether a joint state came within `max_gap` s before this monotonic time (s)."""
        return self.started and monotonic - self._arrival <= self._max_gap

    def now(self, monotonic: float) -> float:
        """Robot time in s at this monotonic time. 0 before the first joint state."""
        if not self.started:
            return 0.0
        return self._stamp + min(max(monotonic - self._arrival, 0.0), self._max_gap)
