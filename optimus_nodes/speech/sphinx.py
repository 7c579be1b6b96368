"""PocketSphinx: a recogniser of a grammar or of free speech, and one that waits for single words.

Its American English model comes with the package. Beams are wider than its own, since a wrong word costs more than a
tenth of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from ..core.errors import ConfigError
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
MOST_DOUBT = 3e-3
REST_S, HISS_DB = 0.3, 45.0  # silence at both ends of an utterance, and how far below it a hiss lies


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

    def end(self) -> str:
        return _decode(self._decoder, bytes(self.said))[0]


class GrammarRecogniser(FreeRecogniser):
    """Hears the sentences of one JSGF grammar, and nothing where other sounds fit clearly better.

    Doubt is how much likelier, per frame, the utterance is as any row of American English sounds than as the sentence:
    the difference of both decoders' logarithms of likelihood, in their own scale. Spoken sentences had
    1.3e-3 to 2.5e-3 (with other accents more), everyday talk taken for one 2.3e-3 to 4.6e-3.
    """

    def __init__(self, jsgf: str, words: Iterable[str], most_doubt: float = MOST_DOUBT) -> None:
        super().__init__(make_decoder(lm=None, **BEAMS))
        from pocketsphinx import get_model_path

        self._phones = make_decoder(lm=None, allphone=get_model_path("en-us/en-us-phone.lm.bin"), **PHONES)
        self._most_doubt = most_doubt
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

    def end(self) -> str:
        text, likely = _decode(self._decoder, bytes(self.said))
        if is_stop(text):  # not to be doubted
            return text
        if text and _decode(self._phones, bytes(self.said))[1] - likely > self._most_doubt:
            return ""
        return text


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


def _decode(decoder: Any, data: bytes) -> tuple[str, float]:
    """What was said in all of `data`, "" when that is unknown, and its log likelihood per frame."""
    decoder.start_utt()
    decoder.process_raw(as_in_a_room(data), full_utt=True)
    decoder.end_utt()
    found, frames = decoder.hyp(), decoder.n_frames()
    if found is None or not frames:
        return "", -np.inf
    return found.hypstr, float(sum(np.log(segment.ascore) for segment in decoder.seg())) / frames
