"""How well the streams of an episode fit together in time, from their stamps, and whether that is good enough.

report = sync_report([head, joints], reference="head", frames=frame_times)
reasons = accept(report, SyncLimits())     # empty: accepted

Times in s of one clock, figures in ms where their name says so. A figure that nothing can be said about is None.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import ConfigError
from .values import Array

DROP = 1.5  # an interval of more periods than this is a gap
_WHERE = "config/recorder.yaml"


class StreamTimes:
    """Stamps of one stream, in the order they came. `expected_hz` None: it speaks when it has something to say."""

    def __init__(self, name: str, expected_hz: float | None = None) -> None:
        if expected_hz is not None and not 0.0 < expected_hz < math.inf:
            raise ConfigError(f"stream {name}: expected_hz is {expected_hz}; it must be above 0, see {_WHERE}")
        self.name, self.expected_hz = name, expected_hz
        self._stamps, self._arrivals = array("d"), array("d")

    def add(self, stamp: float, arrival: float = math.nan) -> None:
        """Count one message; `arrival`: when it came in, on the clock of the stamps, if that is known."""
        self._stamps.append(stamp)
        self._arrivals.append(arrival)

    def add_all(self, stamps: Array) -> None:
        """Count messages that were stamped `stamps` (N,), s."""
        self._stamps.frombytes(np.asarray(stamps, dtype=np.float64).tobytes())
        self._arrivals.frombytes(np.full(len(stamps), np.nan).tobytes())

    def clear(self) -> None:
        """Forget everything: a new episode begins."""
        self._stamps, self._arrivals = array("d"), array("d")

    def __len__(self) -> int:
        return len(self._stamps)

    @property
    def stamps(self) -> Array:
        """(N,) s, those that are finite; a copy."""
        stamps = np.array(self._stamps, dtype=np.float64)
        return stamps[np.isfinite(stamps)]

    @property
    def delays(self) -> Array:
        """(N,) s from stamp to arrival, where both are known."""
        delays = np.array(self._arrivals, dtype=np.float64) - np.array(self._stamps, dtype=np.float64)
        return delays[np.isfinite(delays)]


@dataclass(frozen=True)
class SyncLimits:
    """What an episode must keep to be accepted. Figures in ms are compared at the 99th percentile."""

    max_drops_share: float = field(default=0.02, metadata={"doc": "Lost messages of a stream, share. 0 to 1."})
    max_skew_ms: float = field(default=30.0, metadata={"doc": "From a picture of the reference to the nearest stamp."})
    max_jitter_ms: float = field(default=20.0, metadata={"doc": "An interval's distance from the median interval."})
    max_age_ms: float = field(default=75.0, metadata={"doc": "Age of what a frame used."})
    min_rate_share: float = field(default=0.9, metadata={"doc": "Rate of a stream, share of the expected. 0 to 1."})
    max_gap_share: float = field(default=0.05, metadata={"doc": "Time a stream was silent, share of the episode."})

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            top = 1.0 if name.endswith("_share") else math.inf
            if not 0.0 <= value <= top:
                raise ConfigError(f"{name} is {value}; it must be 0 to {top:g} ({_WHERE})")


def sync_report(
    streams: Iterable[StreamTimes],
    reference: str = "head",
    frames: Sequence[float] | Array = (),
    ages: Mapping[str, Sequence[float] | Array] | None = None,
) -> dict[str, Any]:
    """Figures of every stream, ready for JSON.

    Args: reference: the camera whose pictures the others are compared with. frames: (T,) when each frame of the
    episode was, s. ages: stream -> (T,) s, how old what each frame used of it was; where it is left out, the age of
    the last stamp that is not later than the frame.
    """
    streams = list(streams)
    times = np.asarray(frames, dtype=np.float64)
    compared = next((np.sort(stream.stamps) for stream in streams if stream.name == reference), np.empty(0))
    window = times if times.size else compared
    begin, end = (float(window.min()), float(window.max())) if window.size else (math.nan, math.nan)
    return {
        "reference": reference,
        "frames": int(times.size),
        "duration": _rounded(end - begin),
        "streams": {
            stream.name: {
                **_intervals(stream, begin, end),
                "skew_ms": _spread(_to_nearest(compared, stream)) if stream.name != reference else None,
                "age_at_use_ms": _spread(_ages(stream, times, (ages or {}).get(stream.name))),
                "delay_ms": _spread(stream.delays),
            }
            for stream in streams
        },
    }


def accept(report: Mapping[str, Any], limits: SyncLimits) -> list[str]:
    """Why the episode is not good enough, one sentence each; empty when it is."""
    reasons = []
    if not report["streams"].get(report["reference"], {}).get("count"):
        reasons.append(f"reference camera {report['reference']} sent nothing; see {_WHERE} and its camera node")
    for name, figures in report["streams"].items():
        if not figures["count"]:
            if figures["expected_hz"] and name != report["reference"]:
                reasons.append(f"{name} sent nothing, expected {figures['expected_hz']:g} Hz ({_WHERE})")
            continue
        if figures["went_back"]:
            reasons.append(f"{name}: {figures['went_back']} stamps went back in time, allowed are 0")
        reasons += _over(name, figures, limits)
    return reasons


def _over(name: str, figures: Mapping[str, Any], limits: SyncLimits) -> list[str]:
    """Which limits the figures of one stream exceed."""
    reasons = []
    rate, expected = figures["rate_hz"], figures["expected_hz"]
    if expected and rate is not None and rate < limits.min_rate_share * expected:
        least = f"{limits.min_rate_share * expected:g} Hz (min_rate_share {limits.min_rate_share:g} in {_WHERE})"
        reasons.append(f"{name}: rate {rate:.2f} Hz is below {least}")
    for what, key, limit in (("drops", "drops_share", "max_drops_share"), ("gaps", "gap_share", "max_gap_share")):
        value, most = figures[key], getattr(limits, limit)
        if value is not None and value > most:
            reasons.append(f"{name}: {what} {value:.2%} are above {most:.2%} ({limit} in {_WHERE})")
    for what, key, limit in (
        ("jitter", "jitter_ms", "max_jitter_ms"),
        ("skew", "skew_ms", "max_skew_ms"),
        ("age at use", "age_at_use_ms", "max_age_ms"),
    ):
        value, most = (figures[key] or {}).get("p99"), getattr(limits, limit)
        if expected and value is not None and value > most:
            reasons.append(f"{name}: {what} {value:.1f} ms is above {most:g} ms ({limit} in {_WHERE})")
    return reasons


def _intervals(stream: StreamTimes, begin: float, end: float) -> dict[str, Any]:
    """Rate, jitter, drops and gaps. Silence at the begin and end of the episode counts as a gap too."""
    stamps = stream.stamps
    steps = np.diff(stamps)
    forward = steps[steps > 0.0]
    median = float(np.median(forward)) if forward.size else math.nan
    figures: dict[str, Any] = {
        "expected_hz": stream.expected_hz,
        "count": len(stream),
        "rate_hz": _rounded(forward.size / float(forward.sum())) if forward.size else None,
        "jitter_ms": _spread(np.abs(forward - median)),
        "went_back": int((steps < 0.0).sum()),
        "repeated": int((steps == 0.0).sum()),
        "gaps": None,
        "missing": None,
        "drops_share": None,
        "gap_share": None,
    }
    if stream.expected_hz is None:
        return figures
    period = 1.0 / stream.expected_hz
    silences = forward
    if stamps.size and math.isfinite(begin):
        silences = np.concatenate((forward, (stamps.min() - begin, end - stamps.max())))
    elif math.isfinite(begin):
        silences = np.array((end - begin + period,))
    long = silences[silences > DROP * period]
    missing = int(np.sum(np.maximum(np.round(long / period) - 1.0, 1.0)))
    span = max(end - begin, float(forward.sum())) if math.isfinite(begin) else float(forward.sum())
    figures["gaps"], figures["missing"] = int(long.size), missing
    if stamps.size or missing:
        figures["drops_share"] = _rounded(missing / (missing + stamps.size), 6)
        figures["gap_share"] = _rounded(min(1.0, float((long - period).sum()) / span), 6) if span > 0.0 else 0.0
    return figures


def _to_nearest(compared: Array, stream: StreamTimes) -> Array:
    """(N,) s from each stamp of the reference to the nearest of the stream; none for streams without a rate."""
    stamps = np.sort(stream.stamps)
    if stream.expected_hz is None or not stamps.size:
        return np.empty(0)
    after = np.searchsorted(stamps, compared)
    left = np.abs(compared - stamps[np.maximum(after - 1, 0)])
    right = np.abs(compared - stamps[np.minimum(after, stamps.size - 1)])
    return np.minimum(left, right)


def _ages(stream: StreamTimes, frames: Array, known: Sequence[float] | Array | None) -> Array:
    if known is not None:
        return np.asarray(known, dtype=np.float64)
    stamps = np.sort(stream.stamps)
    if stream.expected_hz is None or not stamps.size:
        return np.empty(0)
    place = np.searchsorted(stamps, frames, side="right") - 1
    return np.asarray((frames - stamps[np.maximum(place, 0)])[place >= 0])


def _spread(values: Array) -> dict[str, float] | None:
    """p50, p99 and max in ms of values in s; None when there are none."""
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    p50, p99, top = np.percentile(values * 1e3, (50.0, 99.0, 100.0))
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(float(top), 3)}


def _rounded(value: float, digits: int = 4) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
