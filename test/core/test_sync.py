"""Synchrony of streams: the figures, and the reasons for which an episode is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.sync import StreamTimes, SyncLimits, accept, sync_report


def stream(name: str, stamps, hz: float | None, delay: float | None = None) -> StreamTimes:
    times = StreamTimes(name, hz)
    for stamp in stamps:
        times.add(stamp) if delay is None else times.add(stamp, stamp + delay)
    return times


def even(hz: float, seconds: float = 10.0, begin: float = 0.0) -> np.ndarray:
    return begin + np.arange(round(hz * seconds) + 1) / hz


def test_even_streams_are_accepted_and_their_figures_right() -> None:
    head, joints = stream("head", even(20), 20.0), stream("joints", even(250, begin=0.001), 250.0, delay=0.003)
    report = sync_report([head, joints], frames=even(20))
    assert accept(report, SyncLimits()) == []
    figures = report["streams"]["joints"]
    assert (figures["count"], figures["rate_hz"], figures["missing"], figures["drops_share"]) == (2501, 250.0, 0, 0.0)
    assert figures["skew_ms"]["max"] == pytest.approx(1.0, abs=1e-3)
    assert figures["age_at_use_ms"]["max"] == pytest.approx(3.0, abs=1e-3)
    assert figures["delay_ms"] == {"p50": 3.0, "p99": 3.0, "max": 3.0}
    assert report["streams"]["head"]["skew_ms"] is None


def test_lost_messages_are_counted_and_refused_by_name() -> None:
    stamps = np.delete(even(20), [40, 41, 42, 100])
    report = sync_report([stream("head", stamps, 20.0)])
    figures = report["streams"]["head"]
    assert (figures["gaps"], figures["missing"]) == (2, 4)
    assert figures["drops_share"] == pytest.approx(4 / 201, abs=1e-6)
    (reason,) = accept(report, SyncLimits(max_drops_share=0.01))
    assert reason == "head: drops 1.99% are above 1.00% (max_drops_share in config/recorder.yaml)"


def test_a_stream_that_falls_silent_before_the_end_has_drops() -> None:
    joints = stream("joints", even(100, seconds=6.0), 100.0)
    report = sync_report([stream("head", even(20), 20.0), joints], frames=even(20))
    assert report["streams"]["joints"]["missing"] == 399
    assert report["streams"]["joints"]["gap_share"] == pytest.approx(0.399)
    text = " ".join(accept(report, SyncLimits()))
    assert "joints: drops 39.90%" in text and "max_gap_share" in text and "skew" in text and "age at use" in text
    assert "head" not in text


def test_a_slow_stream_is_refused_for_its_rate() -> None:
    reasons = accept(sync_report([stream("head", even(15), 20.0)]), SyncLimits(max_drops_share=1.0, max_gap_share=1.0))
    assert reasons == ["head: rate 15.00 Hz is below 18 Hz (min_rate_share 0.9 in config/recorder.yaml)"]


def test_jitter_is_the_distance_from_the_median_interval() -> None:
    stamps = even(20)
    stamps[50] += 0.024
    figures = sync_report([stream("head", stamps, 20.0)])["streams"]["head"]
    assert figures["jitter_ms"]["max"] == pytest.approx(24.0, abs=0.01)
    assert figures["jitter_ms"]["p50"] == pytest.approx(0.0, abs=1e-3)


def test_a_clock_that_is_set_back_is_named() -> None:
    stamps = np.concatenate((even(20, 5.0), even(20, 5.0, begin=3.0)))
    report = sync_report([stream("head", stamps, 20.0)])
    assert report["streams"]["head"]["went_back"] == 1
    assert report["streams"]["head"]["rate_hz"] == 20.0
    assert accept(report, SyncLimits())[0] == "head: 1 stamps went back in time, allowed are 0"


def test_ages_that_are_handed_in_are_used() -> None:
    report = sync_report([stream("head", even(20), 20.0)], ages={"head": np.full(200, 0.1)})
    assert accept(report, SyncLimits()) == [
        "head: age at use 100.0 ms is above 75 ms (max_age_ms in config/recorder.yaml)"
    ]


def test_a_stream_that_never_came_is_named() -> None:
    report = sync_report([stream("head", even(20), 20.0), stream("tactile", [], 100.0)])
    assert accept(report, SyncLimits()) == ["tactile sent nothing, expected 100 Hz (config/recorder.yaml)"]
    assert report["streams"]["tactile"]["drops_share"] == 1.0


def test_a_missing_reference_is_one_reason() -> None:
    reasons = accept(sync_report([stream("head", [], 20.0), stream("joints", even(10), 10.0)]), SyncLimits())
    assert reasons == ["reference camera head sent nothing; see config/recorder.yaml and its camera node"]
    assert "reference camera head sent nothing" in accept(sync_report([]), SyncLimits())[0]


def test_streams_without_a_rate_are_only_counted() -> None:
    report = sync_report([stream("head", even(20), 20.0), stream("plan", [0.1, 5.0, 5.1], None)], frames=even(20))
    figures = report["streams"]["plan"]
    assert (figures["count"], figures["missing"], figures["skew_ms"], figures["age_at_use_ms"]) == (3, None, None, None)
    assert accept(report, SyncLimits()) == []


RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    "stamps",
    [
        [],
        [1.0],
        [1.0, 1.0, 1.0],
        [2.0, 1.0],
        [float("nan"), 1.0],
        [float("inf")],
        [0.0, 1e9],
        *(np.cumsum(RANDOM.normal(0.05, 0.05, 50)) for _ in range(5)),
    ],
    ids=str,
)
@pytest.mark.parametrize("hz", [20.0, None])
@pytest.mark.parametrize("frames", [[], [0.5], [0.0, 0.05, 0.1]])
def test_any_stamps_give_a_report_that_json_takes(stamps, hz, frames) -> None:
    report = sync_report([stream("head", stamps, hz), stream("other", stamps, 5.0)], frames=frames)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert all(isinstance(reason, str) for reason in accept(report, SyncLimits()))
    assert all(0.0 <= (figures["drops_share"] or 0.0) <= 1.0 for figures in report["streams"].values())


def test_clear_begins_a_new_episode() -> None:
    times = stream("head", even(20), 20.0)
    times.clear()
    assert len(times) == 0


def test_limits_and_rates_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"max_drops_share is 1.5; it must be 0 to 1 \(config/recorder.yaml\)"):
        SyncLimits(max_drops_share=1.5)
    with pytest.raises(ConfigError, match="stream head: expected_hz is 0.0; it must be above 0"):
        StreamTimes("head", 0.0)
