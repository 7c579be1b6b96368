"""Whisper through faster-whisper: hears free speech better than PocketSphinx, and thinks about it for a second."""

from __future__ import annotations

import re

import numpy as np

from ..core.errors import ConfigError
from ..core.hearing import Heard
from .recogniser import WholeUtterance


class WhisperRecogniser(WholeUtterance):
    """`model`: a folder with a CTranslate2 model, or a name faster-whisper may download. Runs on `threads` threads.

    `expects`: sentences of the kind it will hear, which make it hear "bin" where "wind" sounds alike.
    """

    def __init__(self, model: str, expects: str = "", threads: int = 1) -> None:
        super().__init__()
        self._expects = expects
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ConfigError(
                "recogniser whisper needs faster-whisper (`.venv/bin/pip install faster-whisper`)"
            ) from error
        try:
            self._model = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"no Whisper model {model!r}: {error}; it must be the folder of a CTranslate2 model"
            ) from error

    def end(self) -> Heard:
        sound = np.frombuffer(bytes(self.said), np.int16).astype(np.float32) / 32768.0
        pieces, _ = self._model.transcribe(
            sound,
            language="en",
            initial_prompt=self._expects or None,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return Heard(" ".join(re.findall(r"[a-z0-9']+", " ".join(piece.text for piece in pieces).lower())))
