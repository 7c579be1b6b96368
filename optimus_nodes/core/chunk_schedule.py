"""When a policy is asked for its next chunk. Used by vla_node and by the lock-step loop alike."""

from __future__ import annotations

import math

from .errors import ConfigError
from .timing import Delays

CHUNKING = ("realtime", "naive")


class ChunkSchedule:
    """Says when it is the policy's turn. Times are of any one clock, s.

    Args: chunking: `realtime` asks for the next chunk as soon as the policy is free, while the last is still being
    played; `naive` only when that has been played to its end. parallel: how many answers may be under way at a time,
    evenly spaced; more than 1 for a policy whose delay is a link's and not its own.
    """

    def __init__(self, chunking: str = "realtime", parallel: int = 1) -> None:
        if chunking not in CHUNKING or parallel < 1:
            raise ConfigError(
                f"chunking is {chunking!r} with {parallel} answers at a time; allowed: {', '.join(CHUNKING)}, 1 or more"
            )
        self._naive, self._parallel = chunking == "naive", parallel
        self.delays = Delays(1024)
        self.begin_anew()

    def begin_anew(self) -> None:
        """A new task: nothing is being played, and the first answer may take longer than those after it."""
        self._under_way, self._free_at, self._delay, self._first = 0, -math.inf, 0.0, True

    def due(self, now: float) -> bool:
        """True when the policy should be asked about what is seen `now`."""
        return self._under_way < (1 if self._first else self._parallel) and now >= self._free_at - 1e-9

    def asked(self, now: float) -> None:
        """The policy is at work on what is seen `now`."""
        self._under_way += 1
        self._free_at = now + (self._delay / self._parallel if self._parallel > 1 else 0.0)

    def answered(self, seen: float, now: float, length: float) -> None:
        """It answered `now` to what was seen at `seen`, with a chunk of `length` s. Delays leave out cold starts."""
        self._under_way = max(self._under_way - 1, 0)
        self._delay = max(now - seen, 0.0)
        if not self._first:
            self.delays.add(self._delay)
        self._first = False
        if self._naive:
            self._free_at = now + length
