"""A clock keeps to its grid, makes up for nothing, and ends when it is told to."""

from __future__ import annotations

import time

import pytest

from optimus_nodes.ros.steady import Steady

pytestmark = pytest.mark.promise("P11")


def test_calls_come_on_a_grid_and_never_early() -> None:
    began: list[float] = []
    clock = Steady(0.01, lambda: began.append(time.monotonic()))
    time.sleep(0.5)
    clock.close()
    assert len(began) + clock.missed == pytest.approx(50, abs=3)
    phases = [(at - began[0] + 0.005) % 0.01 for at in began]
    assert sorted(phases)[len(began) // 2] == pytest.approx(0.005, abs=0.003), "they drift"
    figures = clock.figures()
    assert 0.0 <= figures["lateness_p50_ms"] <= figures["lateness_p99_ms"] <= figures["lateness_p999_ms"]


def test_what_is_too_late_is_left_out_and_others_get_their_share() -> None:
    ended: list[float] = []
    pauses: list[float] = []

    def slow() -> None:
        if ended:
            pauses.append(time.monotonic() - ended[-1])
        time.sleep(0.035)
        ended.append(time.monotonic())

    clock = Steady(0.01, slow)
    time.sleep(0.5)
    clock.close()
    assert 8 <= len(ended) <= 15
    assert clock.missed >= 2 * (len(ended) - 1)
    assert min(pauses) >= 0.001, "work that takes too long must not take all"


def test_a_clock_can_end_itself() -> None:
    clocks: list[Steady] = []
    calls: list[int] = []

    def last() -> None:
        calls.append(1)
        clocks[0].close()

    clocks.append(Steady(0.01, last))
    time.sleep(0.1)
    clocks[0].close()
    assert calls == [1]
