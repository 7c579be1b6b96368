"""Who is listened to: wake words, a button, answers to the robot's questions, and a stop whoever says it."""

from __future__ import annotations

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.hearing import HERE, Heard, Hearing, HearingRules


def ear(mode: str = "wake", **rules: float) -> Hearing:
    return Hearing(HearingRules(mode=mode, **rules))


@pytest.mark.parametrize(
    "said", ["optimus put the red box in the left bin", "Hey Optimus, put the red box in the left bin"]
)
def test_who_calls_the_robot_first_is_listened_to_and_the_call_taken_off(said: str) -> None:
    found = ear().hear(Heard(said), 0.0)
    assert (found.instruction, found.reason) == ("put the red box in the left bin", "said to it")


def test_who_does_not_call_it_is_not_listened_to() -> None:
    found = ear().hear(Heard("put the red box in the left bin"), 0.0)
    assert (found.instruction, found.reply, found.reason) == ("", "", "not called")


def test_a_wake_word_inside_another_word_is_none() -> None:
    assert ear().hear(Heard("robots wave"), 0.0).reason == "not called"


def test_a_call_alone_is_answered_and_the_next_sentence_needs_none() -> None:
    one = ear(attention=8.0)
    assert one.hear(Heard("optimus"), 0.0).reply == HERE
    assert one.hear(Heard("wave"), 7.9).instruction == "wave"
    assert one.hear(Heard("wave"), 8.0).reason == "not called"  # one call, one sentence


def test_a_call_is_forgotten_after_a_while() -> None:
    one = ear(attention=8.0)
    one.hear(Heard("optimus"), 0.0)
    assert one.hear(Heard("wave"), 8.1).reason == "not called"


def test_the_answer_to_a_question_needs_no_wake_word() -> None:
    one = ear(attention=8.0)
    one.on_said("Which red box, the small or the large one?", 10.0)
    assert one.hear(Heard("the small one"), 15.0).instruction == "the small one"
    one.on_said("I put it in the left bin.", 20.0)
    assert one.hear(Heard("the large one"), 21.0).reason == "not called"


@pytest.mark.parametrize("mode", ["wake", "push", "open"])
@pytest.mark.parametrize("said", ["stop", "optimus stop", "wait", "halt", "never mind", "hey robot stop it"])
def test_a_stop_needs_neither_call_nor_button_nor_silence(mode: str, said: str) -> None:
    found = ear(mode).hear(Heard(said), 0.0, own_voice=True)
    assert found.reason == "stop" and found.instruction


def test_its_own_voice_is_no_instruction() -> None:
    found = ear("open").hear(Heard("wave"), 0.0, own_voice=True)
    assert (found.instruction, found.reason) == ("", "its own voice")


def test_push_to_talk_hears_while_the_button_is_held_and_the_last_word_after_it() -> None:
    one = ear("push")
    assert one.hear(Heard("wave"), 0.0).reason == "button not held"
    one.on_button(True, 1.0)
    assert one.hear(Heard("wave"), 2.0).instruction == "wave"
    one.on_button(False, 3.0)
    assert one.hear(Heard("go home"), 3.5).instruction == "go home"
    assert one.hear(Heard("wave"), 4.5).reason == "button not held"


def test_the_open_mode_listens_to_everybody() -> None:
    assert ear("open").hear(Heard("wave"), 0.0).instruction == "wave"


@pytest.mark.parametrize(
    ("mode", "said", "doubt", "reason"),
    [
        ("wake", "optimus wave", 0.9, "said to it"),
        ("wake", "optimus wave", 1.1, "unsure"),
        ("wake", "optimus", 1.1, "unsure"),
        ("wake", "wave", 0.9, "not called"),
        ("wake", "wave", 1.1, "unsure"),
        ("open", "wave", 0.7, "said to it"),
        ("open", "wave", 0.9, "unsure"),
        ("open", "robot wave", 0.9, "said to it"),
        ("wake", "stop", 9.0, "stop"),
    ],
)
def test_who_calls_is_believed_more_and_a_stop_always(mode: str, said: str, doubt: float, reason: str) -> None:
    found = ear(mode).hear(Heard(said, doubt=doubt), 0.0)
    assert (found.reason, found.certain) == (reason, reason != "unsure")


def test_who_holds_the_button_or_was_called_before_is_believed_like_who_calls() -> None:
    push, woken = ear("push"), ear("wake")
    push.on_button(True, 0.0)
    woken.hear(Heard("optimus"), 0.0)
    assert push.hear(Heard("wave", doubt=0.9), 1.0).instruction == "wave"
    assert woken.hear(Heard("wave", doubt=1.1), 1.0).reason == "unsure"
    assert woken.hear(Heard("wave", doubt=0.9), 2.0).instruction == "wave"


def test_silence_is_nothing() -> None:
    assert ear("open").hear(Heard(" "), 0.0).reason == "nothing"


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"mode": "loud"}, "mode is 'loud'; allowed are wake, push, open"),
        ({"wake_words": ()}, "wake_words is []"),
        ({"wake_words": ("R2D2",)}, "wake_words is [R2D2]; it must be words of small letters"),
        ({"attention": -1.0}, "attention is -1.0; it must be 0 s or more"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        HearingRules(**rules)  # type: ignore[arg-type]
    assert text in str(refused.value)
