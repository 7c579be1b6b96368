"""PocketSphinx hears what eSpeak NG says: through noise, in several voices, and little else."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.hearing import Heard, Hearing, HearingRules
from optimus_nodes.core.planner import is_stop
from optimus_nodes.speech import grammar
from optimus_nodes.speech.listener import Listener
from optimus_nodes.speech.params import SpeechParams, make_listener
from optimus_nodes.speech.sound import FRAME, RATE, Sound, add_noise, resampled
from optimus_nodes.speech.sphinx import GrammarRecogniser
from optimus_nodes.speech.voice import EspeakVoice, make_voice

SENTENCES = (
    "optimus put the red box in the left bin",
    "hey optimus pick up the small yellow cube",
    "optimus move the green box to station b",
    "optimus open the drawer and then press the button",
    "robot sort these components by size and place the large ones in the bin on the left",
    "no the other one",
    "what do you see",
)
EVERYDAY = ("we need more coffee in the kitchen", "the report is due on friday", "he left his keys on the desk")
SOUNDS_LIKE_A_CALL = ("i have not heard from them since monday", "do not forget to call your mother")
QUIET = np.zeros(RATE, np.int16)


@pytest.fixture(scope="module")
def listener() -> Listener:
    return make_listener(SpeechParams(output="none"))


@pytest.fixture(scope="module")
def say() -> Callable[[str, str, float], Sound]:
    def said(text: str, name: str, snr_db: float = 30.0) -> Sound:
        voice = EspeakVoice(name, 140)
        sound = np.concatenate([QUIET, resampled(voice.speak(text), voice.rate), QUIET])
        return add_noise(sound, snr_db, np.random.default_rng(len(text)))

    return said


def hear(listener: Listener, sound: Sound) -> list[Heard]:
    frames = [sound[at : at + FRAME].tobytes() for at in range(0, len(sound) - FRAME + 1, FRAME)]
    return [heard for frame in frames for heard in listener.take(frame)]


def plain(text: str) -> str:
    """Some words mean the same and sound alike."""
    return re.sub(r"\bthese\b", "the", re.sub(r"\b(block|cube)\b", "box", text))


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize(("voice", "snr_db"), [("en-us", 30.0), ("en-us+m3", 20.0)])
def test_sentences_of_the_grammar_are_heard(listener, say, text: str, voice: str, snr_db: float) -> None:
    assert [plain(heard.text) for heard in hear(listener, say(text, voice, snr_db))] == [plain(text)]


@pytest.mark.parametrize("text", ["optimus press the button", SENTENCES[0], SENTENCES[3]])
def test_a_sound_file_without_noise_that_begins_at_once_is_heard(listener, text: str) -> None:
    voice = EspeakVoice("en-us", 150)
    sound = np.concatenate([resampled(voice.speak(text), voice.rate), QUIET])
    assert [plain(heard.text) for heard in hear(listener, sound)] == [text]


@pytest.mark.parametrize("text", EVERYDAY + SOUNDS_LIKE_A_CALL)
def test_everyday_talk_is_no_instruction(listener, say, text: str) -> None:
    ears = Hearing(HearingRules())
    assert not any(ears.hear(heard, 0.0).instruction for heard in hear(listener, say(text, "en-us")))


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-us+m3"])
def test_a_stop_is_heard_whatever_was_said_before(listener, say, voice: str) -> None:
    assert is_stop(hear(listener, say("stop", voice))[0].text)


def test_a_stop_is_spotted_before_the_sentence_is_over(say) -> None:
    listener = make_listener(SpeechParams(output="none"))  # one used before has adapted itself to those who spoke
    sound = say("stop", "en-us+f3")
    found = hear(listener, sound[: len(sound) - RATE + round(0.2 * RATE)])  # half the pause that ends a sentence
    assert found == [Heard("stop", spotted=True)]


def test_a_wake_word_nobody_can_pronounce_is_refused() -> None:
    table = grammar.rules(("wave",), ("zorgblat",))
    with pytest.raises(ConfigError, match="nobody knows how zorgblat sounds; wake_words and sentences must be made of"):
        GrammarRecogniser(grammar.jsgf(table), grammar.vocabulary(table), ("zorgblat",))


def test_a_voice_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="eSpeak NG has no voice 'klingon-tng'"):
        make_voice("klingon-tng", 150)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"recogniser": "psychic"}, "recogniser is 'psychic'; allowed are grammar, free, whisper"),
        ({"skills": ("fly",)}, "skills names fly; the skills are"),
        ({"pause": 0.0}, "pause is 0.0; allowed are 0.15 to 3 s"),
        ({"words_per_minute": 20}, "words_per_minute is 20; allowed are 80 to 450"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        SpeechParams(**setting)  # type: ignore[arg-type]
    assert text in str(refused.value)
