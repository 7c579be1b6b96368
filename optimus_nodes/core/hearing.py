"""What becomes of words that were heard: an instruction, a stop, or nothing, when they were not meant for the robot.

Values in, values out; every `now` is one monotonic time in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from .errors import ConfigError
from .planner import is_stop

Reason = Literal["said to it", "stop", "called", "not called", "button not held", "its own voice", "unsure", "nothing"]
MODES = ("wake", "push", "open")
HERE = "Yes?"  # what a robot says that was only called
MOST_DOUBT, MOST_DOUBT_UNCALLED = 1.0, 0.8  # where everybody is listened to (mode open) who does not call must be clear


@dataclass(frozen=True, slots=True)
class Heard:
    """Words; `spotted`: a stop in the middle of whatever was said.

    `doubt`: 0 where the ears are sure of them, 1 where they are no longer to be acted upon.
    """

    text: str
    spotted: bool = False
    doubt: float = 0.0


@dataclass(frozen=True)
class HearingRules:
    """Who is listened to. A stop always counts."""

    mode: str = field(
        default="wake",
        metadata={"doc": "wake: a wake word comes first; push: speech/listen is true; open: everybody."},
    )
    wake_words: tuple[str, ...] = field(default=("optimus", "robot"), metadata={"doc": "How the robot is called."})
    attention: float = field(
        default=8.0, metadata={"doc": "After a call or a question of its own no wake word is needed for so long, s."}
    )

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"mode is {self.mode!r}; allowed are {', '.join(MODES)}")
        if not self.wake_words or any(not re.fullmatch(r"[a-z']+( [a-z']+)*", word) for word in self.wake_words):
            raise ConfigError(f"wake_words is [{', '.join(self.wake_words)}]; it must be words of small letters")
        if self.attention < 0.0:
            raise ConfigError(f"attention is {self.attention}; it must be 0 s or more")


@dataclass(frozen=True, slots=True)
class Understood:
    """What to do about words: pass `instruction` on ("" for nothing) and say `reply` ("" for nothing)."""

    instruction: str
    reply: str
    reason: Reason

    @property
    def certain(self) -> bool:
        """Somebody has said the words, whoever they were meant for."""
        return self.reason not in ("nothing", "its own voice", "unsure")


def call_pattern(wake_words: Iterable[str]) -> re.Pattern[str]:
    """Matches what calls the robot at the beginning of what is said to it."""
    words = "|".join(re.escape(word) for word in sorted(wake_words, key=len, reverse=True))
    return re.compile(rf"(?:(?:hey|hello|okay|ok|hi) )?(?:{words})\b[ ,]*")


class Hearing:
    """Decides for each thing that was heard whether it was meant for the robot."""

    def __init__(self, rules: HearingRules) -> None:
        self._rules = rules
        self._called_until = -1.0
        self._held = False
        self._held_until = -1.0
        self._call = call_pattern(rules.wake_words)

    def on_button(self, held: bool, now: float) -> None:
        """The button one speaks with is held from now on, or no longer."""
        if self._held and not held:
            self._held_until = now + 1.0  # the last word is still being listened to
        self._held = held

    def on_said(self, text: str, now: float) -> None:
        """The robot has just said `text`. To a question of its own it takes the answer from anybody."""
        if text.rstrip().endswith("?"):
            self._called_until = now + self._rules.attention

    def hear(self, heard: Heard, now: float, own_voice: bool = False) -> Understood:
        """Somebody has said that; with `own_voice` while the robot was speaking, so that it may have been itself."""
        words = heard.text.strip().lower()
        rest = self._call.sub("", words, count=1) if self._call.match(words) else words
        called = rest != words
        if is_stop(rest):  # of all mistakes, to stop when nobody asked for it is the best one
            return Understood(rest, "", "stop")
        if own_voice or not words:
            return Understood("", "", "its own voice" if own_voice else "nothing")
        called = called or now < self._called_until
        if heard.doubt > (MOST_DOUBT_UNCALLED if self._rules.mode == "open" and not called else MOST_DOUBT):
            return Understood("", "", "unsure")
        if self._rules.mode == "push" and not (self._held or now < self._held_until):
            return Understood("", "", "button not held")
        if self._rules.mode == "wake" and not called:
            return Understood("", "", "not called")
        if not rest:
            self._called_until = now + self._rules.attention
            return Understood("", HERE, "called")
        self._called_until = -1.0
        return Understood(rest, "", "said to it")
