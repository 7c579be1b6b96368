"""What can be set about speech_node, and the parts made of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import ConfigError
from ..core.hearing import HearingRules
from ..core.language import ALL, chosen_skills
from . import grammar
from .listener import Listener, make_endpoints
from .mouth import SPEAKER
from .recogniser import Recogniser
from .sources import MICROPHONE
from .sphinx import KEEN_STOP_WORDS, STOP_WORDS, FreeRecogniser, GrammarRecogniser, WordSpotter

RECOGNISERS = ("grammar", "free", "whisper")


@dataclass(frozen=True)
class SpeechParams:
    """Parameters of speech_node."""

    hearing: HearingRules = field(default_factory=HearingRules)
    input: str = field(default=MICROPHONE, metadata={"doc": "microphone, a WAV file or a named pipe of raw samples."})
    input_device: str = field(default="default", metadata={"doc": "Of the microphone; `arecord -L` lists them."})
    output: str = field(default=SPEAKER, metadata={"doc": "speaker, none, or a folder such as ./said for WAV files."})
    output_device: str = field(default="default", metadata={"doc": "Of the speaker; `aplay -L` lists them."})
    recogniser: str = field(
        default="grammar",
        metadata={"doc": "grammar: sentences about the skills; free: any English; whisper: the same, better, slower."},
    )
    skills: tuple[str, ...] = field(default=(ALL,), metadata={"doc": "What the grammar speaks of, or [all]."})
    whisper_model: str = field(default="tiny.en", metadata={"doc": "Folder of a CTranslate2 model, or a name."})
    pause: float = field(default=0.4, metadata={"doc": "A silence of this length ends a sentence, s."})
    voice: str = field(default="en-us", metadata={"doc": "Of eSpeak NG, or the .onnx file of a Piper voice."})
    words_per_minute: int = field(default=150, metadata={"doc": "How fast eSpeak NG speaks."})

    def __post_init__(self) -> None:
        if self.recogniser not in RECOGNISERS:
            raise ConfigError(f"recogniser is {self.recogniser!r}; allowed are {', '.join(RECOGNISERS)}")
        chosen_skills(self.skills)
        if not 0.15 <= self.pause <= 3.0:
            raise ConfigError(f"pause is {self.pause}; allowed are 0.15 to 3 s")
        if not 80 <= self.words_per_minute <= 450:
            raise ConfigError(f"words_per_minute is {self.words_per_minute}; allowed are 80 to 450")


def make_recogniser(params: SpeechParams) -> Recogniser:
    """The recogniser that was asked for. Raises ConfigError when its package or model is missing."""
    if params.recogniser == "whisper":
        from .whisper import WhisperRecogniser

        expects = grammar.examples(chosen_skills(params.skills), params.hearing.wake_words)
        return WhisperRecogniser(params.whisper_model, expects)
    if params.recogniser == "free":
        return FreeRecogniser()
    table = grammar.rules(chosen_skills(params.skills), params.hearing.wake_words)
    return GrammarRecogniser(grammar.jsgf(table), grammar.vocabulary(table), params.hearing.wake_words)


def make_listener(params: SpeechParams) -> Listener:
    """A listener with that recogniser, and ears for a stop in the middle of whatever is said."""
    usual, keen = WordSpotter(STOP_WORDS), WordSpotter(KEEN_STOP_WORDS)
    return Listener(make_endpoints(params.pause), make_recogniser(params), usual, keen)
