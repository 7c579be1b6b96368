"""What turns words into speech: eSpeak NG, or a neural Piper voice."""

from __future__ import annotations

import ctypes
import ctypes.util
from pathlib import Path
from typing import Protocol

import numpy as np

from ..core.errors import ConfigError
from .sound import Sound

_SYNCHRONOUS, _UTF8, _RATE = 2, 1, 1  # constants of espeak-ng/speak_lib.h
_PIECE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Voice(Protocol):
    """Speaks; `rate` is in samples a second."""

    @property
    def rate(self) -> int: ...

    def speak(self, text: str) -> Sound:
        """`text` as sound of `rate`."""
        ...


class EspeakVoice:
    """A voice of eSpeak NG, for example en-us or en-gb-x-rp+f2, at `words` a minute.

    The library keeps one voice for the whole process: it is set anew each time, and one thread may speak.
    """

    def __init__(self, name: str = "en-us", words: int = 150) -> None:
        self._library, data = _espeak()
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        self._name, self._words = name, words
        self._pieces: list[Sound] = []
        self._callback = _PIECE(self._take)
        if self.rate <= 0:
            raise ConfigError("eSpeak NG does not start: its data is missing (`make env-voice`)")
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise ConfigError(f"eSpeak NG has no voice {name!r}; `espeak-ng --voices` lists them, for example en-us")

    def speak(self, text: str) -> Sound:
        library, data = self._library, text.encode()
        library.espeak_SetVoiceByName(self._name.encode())
        library.espeak_SetParameter(_RATE, self._words, 0)
        library.espeak_SetSynthCallback(self._callback)
        self._pieces = [np.zeros(0, np.int16)]
        library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _UTF8, None, None)
        return np.concatenate(self._pieces)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: object) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


class PiperVoice:
    """A neural voice: a file voice.onnx with its voice.onnx.json beside it."""

    def __init__(self, path: Path) -> None:
        try:
            from piper import PiperVoice as Piper
        except ImportError as error:
            raise ConfigError(f"voice {path} needs Piper (`.venv/bin/pip install piper-tts`)") from error
        if not path.is_file():
            raise ConfigError(f"there is no voice {path}; it must be the .onnx file of a Piper voice")
        self._voice = Piper.load(path)
        self.rate = int(self._voice.config.sample_rate)

    def speak(self, text: str) -> Sound:
        pieces = [piece.audio_int16_array for piece in self._voice.synthesize(text)]
        return np.concatenate([np.zeros(0, np.int16), *pieces])


def make_voice(name: str, words: int) -> Voice:
    """The voice that is called `name`: the file of a Piper voice, or a name of eSpeak NG. Raises ConfigError."""
    return PiperVoice(Path(name).expanduser()) if name.endswith(".onnx") else EspeakVoice(name, words)


def _espeak() -> tuple[ctypes.CDLL, bytes | None]:
    """The library, and where its data lies (None: where the system has it)."""
    try:
        import espeakng_loader as packaged

        return ctypes.CDLL(packaged.get_library_path()), packaged.get_data_path().encode()
    except (ImportError, OSError):
        found = ctypes.util.find_library("espeak-ng")
    if found is None:
        raise ConfigError(
            "the robot cannot speak: eSpeak NG is missing (`make env-voice`, or sudo apt-get install -y libespeak-ng1)"
        )
    return ctypes.CDLL(found), None
