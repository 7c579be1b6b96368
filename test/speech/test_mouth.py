"""What the mouth says, in what order, and how soon it is silent."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.speech.mouth import Folder, Mouth, make_player
from optimus_nodes.speech.sound import Sound, read_wav

WAIT = 10.0


class Voice:
    rate = 16000

    def speak(self, text: str) -> Sound:
        return np.full(160 * len(text), 1000, np.int16)


class Player:
    """Notes what it plays; plays until `go` is set or it has to be quiet."""

    def __init__(self) -> None:
        self.played: SimpleQueue[int] = SimpleQueue()
        self.go = threading.Event()
        self.cut = 0

    def play(self, sound: Sound, rate: int, quiet: threading.Event) -> None:
        self.played.put(len(sound) // 160)
        while not self.go.wait(0.01):
            if quiet.is_set():
                self.cut += 1
                return


class Stage:
    def __init__(self, player: object | None = None) -> None:
        self.player = player or Player()
        self.said: SimpleQueue[str] = SimpleQueue()
        self.failed: SimpleQueue[Exception] = SimpleQueue()
        self.mouth = Mouth(Voice(), self.player, self.said.put, self.failed.put)  # type: ignore[arg-type]


def test_one_thing_is_said_after_the_other() -> None:
    stage = Stage()
    for text in ("one", "three"):
        stage.mouth.say(text)
    assert stage.player.played.get(timeout=WAIT) == 3
    assert stage.mouth.saying == "one" and stage.said.empty()
    stage.player.go.set()
    assert [stage.said.get(timeout=WAIT) for _ in range(2)] == ["one", "three"]
    assert stage.mouth.saying == ""


def test_it_falls_silent_at_once_and_forgets_what_it_wanted_to_say() -> None:
    stage = Stage()
    for text in ("one", "three"):
        stage.mouth.say(text)
    stage.player.played.get(timeout=WAIT)
    stage.mouth.hush()
    assert stage.said.get(timeout=WAIT) == "one" and stage.player.cut == 1
    stage.mouth.say("later")
    assert stage.player.played.get(timeout=WAIT) == 5  # "three" was dropped
    stage.player.go.set()
    assert stage.said.get(timeout=WAIT) == "later"


def test_to_hush_while_silent_costs_nothing() -> None:
    stage = Stage()
    stage.mouth.hush()
    stage.mouth.say("one")
    assert stage.player.played.get(timeout=WAIT) == 3
    stage.player.go.set()
    assert stage.said.get(timeout=WAIT) == "one"


def test_a_speaker_that_fails_is_told_and_the_next_thing_tried() -> None:
    class Broken:
        def play(self, *_: object) -> None:
            raise DeviceError("no speaker")

    stage = Stage(Broken())
    stage.mouth.say("one")
    stage.mouth.say("two")
    assert [str(stage.failed.get(timeout=WAIT)) for _ in range(2)] == ["no speaker"] * 2
    assert [stage.said.get(timeout=WAIT) for _ in range(2)] == ["one", "two"]


def test_a_folder_keeps_what_was_said(tmp_path: Path) -> None:
    player, sound = Folder(tmp_path / "said"), np.arange(480, dtype=np.int16)
    player.play(sound, 16000, threading.Event())
    player.play(sound, 16000, threading.Event())
    assert np.array_equal(read_wav(tmp_path / "said" / "0002.wav"), sound)


@pytest.mark.parametrize("name", ["loud", ""])
def test_an_output_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"output is '{name}'; it must be speaker, none or a folder such as ./said"):
        make_player(name, "default")
