"""Cuts sound into utterances and has them recognised; a stop is noticed before the sentence is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from ..core.hearing import Heard
from .recogniser import Recogniser, Spotter
from .sound import FRAME_S, RATE

MEMORY_S = 6.0  # in which the quiet of a room is looked for
ABOVE = 3.0  # times the power of that quiet: what is speech
FAINTEST = 50.0  # power of samples below which nothing is speech, however quiet a room is
LONGEST_S = 20.0  # an utterance is over then
EARLY_S = 0.6  # who wants to stop something says so first: later in a sentence "stop" is part of another word
ONSET_S = 0.21  # speech begins when most of the last frames, for so long, were speech
LEAD_S = 0.3  # of sound before that is part of the utterance
ONSET, REST = 0.7, 0.1  # shares of speech among the last frames: above, it begins; below, it is over


class Endpoints:
    """Finds where an utterance begins and ends. `is_speech(frame)` judges a frame of `sound.FRAME` samples."""

    def __init__(self, is_speech: Callable[[bytes], bool], pause: float) -> None:
        self._is_speech = is_speech
        self._judged: deque[bool] = deque([False] * round(pause / FRAME_S), maxlen=round(pause / FRAME_S))
        self._onset: deque[bool] = deque(maxlen=round(ONSET_S / FRAME_S))
        self._lead: deque[bytes] = deque(maxlen=round((ONSET_S + LEAD_S) / FRAME_S))
        self.in_speech, self._frames = False, 0

    def take(self, frame: bytes) -> bytes:
        """The next frame; returns what of an utterance is known now: at its beginning also what came before it."""
        speech = self._is_speech(frame)
        self._judged.append(speech)
        self._onset.append(speech)
        if self.in_speech:
            self._frames += 1
            self.in_speech = sum(self._judged) > REST * len(self._judged) and self._frames * FRAME_S < LONGEST_S
            return frame
        self._lead.append(frame)
        if sum(self._onset) < ONSET * (self._onset.maxlen or 1):
            return b""
        self.in_speech, self._frames = True, 0
        said = b"".join(self._lead)
        self._lead.clear()
        self._onset.clear()
        return said


class LoudEnough:
    """Voice activity detection that a steady noise does not fool: speech is what a detector takes for it and what is
    louder than the quietest tenth of the last seconds."""

    def __init__(self, is_speech: Callable[[bytes], bool]) -> None:
        self._is_speech = is_speech
        self._powers: deque[float] = deque(maxlen=round(MEMORY_S / FRAME_S))

    def __call__(self, frame: bytes) -> bool:
        power = float(np.mean(np.frombuffer(frame, np.int16).astype(np.float64) ** 2))
        self._powers.append(power)
        quiet = sorted(self._powers)[len(self._powers) // 10]
        return power > max(ABOVE * quiet, FAINTEST) and self._is_speech(frame)


def make_endpoints(pause: float) -> Endpoints:
    """Endpoints by the voice activity detection of WebRTC; an utterance is over after `pause` s of silence."""
    from pocketsphinx import Vad

    detector = Vad(mode=Vad.MEDIUM_STRICT, sample_rate=RATE, frame_length=FRAME_S)
    return Endpoints(LoudEnough(detector.is_speech), pause)


class Listener:
    """Takes frames of sound, gives what was heard in them. What follows a spotted stop in one breath is dropped.

    `spotter` waits for a stop at the beginning of an utterance. While the robot itself is speaking, `keen` does so
    anywhere in it, since the voice of the person is only half of what is heard then.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        recogniser: Recogniser,
        spotter: Spotter | None = None,
        keen: Spotter | None = None,
    ) -> None:
        self._endpoints, self._recogniser = endpoints, recogniser
        self._spotter, self._keen = spotter, keen
        self._speaking = self._dropped = False
        self._frames = 0

    @property
    def speaking(self) -> bool:
        """Somebody is speaking."""
        return self._speaking

    def take(self, frame: bytes, own_voice: bool = False) -> Iterator[Heard]:
        """The next frame (`sound.FRAME` samples); with `own_voice` the robot is speaking."""
        speech = self._endpoints.take(frame)
        if speech and not self._speaking:
            self._begin()
        if self._speaking:
            yield from self._add(speech, own_voice)
            if not self._endpoints.in_speech:
                yield from self._end()

    def _begin(self) -> None:
        self._speaking, self._dropped, self._frames = True, False, 0
        self._recogniser.begin()
        for spotter in (self._spotter, self._keen):
            if spotter is not None:
                spotter.begin()

    def _add(self, speech: bytes, own_voice: bool) -> Iterator[Heard]:
        if not self._dropped:
            self._recogniser.add(speech)
        self._frames += 1
        spotter = self._spotter if self._frames * FRAME_S < EARLY_S else None
        if own_voice and self._keen is not None:
            spotter = self._keen
        if spotter is not None and (word := spotter.add(speech)):
            self._dropped = True
            spotter.end()
            spotter.begin()  # for the next one
            yield Heard(word, spotted=True)

    def _end(self) -> Iterator[Heard]:
        self._speaking = False
        for spotter in (self._spotter, self._keen):
            if spotter is not None:
                spotter.end()
        if not self._dropped:
            yield self._recogniser.end()
