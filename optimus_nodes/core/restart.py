"""When a process that ended is started again: quickly at first, then ever later, then no more."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .errors import ConfigError


@dataclass(frozen=True)
class RestartConfig:
    """`first` delay s, multiplied by `factor` for each further end up to `longest` s; given up after
    more than `limit` ends within `window` s. A process that ran for `window` s starts afresh."""

    first: float = 0.1
    factor: float = 2.0
    longest: float = 10.0
    limit: int = 5
    window: float = 60.0

    def __post_init__(self) -> None:
        if self.first < 0 or self.factor < 1 or self.longest < self.first or self.limit < 0 or self.window <= 0:
            raise ConfigError(f"restart settings must have 0 <= first <= longest, factor >= 1, limit >= 0, got {self}")


class Restarts:
    """The ends of one process. Times are monotonic seconds, handed in."""

    def __init__(self, config: RestartConfig | None = None) -> None:
        self.config = config or RestartConfig()
        self._ends: deque[float] = deque()

    def delay(self, now: float) -> float | None:
        """The process ended at `now`: how long to wait before it is started again, None to give up."""
        while self._ends and self._ends[0] <= now - self.config.window:
            self._ends.popleft()
        self._ends.append(now)
        if len(self._ends) > self.config.limit:
            return None
        return min(self.config.first * self.config.factor ** (len(self._ends) - 1), self.config.longest)
