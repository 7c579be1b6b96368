"""A clock that calls something every millisecond or few, as punctually as the system lets it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..core.timing import Delays

_FOR_OTHERS = 0.1  # of a period at least belongs to the rest of the machine, however slow the work is


class Steady:
    """Calls `work` every `period` s on a grid of the monotonic clock, in a thread of its own, until `close`.

    The thread runs at the priority of the one that makes this. What is too late is left out, not made up for: `missed`
    counts it. `lateness`: from when a call was due until it began, s. What `work` raises ends the node (runtime.py).
    """

    def __init__(self, period: float, work: Callable[[], None]) -> None:
        self._period, self._work, self._ended = period, work, threading.Event()
        self.lateness, self.missed = Delays(size=2000), 0
        self._thread = threading.Thread(target=self._run, name="steady", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No call begins after this; one that runs is waited for."""
        self._ended.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def figures(self) -> dict[str, object]:
        """For diagnostics, in ms."""
        percents = {"p50": 50.0, "p99": 99.0, "p999": 99.9}
        late = {f"lateness_{name}_ms": self.lateness.percentile(percent) * 1e3 for name, percent in percents.items()}
        return {**late, "missed_ticks": self.missed}

    def _run(self) -> None:
        period, due = self._period, time.monotonic() + self._period
        while not self._ended.is_set():
            time.sleep(max(due - time.monotonic(), _FOR_OTHERS * period))
            late = time.monotonic() - due
            over = int(late / period)
            self.missed += over
            self.lateness.add(late)
            self._work()
            due += (1 + over) * period
