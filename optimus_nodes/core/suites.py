"""What an evaluation asks for: a fixed list of scenes and sentences, the same for every policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import ConfigError
from .language import BINS, COLOURS, Instruction, all_instructions
from .language import first_wordings as wordings  # these suites ask as the first policy was taught

SUITES = ("pick_place", "pick", "home")


@dataclass(frozen=True, slots=True)
class Trial:
    """One episode: the scene's `seed`, what the task is, what the robot is told, and what that means."""

    seed: int
    task: Instruction
    sentence: str
    told: Instruction


def trials(suite: str, episodes: int, seed: int, *, swap: bool = False, sentence: str = "") -> list[Trial]:
    """The trials of `suite`, balanced over colours and bins. `swap`: the robot is told another colour.

    `sentence`: tell the robot this every time instead; it must be a wording the grammar knows.
    Raises: ConfigError on an unknown suite, a count below 1, or a sentence that means nothing.
    """
    if suite not in SUITES:
        raise ConfigError(f"unknown suite {suite!r}; the suites are {', '.join(SUITES)} (--suite)")
    if episodes < 1:
        raise ConfigError(f"episodes is {episodes}; it must be at least 1 (--episodes)")
    return [_trial(suite, seed + k, k, swap, sentence) for k in range(episodes)]


def _trial(suite: str, seed: int, k: int, swap: bool, sentence: str) -> Trial:
    rng = np.random.default_rng([seed, 0xE7A1])
    colour, bin_ = COLOURS[k % len(COLOURS)], BINS[k // len(COLOURS) % len(BINS)]
    task = {
        "pick_place": Instruction("place", colour, bin_),
        "pick": Instruction("pick", colour),
        "home": Instruction("home"),
    }[suite]
    if sentence:
        told = meaning_of(sentence)
        return Trial(seed, told, sentence, told)
    told = task
    if swap and task.colour:
        other = str(rng.choice([c for c in COLOURS if c != task.colour]))
        told = Instruction(task.skill, other, task.bin)
    return Trial(seed, task, str(rng.choice(wordings(told))), told)


def meaning_of(sentence: str) -> Instruction:
    """The instruction a sentence of the grammar asks for. Raises ConfigError when it is none."""
    for instruction in all_instructions():
        if sentence.strip().lower().rstrip(".!") in wordings(instruction):
            return instruction
    raise ConfigError(f"{sentence!r} is not a sentence the policy was taught; for example {_examples()}")


def _examples() -> str:
    return ", ".join(repr(Instruction(*words).sentence) for words in (("pick", "red"), ("place", "red", "left")))


def tally(names: Sequence[str], outcomes: Sequence[bool]) -> dict[str, dict[str, int]]:
    """Successes and episodes per name."""
    table: dict[str, dict[str, int]] = {}
    for name, outcome in zip(names, outcomes):
        row = table.setdefault(name, {"successes": 0, "episodes": 0})
        row["successes"] += int(outcome)
        row["episodes"] += 1
    return table
