"""How well the robot hears, with the voices of eSpeak NG in place of people: right sentences, false ones, stops.

python bench/voice.py --sentences 40          a table, and what was heard wrongly
python bench/voice.py --sentences 40 --json   one line of JSON last

Sentences are drawn from the grammar and spoken by six voices, in silence, white noise and babble (other sentences
spoken at the same time). One is heard *exactly* when every word is right, and *rightly* when the planner makes the
same of it. Sentences of everyday talk are no instructions: each that is taken for one is a false one, without a wake
word (mode open) and with. A stop is said alone, and while the robot itself speaks, louder than what the
microphone hears of that by so many dB: 10 with the speaker beside it, 30 and more with an echo canceller.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from optimus_nodes.core.hearing import Heard, Hearing, HearingRules
from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.planner import PlanContext, is_stop
from optimus_nodes.core.world import assumed_world
from optimus_nodes.planner.offline import OfflinePlanner
from optimus_nodes.speech import grammar
from optimus_nodes.speech.listener import Listener
from optimus_nodes.speech.params import RECOGNISERS, SpeechParams, make_listener
from optimus_nodes.speech.sound import FRAME, RATE, Sound, add_noise, resampled
from optimus_nodes.speech.voice import make_voice

VOICES = ("en-us", "en-us+f3", "en-us+m3", "en-gb-x-rp", "en-gb-x-rp+f2", "en-gb-scotland+m5")
LONGEST = 24  # words
WORDS = (130, 150, 170)  # a minute
OUTSIDE = (Path(__file__).parent / "voice_outside.txt").read_text().splitlines()
STOPS = ("stop", "stop stop", "stop it", "please stop", "halt", "wait", "cancel", "freeze", "never mind")
SAID = (
    "I will put the red box in the left bin, then put the blue box in the right bin.",
    "Next: move the yellow box to station b.",
    "I see a small red box at station b, a large blue box at station a, a bar, a button and an open drawer.",
    "The green box is not in the left bin. I try again.",
    "Which small box: red, green or yellow?",
    "I could not put the green box in the left bin: it took longer than 30 s.",
    "I can't see a purple box. I can see red, yellow, green and blue ones.",
    "Done.",
)


class Speakers:
    """Says anything in any voice, as 16 kHz sound with silence around it."""

    def __init__(self, seed: int) -> None:
        self._rng, self._noise = random.Random(seed), np.random.default_rng(seed)

    def say(self, text: str, name: str) -> Sound:
        voice = make_voice(name, self._rng.choice(WORDS))
        sound = resampled(voice.speak(text), voice.rate)
        return np.concatenate([np.zeros(RATE // 2, np.int16), sound, np.zeros(RATE, np.int16)])

    def in_noise(self, sound: Sound, kind: str) -> Sound:
        """`kind`: quiet (a faint hiss), white 20, white 10, babble 20, babble 10; the number is the SNR, dB."""
        name, _, level = kind.partition(" ")
        if name == "babble":
            return mixed(sound, self._babble(len(sound)), float(level))
        return add_noise(sound, float(level or 40), self._noise)

    def _babble(self, length: int) -> Sound:
        total = np.zeros(length)
        for _ in range(4):
            said = self.say(self._rng.choice(OUTSIDE), self._rng.choice(VOICES))[RATE // 2 : -RATE]
            total += np.resize(np.roll(said, self._rng.randrange(len(said))), length)
        return np.clip(total / 4, -32768, 32767).astype(np.int16)


def mixed(sound: Sound, other: Sound, snr_db: float) -> Sound:
    """`sound` and below it `other`, repeated as long as needed."""
    loud = np.abs(sound) > 0.02 * np.abs(sound).max()
    power = np.mean(sound[loud].astype(float) ** 2) / max(np.mean(other.astype(float) ** 2), 1.0)
    both = sound + np.resize(other, len(sound)) * np.sqrt(power / 10.0 ** (snr_db / 10.0))
    return np.clip(both, -32768, 32767).astype(np.int16)


def hear(listener: Listener, sound: Sound, own_voice: bool = False) -> tuple[list[Heard], float]:
    """What was heard, and when the first of it was known, s from the beginning."""
    found: list[Heard] = []
    first = float("nan")
    for at in range(0, len(sound) - FRAME + 1, FRAME):
        for heard in listener.take(sound[at : at + FRAME].tobytes(), own_voice):
            first = (at + FRAME) / RATE if not found else first
            found.append(heard)
    return found, first


def text_of(heard: Iterable[Heard]) -> str:
    return " ".join(one.text for one in heard if one.text)


def believed(heard: Iterable[Heard], mode: str) -> list[tuple[Heard, str]]:
    """What is acted upon of what was heard one after the other, each with why."""
    ears = Hearing(HearingRules(mode=mode))
    judged = [(one, ears.hear(one, 0.0)) for one in heard]
    return [(one, understood.reason) for one, understood in judged if understood.instruction]


class Meaning:
    """What the planner makes of words."""

    def __init__(self) -> None:
        self._planner, self._world = OfflinePlanner(tuple(SLOTS)), assumed_world(tuple(SLOTS))

    def __call__(self, text: str) -> object:
        if is_stop(text):
            return "stop"
        proposal = self._planner.plan(text, PlanContext(self._world))
        return proposal.status, proposal.say if proposal.status != "plan" else tuple(s.step for s in proposal.steps)


def sentences(count: int, rng: random.Random) -> list[str]:
    """Sentences with a wake word: two in three are orders."""
    table = grammar.rules(tuple(SLOTS), ("optimus",))
    found: dict[str, None] = {}
    while len(found) < count:
        text = grammar.draw(table, rng, rng.choice(("orders", "orders", "turn")))
        if len(text.split()) <= LONGEST:
            found[f"optimus {text}"] = None
    return list(found)


def measure_words(
    listener: Listener, speakers: Speakers, voices: Sequence[str], count: int, kinds: Sequence[str], talk: bool
) -> dict:
    meaning, found = Meaning(), {}
    said = sentences(count, random.Random(1))
    for kind in kinds:
        exact = right = 0
        cost = seconds = 0.0
        for number, text in enumerate(said):
            sound = speakers.in_noise(speakers.say(text, voices[number % len(voices)]), kind)
            began = time.thread_time()
            got = text_of(one for one, _ in believed(hear(listener, sound)[0], "wake"))
            cost, seconds = cost + time.thread_time() - began, seconds + len(sound) / RATE
            same = got == text
            exact += same
            ok = same or meaning(got.removeprefix("optimus ")) == meaning(text.removeprefix("optimus "))
            right += ok and got.startswith("optimus")
            if talk and not same:
                print(f"  {kind}: {text!r} -> {got!r}{' (means the same)' if ok else ''}")
        found[kind] = {"exact": exact, "right": right, "of": len(said), "cpu": round(cost / seconds, 3)}
    return found


def measure_outside(listener: Listener, speakers: Speakers, talk: bool) -> dict:
    false: dict[str, int] = defaultdict(int)
    for number, text in enumerate(OUTSIDE):
        sound = speakers.in_noise(speakers.say(text, VOICES[number % len(VOICES)]), "quiet")
        heard, _ = hear(listener, sound)
        for mode in ("open", "wake"):
            taken = believed(heard, mode)
            if taken:
                stop = any(reason == "stop" for _, reason in taken)
                false[f"{mode} stop" if stop else f"{mode} instruction"] += 1
            if talk and taken:
                print(f"  outside, {mode}: {text!r} -> {text_of(one for one, _ in taken)!r}")
    kinds = [f"{mode} {kind}" for mode in ("open", "wake") for kind in ("instruction", "stop")]
    return {**{kind: false[kind] for kind in kinds}, "of": len(OUTSIDE)}


def measure_stops(listener: Listener, speakers: Speakers, talk: bool) -> dict:
    """Alone: how often, and how long after its last sound. While the robot speaks: how often, and false ones."""
    heard, delays = 0, []
    cases = [(text, voice) for text in STOPS for voice in VOICES]
    for text, voice in cases:
        sound = speakers.in_noise(speakers.say(text, voice), "quiet")
        found, first = hear(listener, sound)
        if any(is_stop(one.text) for one in found):
            heard += 1
            delays.append(first - (len(sound) / RATE - 1.0))
        elif talk:
            print(f"  stop: {text!r} by {voice} -> {text_of(found)!r}")
    result = {"alone": heard, "of": len(cases)}
    result |= {"delay_p50_s": round(median(delays), 2), "delay_max_s": round(max(delays), 2)}
    silence = np.zeros(2 * RATE, np.int16)
    own = np.concatenate([speakers.say(text, "en-us") for text in SAID])
    false = [one for one in hear(listener, np.concatenate([own, silence]), True)[0] if is_stop(one.text)]
    result |= {"own_voice_false": len(false), "own_voice_s": round(len(own) / RATE)}
    for snr in (40, 30, 20, 10):
        barged = 0
        for voice in VOICES[1:]:
            person = np.concatenate([silence, speakers.say("stop", voice)])
            both = np.concatenate([mixed(person, own[RATE:], snr), silence])
            barged += any(is_stop(one.text) for one in hear(listener, both, True)[0])
        result[f"barge_in_{snr}_db"] = barged
    return {**result, "barge_of": len(VOICES) - 1}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--noise", nargs="*", default=["quiet", "white 20", "white 10", "babble 20", "babble 10"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--voices", nargs="+", default=list(VOICES), help="Of eSpeak NG, or .onnx files of Piper.")
    parser.add_argument("--recogniser", default="grammar", choices=RECOGNISERS)
    parser.add_argument("--whisper-model", default="tiny.en")
    parser.add_argument("--only-words", action="store_true", help="No everyday talk, no stops.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    params = SpeechParams(output="none", recogniser=options.recogniser, whisper_model=options.whisper_model)
    listener, speakers = make_listener(params), Speakers(options.seed)
    talk = not options.json
    words = measure_words(listener, speakers, options.voices, options.sentences, options.noise, talk)
    result = {"words": words}
    if not options.only_words:
        result |= {"outside": measure_outside(listener, speakers, talk)}
        result |= {"stops": measure_stops(listener, speakers, talk)}
    if talk:
        for kind, row in result["words"].items():
            print(f"{kind:10} exact {row['exact']:3}/{row['of']}  right {row['right']:3}/{row['of']}  cpu {row['cpu']}")
        for kind in ("outside", "stops"):
            print(f"{kind:10} {result.get(kind, 'not measured')}")
    print(json.dumps(result) if options.json else "", end="\n" if options.json else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
