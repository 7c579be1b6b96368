"""Figures about time, and the moments of restarts and simulation steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.restart import RestartConfig, Restarts
from optimus_nodes.core.timing import Delays, Rate, StepPacer, percentile


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 100))
def test_percentile_agrees_with_numpy(values: list[float], percent: float) -> None:
    assert percentile(values, percent) == pytest.approx(float(np.percentile(values, percent)), abs=1e-6)


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(percentile([], 50))
    assert Delays().summary_ms() == {"count": 0, "p50_ms": None, "p99_ms": None, "max_ms": None}


def test_delays_are_reported_in_milliseconds() -> None:
    delays = Delays()
    for value in (0.010, 0.020, 0.030, math.nan):
        delays.add(value)
    assert delays.summary_ms() == {"count": 3, "p50_ms": 20.0, "p99_ms": 29.8, "max_ms": 30.0}


def test_a_steady_stream_has_its_rate_and_a_dead_one_none() -> None:
    rate = Rate(window=2.0)
    for k in range(1001):
        rate.tick(k * 0.004)
    assert rate.hz(4.0) == pytest.approx(250.0)
    assert rate.hz(100.0) == 0.0
    assert rate.count == 1001


def test_a_clock_set_back_starts_the_rate_anew() -> None:
    rate = Rate()
    for now in (100.0, 100.1, 5.0, 5.1):
        rate.tick(now)
    assert rate.hz(5.1) == pytest.approx(10.0)


def test_the_simulation_takes_as_many_steps_as_time_has_passed() -> None:
    pacer = StepPacer(step=0.002, burst=10, slack=0.1)
    steps = [pacer.due(10.0 + 0.004 * k) for k in range(251)]
    assert sum(steps) == 500
    assert max(steps) <= 3
    assert pacer.factor() == pytest.approx(1.0, abs=0.01)


def test_after_a_short_hiccup_it_catches_up_in_bursts() -> None:
    pacer = StepPacer(step=0.002, burst=10, slack=0.1)
    pacer.due(0.0)
    assert pacer.due(0.040) == 10
    assert pacer.due(0.040) == 10
    assert pacer.due(0.040) == 0
    assert pacer.forgiven == 0.0


def test_a_long_stop_is_forgiven_so_that_it_never_spirals() -> None:
    pacer = StepPacer(step=0.002, burst=10, slack=0.1)
    pacer.due(0.0)
    total = sum(pacer.due(5.0) for _ in range(100))
    assert total == 50
    assert pacer.forgiven == pytest.approx(4.9)


def test_a_machine_that_is_too_slow_reports_a_factor_below_one() -> None:
    pacer = StepPacer(step=0.002, burst=10, slack=0.1)
    for k in range(100):
        pacer.due(k * 0.04)
    assert pacer.factor() == pytest.approx(0.5, abs=0.05)


def test_restarts_come_ever_later_and_then_not_at_all() -> None:
    restarts = Restarts(RestartConfig(first=0.1, limit=3, window=60.0))
    assert [restarts.delay(now) for now in (1.0, 2.0, 3.0, 4.0)] == [0.1, 0.2, 0.4, None]


def test_a_process_that_ran_long_starts_afresh() -> None:
    restarts = Restarts(RestartConfig(first=0.1, limit=1, window=60.0))
    assert [restarts.delay(now) for now in (0.0, 100.0, 200.0)] == [0.1, 0.1, 0.1]


def test_impossible_restart_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 <= first <= longest"):
        RestartConfig(first=5.0, longest=1.0)
