"""A stop button at the end of a link: only fresh answers to what was asked keep the robot going."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.remote_stop import RemoteStop, answer_to

pytestmark = pytest.mark.promise("P8")


@pytest.fixture
def stop() -> RemoteStop:
    return RemoteStop(0.5, iter(range(100, 1000)).__next__)


def test_it_is_pressed_until_somebody_answers(stop):
    assert stop.pressed(0.0)
    stop.answer(answer_to(stop.challenge(0.0)), 0.02)
    assert not stop.pressed(0.02) and stop.round_trip == pytest.approx(0.02)


def test_silence_presses_it_as_long_after_the_question_as_is_allowed(stop):
    """Not after the answer: on a slow link that would be later."""
    number = stop.challenge(0.0)
    stop.answer(answer_to(number), 0.4)
    assert not stop.pressed(0.5) and stop.pressed(0.51)


@pytest.mark.parametrize("what", ["made up", "the question itself", "twice", "late"])
def test_what_is_no_answer_is_refused(stop, what):
    number, now = stop.challenge(0.0), 0.1
    answers = {"made up": 12345, "the question itself": number, "twice": answer_to(number), "late": answer_to(number)}
    if what == "twice":
        stop.answer(answer_to(number), 0.05)
    if what == "late":
        now = 0.6
    with pytest.raises(CommandError, match="an answer to no challenge of the last moments"):
        stop.answer(answers[what], now)
    assert stop.refused == 1


questions = st.tuples(st.floats(0.0, 0.3), st.floats(0.0, 0.8), st.integers(0, 2))  # pause before, way there and back


@settings(max_examples=200, deadline=None)
@given(st.lists(questions, max_size=60))
def test_lost_late_reordered_and_doubled_answers_never_lengthen_its_life(link):
    """The third of each question says how often its answer arrives."""
    stop, now, events = RemoteStop(0.5, iter(range(1000)).__next__), 0.0, []
    for number, (pause, travel, copies) in enumerate(link):
        now += pause
        events += [(now, 0, number, now)] + [(now + travel, 1, number, now)] * copies
    newest = float("-inf")
    for at, is_answer, number, asked in sorted(events):
        if not is_answer:
            assert stop.challenge(at) == number
        else:
            try:
                stop.answer(answer_to(number), at)
                newest = max(newest, asked)
            except CommandError:
                pass
        assert stop.pressed(at) is (at - newest > 0.5)
