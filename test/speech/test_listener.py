"""Where an utterance begins and ends, and a stop in the middle of one, with ears that hear what they are told to."""

from __future__ import annotations

from optimus_nodes.core.hearing import Heard
from optimus_nodes.speech.listener import Endpoints, Listener


class Recogniser:
    def begin(self) -> None:
        self.text = b""

    def add(self, data: bytes) -> None:
        self.text += data

    def end(self) -> Heard:
        return Heard(self.text.decode().replace(".", ""))


class Spotter(Recogniser):
    """Spots an S, again with every further piece."""

    def add(self, data: bytes) -> str:  # type: ignore[override]
        super().add(data)
        return "stop" if b"S" in self.text else ""


def ears(spotter: Spotter | None = None, keen: Spotter | None = None) -> Listener:
    """A letter is a frame of speech, a dot one of silence; three in a row are a pause."""
    return Listener(Endpoints(lambda frame: frame != b".", 0.09), Recogniser(), spotter, keen)


def listened(sound: str, spotter: Spotter | None = None) -> list[Heard]:
    one = ears(spotter)
    return [heard for frame in sound for heard in one.take(frame.encode())]


def test_each_utterance_is_heard_whole_and_once() -> None:
    assert listened("...abcdefgh.ij....klmnopqr...") == [Heard("abcdefghij"), Heard("klmnopqr")]


def test_what_came_before_it_was_taken_for_speech_is_heard_too() -> None:
    assert listened("............a.bcdefgh....") == [Heard("abcdefgh")]


def test_silence_and_clicks_are_not_heard() -> None:
    assert listened("......a......bc......") == []


def test_what_is_not_over_is_not_heard_yet() -> None:
    assert listened("..abcdefgh..") == []


def test_a_stop_is_heard_while_it_is_said_and_once() -> None:
    one = ears(Spotter())
    assert [heard for frame in ".abcde" for heard in one.take(frame.encode())] == []
    assert list(one.take(b"S")) == [Heard("stop", spotted=True)]
    assert [heard for frame in "fghij......" for heard in one.take(frame.encode())] == []


def test_after_a_stop_the_next_utterance_is_heard() -> None:
    assert listened("abcdeSfg......hijklmn...", Spotter()) == [Heard("stop", spotted=True), Heard("hijklmn")]


def test_late_in_a_sentence_a_stop_is_part_of_another_word_unless_the_robot_itself_speaks() -> None:
    late = "a" * 70 + "S" + "b" * 3 + "..."
    one, two = ears(Spotter()), ears(Spotter(), Spotter())
    assert [heard.text for frame in late for heard in one.take(frame.encode())] == ["a" * 70 + "Sbbb"]
    assert [heard.text for frame in late for heard in two.take(frame.encode(), own_voice=True)] == ["stop"]
