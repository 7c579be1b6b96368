"""Exponential back-off as a value: how long to wait before the next try of something that failed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of `first_s`, then `factor` times as long after each further failure, up to `longest_s`.

    What lasted `healthy_s` before it failed begins anew with `first_s`. There is no giving up.
    """

    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 30.0
    healthy_s: float = 10.0
    failures: int = 0

    def __post_init__(self) -> None:
        if not (0.0 < self.first_s <= self.longest_s and self.factor >= 1.0 and self.healthy_s >= 0.0):
            raise ConfigError(
                f"back-off with first_s {self.first_s}, factor {self.factor}, longest_s {self.longest_s}, healthy_s "
                f"{self.healthy_s}; allowed: 0 < first_s <= longest_s, factor >= 1, healthy_s >= 0"
            )

    @property
    def wait_s(self) -> float:
        """Seconds to wait before the next try, 0 when nothing failed yet."""
        if self.failures == 0:
            return 0.0
        return min(self.first_s * self.factor ** min(self.failures - 1, 64), self.longest_s)

    def after_failure(self, lasted_s: float = 0.0) -> Backoff:
        """The state after one more failure, of something that had worked for `lasted_s`."""
        return replace(self, failures=1 if lasted_s >= self.healthy_s > 0.0 else self.failures + 1)
