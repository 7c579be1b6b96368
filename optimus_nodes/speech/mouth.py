"""Says one thing after the other in a thread of its own, and falls silent at once when it is told to."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from ..core.errors import ConfigError, DeviceError
from .sound import Sound, write_wav
from .voice import Voice

SPEAKER, NOTHING = "speaker", "none"
WAIT_S = 0.05


class Player(Protocol):
    """Makes sound heard."""

    def play(self, sound: Sound, rate: int, quiet: threading.Event) -> None:
        """Returns when all was heard, or soon after `quiet` is set. Raises DeviceError."""
        ...


class Speaker:
    """ALSA's `aplay`, to any `device` that `aplay -L` names."""

    def __init__(self, device: str) -> None:
        self._program = shutil.which("aplay")
        self._device = device
        if self._program is None:
            raise DeviceError("no sound can be played: aplay is missing (sudo apt-get install -y alsa-utils)")

    def play(self, sound: Sound, rate: int, quiet: threading.Event) -> None:
        command = [str(self._program), "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(rate)]
        process = subprocess.Popen([*command, "-D", self._device], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        feeding = threading.Thread(target=process.communicate, args=(sound.tobytes(),), daemon=True)
        feeding.start()
        while process.poll() is None:
            if quiet.wait(WAIT_S):
                process.kill()
        feeding.join()
        if process.returncode > 0:
            raise DeviceError(f"speaker {self._device!r} cannot be played to (`aplay -L` lists what there is)")


class Folder:
    """Writes what is said into a folder, 0001.wav and so on, in the time it takes to say it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._number = folder, 0

    def play(self, sound: Sound, rate: int, quiet: threading.Event) -> None:
        self._number += 1
        began = time.monotonic()
        quiet.wait(len(sound) / rate)
        heard = round((time.monotonic() - began) * rate)
        write_wav(self._folder / f"{self._number:04d}.wav", sound[:heard] if quiet.is_set() else sound, rate)


class Nobody:
    """Takes the time it takes to say it, and is not heard."""

    def play(self, sound: Sound, rate: int, quiet: threading.Event) -> None:
        quiet.wait(len(sound) / rate)


def make_player(name: str, device: str) -> Player:
    """The player that is called `name`: speaker, none or a folder for WAV files. Raises OptimusError."""
    if name == SPEAKER:
        return Speaker(device)
    if name == NOTHING:
        return Nobody()
    if "/" not in name:
        raise ConfigError(f"output is {name!r}; it must be {SPEAKER}, {NOTHING} or a folder such as ./said")
    return Folder(Path(name).expanduser())


class Mouth:
    """Says what it is given, in order, in a thread of its own.

    There `said(text)` is called after each, and `failed(error)` before it when it could not be heard.
    """

    def __init__(
        self, voice: Voice, player: Player, said: Callable[[str], None], failed: Callable[[Exception], None]
    ) -> None:
        self._voice, self._player, self._said, self._failed = voice, player, said, failed
        self._waiting: SimpleQueue[tuple[int, str]] = SimpleQueue()
        self._turn, self._lock = 0, threading.Lock()
        self._quiet = threading.Event()
        self._saying = ""
        threading.Thread(target=self._work, name="mouth", daemon=True).start()

    @property
    def saying(self) -> str:
        """What is being said, "" while it is silent."""
        return self._saying

    def say(self, text: str) -> None:
        """Say it after what is being said."""
        self._waiting.put((self._turn, text))

    def hush(self) -> None:
        """Be silent now and forget what was to be said."""
        with self._lock:
            self._turn += 1
            self._quiet.set()

    def _work(self) -> None:
        while True:
            turn, text = self._waiting.get()
            with self._lock:
                if turn != self._turn:
                    continue
                self._quiet.clear()
                self._saying = text
            try:
                self._player.play(self._voice.speak(text), self._voice.rate, self._quiet)
            except Exception as error:  # the node's own thread knows what to do
                self._failed(error)
            self._saying = ""
            self._said(text)
