"""PocketSphinx: a recogniser of a grammar or of free speech, and one that waits for single words.

Its American English model comes with the package. Beams are wider than its own, since a wrong word costs more than a
tenth of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from ..core.errors import ConfigError
from ..core.hearing import Heard, call_pattern
from ..core.planner import is_stop
from .recogniser import WholeUtterance
from .sound import RATE, add_noise

BEAMS = {"beam": 1e-64, "wbeam": 1e-48, "pbeam": 1e-64}
NAME = "heard"
STOP_WORDS = {"stop": 1e-5, "stop-british": 1e-5}
KEEN_STOP_WORDS = {"stop": 1e-12, "stop-british": 1e-12}
BRITISH = {  # how they sound in Britain, in the sounds of the American model
    "stop": "S T AO P",
    "box": "B AO K S",
    "boxes": "B AO K S AH Z",
    "block": "B L AO K",
    "blocks": "B L AO K S",
    "drop": "D R AO P",
    "drawer": "D R AO",
    "large": "L AA JH",
    "bar": "B AA",
    "robot": "R OW B AO T",
    "optimus": "AO P T IH M AH S",
}
PHONES = {"lw": 2.0, "beam": 1e-20, "pbeam": 1e-20}  # of the decoder that only hears sounds
DOUBTFUL, CALL_WEIGHT = 3.6e-3, 0.3  # see GrammarRecogniser
REST_S, HISS_DB = 0.3, 45.0  # silence at both ends of an utterance, and how far below it a hiss lies
REST_FRAMES = round(2 * REST_S * 100)  # the model takes 100 frames a second


def make_decoder(**settings: Any) -> Any:
    """A pocketsphinx.Decoder. Raises ConfigError when the package is missing."""
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise ConfigError("speech is not understood here: pocketsphinx is missing (`make env-voice`)") from error
    return Decoder(loglevel="FATAL", bestpath=False, **settings)


class FreeRecogniser(WholeUtterance):
    """Hears any English. Begins to think when the utterance is over, since a voice and a room are judged best by all of
    it: some tenths of a second for a sentence."""

    def __init__(self, decoder: Any = None) -> None:
        super().__init__()
        self._decoder = decoder or make_decoder()

    def end(self) -> Heard:
        return Heard(_decode(self._decoder, bytes(self.said)).text)


class GrammarRecogniser(FreeRecogniser):
    """Hears the sentences of one JSGF grammar, and doubts them where other sounds fit clearly better.

    Doubt is how much likelier, per frame, the utterance is as any row of American English sounds than as the sentence:
    the difference of both decoders' logarithms of likelihood, in their own scale, divided by DOUBTFUL. After a call
    with one of the `wake_words` it is a weighted mean of that and of the call's own frames: the words behind a call
    that was none may fit well by chance.
    """

    def __init__(self, jsgf: str, words: Iterable[str], wake_words: Iterable[str]) -> None:
        super().__init__(make_decoder(lm=None, **BEAMS))
        from pocketsphinx import get_model_path

        self._phones = make_decoder(lm=None, allphone=get_model_path("en-us/en-us-phone.lm.bin"), **PHONES)
        self._call = call_pattern(wake_words)
        unknown = sorted(word for word in words if self._decoder.lookup_word(word) is None)
        if unknown:
            raise ConfigError(
                f"nobody knows how {', '.join(unknown)} sounds; wake_words and sentences must be made of words of the "
                "CMU pronouncing dictionary"
            )
        for word, sounds in BRITISH.items():
            self._decoder.add_word(f"{word}(british)", sounds, False)
        self._decoder.add_jsgf_string(NAME, jsgf)
        self._decoder.activate_search(NAME)

    def end(self) -> Heard:
        sentence = _decode(self._decoder, bytes(self.said))
        if not sentence.text or is_stop(sentence.text):  # which is not to be doubted
            return Heard(sentence.text)
        sounds = _decode(self._phones, bytes(self.said))
        spoken = max(sentence.frames - REST_FRAMES, 1)
        doubt = sounds.likelier(sentence, 0, sentence.frames) / spoken
        if called := self._call.match(sentence.text):
            first, last = sentence.span(len(called.group().split()))
            doubt += CALL_WEIGHT * sounds.likelier(sentence, first, last) / (last - first)
            doubt /= 1.0 + CALL_WEIGHT
        return Heard(sentence.text, doubt=doubt / DOUBTFUL)


class WordSpotter:
    """Waits for `words` in any speech. Each has a threshold: the smaller, the more it hears, rightly and wrongly."""

    def __init__(self, words: Mapping[str, float]) -> None:
        self._decoder = make_decoder(lm=None)
        for word, sounds in BRITISH.items():
            self._decoder.add_word(f"{word}-british", sounds, False)
        with NamedTemporaryFile("w", suffix=".list") as file:  # it reads several words from a file only
            file.write("".join(f"{word} /{threshold:g}/\n" for word, threshold in words.items()))
            file.flush()
            self._decoder.add_kws(NAME, file.name)
        self._decoder.activate_search(NAME)

    def begin(self) -> None:
        self._decoder.start_utt()

    def add(self, data: bytes) -> str:
        self._decoder.process_raw(data)
        found = self._decoder.hyp()
        return found.hypstr.split()[0].partition("-")[0] if found is not None else ""

    def end(self) -> None:
        self._decoder.end_utt()


def as_in_a_room(data: bytes) -> bytes:
    """An utterance with silence around it and a hiss below it, the same for the same sound.

    The model knows microphones in rooms: of 40 sentences of a synthesiser without any noise it heard 14, so 37.
    """
    rest = np.zeros(round(REST_S * RATE), np.int16)
    sound = np.concatenate([rest, np.frombuffer(data, np.int16), rest])
    return add_noise(sound, HISS_DB, np.random.default_rng(0)).tobytes()


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Words, "" when they are unknown, and for each piece of the utterance (word, first frame, frame after its last,
    log likelihood)."""

    text: str
    pieces: tuple[tuple[str, int, int, float], ...]

    @property
    def frames(self) -> int:
        return self.pieces[-1][2] if self.pieces else 0

    def likelier(self, other: _Decoded, first: int, last: int) -> float:
        """How much more likely this is than `other` from frame `first` until before `last`, logarithms."""
        return self._likely(first, last) - other._likely(first, last)

    def _likely(self, first: int, last: int) -> float:
        return sum(
            total * max(0, min(last, end) - max(first, begin)) / (end - begin) for _, begin, end, total in self.pieces
        )

    def span(self, count: int) -> tuple[int, int]:
        """First frame of the first `count` words, and the frame after them."""
        words = [piece for piece in self.pieces if piece[0][0] not in "<[+("]  # silences, noises, (NULL)
        return words[0][1], words[count - 1][2]


def _decode(decoder: Any, data: bytes) -> _Decoded:
    """What was said in all of `data`."""
    decoder.start_utt()
    decoder.process_raw(as_in_a_room(data), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    if found is None:
        return _Decoded("", ())
    pieces = ((one.word, one.start_frame, one.end_frame + 1, float(np.log(one.ascore))) for one in decoder.seg())
    return _Decoded(found.hypstr, tuple(pieces))
