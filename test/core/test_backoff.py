import pytest

from optimus_nodes.core.backoff import Backoff
from optimus_nodes.core.errors import ConfigError


def test_waits_grow_up_to_the_longest():
    state, waits = Backoff(first_s=0.5, factor=2.0, longest_s=3.0), []
    for _ in range(5):
        state = state.after_failure()
        waits.append(state.wait_s)
    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_nothing_failed_means_no_wait():
    assert Backoff().wait_s == 0.0


def test_what_worked_long_enough_begins_anew():
    tired = Backoff(first_s=0.5, healthy_s=10.0, failures=6)
    assert tired.after_failure(lasted_s=9.9).failures == 7
    assert tired.after_failure(lasted_s=10.0).wait_s == 0.5


def test_a_million_failures_are_no_overflow():
    assert Backoff(longest_s=30.0, failures=10**6).wait_s == 30.0


@pytest.mark.parametrize("wrong", [{"first_s": 0.0}, {"first_s": 40.0}, {"factor": 0.5}, {"healthy_s": -1.0}])
def test_impossible_settings_are_named(wrong):
    with pytest.raises(ConfigError, match="0 < first_s <= longest_s, factor >= 1, healthy_s >= 0"):
        Backoff(**wrong)
