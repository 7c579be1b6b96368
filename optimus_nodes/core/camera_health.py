"""Whether a camera is well, from what its reader counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "error"]
Phase = Literal["connecting", "streaming", "waiting", "ended"]


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """A camera reader's own account.

    `phase`: "connecting" (opening the source), "streaming", "waiting" (before the next try to open it),
    "ended" (a file was played to its end). `frames` captured, `dropped` of them overwritten before
    anybody took them, `missed` that the rate let expect but that did not come, `reconnects` after the
    source vanished, `error` the last one, `retry_s` until the next try, `silent_s` since the last frame
    (since the start when there was none).
    """

    source: str
    phase: Phase
    frames: int
    dropped: int
    missed: int
    reconnects: int
    error: str
    retry_s: float
    silent_s: float


def assess(health: CameraHealth, rate_hz: float, wanted_hz: float, silence_s: float = 1.0) -> tuple[Level, str]:
    """Level and one line for /diagnostics. `rate_hz` is measured over the last second or so."""
    if health.phase == "ended":
        return "ok", f"{health.source} was played to its end"
    if health.phase == "waiting":
        return "error", f"{health.error}; next try in {health.retry_s:.1f} s"
    if health.phase == "connecting":
        return "error" if health.error else "warn", health.error or f"opening {health.source}"
    if health.silent_s > max(silence_s, 3.0 / wanted_hz):
        return "error", f"{health.source}: no picture for {health.silent_s:.1f} s"
    if rate_hz < 0.8 * wanted_hz:
        return "warn", f"{health.source}: {rate_hz:.1f} pictures a second instead of {wanted_hz:g}"
    return "ok", f"{rate_hz:.1f} pictures a second"
