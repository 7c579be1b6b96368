"""The skills of the policy and the sentences that ask for them.

One grammar serves everybody: demonstrations are labelled with its sentences, the planner sends its canonical sentence,
the reader of sentences learns from it, and evaluation asks with what it holds back. Its tables: `core.wordings`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from .errors import ConfigError
from .wordings import FIRST_TEMPLATES, FIRST_THINGS, HELDOUT_VALUES, HELDOUT_WORDS, VALUES, WORDS
from .wordings_heldout import HELDOUT_TEMPLATES
from .wordings_templates import TEMPLATES

COLOURS = ("red", "green", "blue", "yellow")
BINS = ("left", "right")
SIZES = ("small", "large")
STATIONS = ("a", "b")
SIDES = ("left", "right")
ALL = "all"
SKILLS = ("pick", "place", "put_down", "home")
SLOTS: dict[str, tuple[tuple[str, ...], ...]] = {  # skill: the words it takes, in one of these ways
    "pick": (("colour",), ("size",)),
    "place": (("colour", "bin"), ("bin", "size")),
    "put_down": ((),),
    "home": ((),),
    "move": (("colour", "station"),),
    "stack": (("colour", "onto"),),
    "push": (("colour", "side"),),
    "hand_over": (("side",),),
    "point": (("colour",),),
    "press": ((),),
    "open": ((),),
    "close": ((),),
    "sort": (("colour",),),
    "wave": (("side",),),
}
SLOT_VALUES = {"colour": COLOURS, "bin": BINS, "size": SIZES, "station": STATIONS, "onto": COLOURS, "side": SIDES}
HELDOUT_KINDS = ("wordings", "words")

_DRAWS = 6  # sentences drawn from each template
_FIELD = re.compile(r"\{(\w+?)(\d*)\}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One sub-instruction: a `skill` and the words it needs ("" where it needs none; see `SLOTS`).

    `side`: the hand that acts or receives, or the direction of a push as the robot sees it.
    """

    skill: str
    colour: str = ""
    bin: str = ""
    size: str = ""
    station: str = ""
    onto: str = ""
    side: str = ""

    def __post_init__(self) -> None:
        if self.skill not in SLOTS:
            raise ConfigError(f"unknown skill {self.skill!r}; the skills are {', '.join(SLOTS)}")
        given = {name: value for name in SLOT_VALUES if (value := getattr(self, name))}
        if tuple(given) not in SLOTS[self.skill]:
            forms = " or ".join(" and ".join(form) or "nothing more" for form in SLOTS[self.skill])
            raise ConfigError(f"{self.skill!r} got {', '.join(given) or 'nothing more'}; it needs {forms}")
        for name, value in given.items():
            if value not in SLOT_VALUES[name]:
                raise ConfigError(f"unknown {name} {value!r}; allowed: {', '.join(SLOT_VALUES[name])}")
        if self.onto and self.onto == self.colour:
            raise ConfigError(f"the {self.colour} box can't stand on itself; name another colour to stack it on")

    @property
    def sentence(self) -> str:
        """The canonical wording."""
        return first_wordings(self)[0]


def chosen_skills(names: Sequence[str]) -> tuple[str, ...]:
    """The skills a parameter names, or all where it says "all". Raises ConfigError naming those that are none."""
    if unknown := set(names) - {*SLOTS, ALL}:
        raise ConfigError(f"skills names {', '.join(sorted(unknown))}; the skills are {', '.join(SLOTS)}, or {ALL}")
    return tuple(SLOTS) if ALL in names else tuple(names)


def other_side(side: str) -> str:
    """Right for "left" and left for "right"; "" for anything else."""
    return _other(SIDES, side) if side in SIDES else ""


def all_instructions(skills: Sequence[str] = ()) -> tuple[Instruction, ...]:
    """Every instruction of `skills`, in their order; without skills those that the first policy was taught, by colour.

    `all_instructions(tuple(SLOTS))` is everything that can be said.
    """
    if not skills:
        picks = [Instruction("pick", colour) for colour in COLOURS]
        places = [Instruction("place", colour, side) for colour in COLOURS for side in BINS]
        return (*picks, *places, Instruction("put_down"), Instruction("home"))
    found: list[Instruction] = []
    for skill in skills:
        if skill not in SLOTS:
            raise ConfigError(f"unknown skill {skill!r}; the skills are {', '.join(SLOTS)}")
        for form in SLOTS[skill]:
            ways: list[dict[str, str]] = [{}]
            for name in form:
                ways = [{**way, name: value} for way in ways for value in SLOT_VALUES[name]]
            found += [Instruction(skill, **way) for way in ways if way.get("onto", "") != way.get("colour")]
    return tuple(found)


@cache
def first_wordings(instruction: Instruction) -> tuple[str, ...]:
    """The plainest wordings, the canonical one first: all that the first policy was taught, in a handful of verbs."""
    words = {"which": instruction.colour or instruction.size, "bin": instruction.bin, "onto": instruction.onto}
    words |= {"station": instruction.station, "side": instruction.side}
    sentences = [t.format(first=thing, **words) for t in FIRST_TEMPLATES[instruction.skill] for thing in FIRST_THINGS]
    return tuple(dict.fromkeys(sentences))


@cache
def wordings(instruction: Instruction) -> tuple[str, ...]:
    """Sentences that ask for `instruction`, for training: the canonical one first, without repeats, always the same.

    They are drawn from far more that `draw_wording` can make.
    """
    drawn = [
        _say(template, instruction, random.Random(f"{instruction}{template}{number}"))
        for template in TEMPLATES[instruction.skill]
        for number in range(_DRAWS)
    ]
    return tuple(dict.fromkeys((*first_wordings(instruction), *drawn)))


@cache
def heldout_wordings(instruction: Instruction, kind: str = "") -> tuple[str, ...]:
    """Sentences that ask for `instruction` and that no training sees.

    `kind`: "wordings" for patterns never seen, filled with words of training; "words" for those with a word never
    seen, half of them in patterns of training; "" for both.
    """
    if kind not in ("", *HELDOUT_KINDS):
        raise ConfigError(f"unknown kind {kind!r} of held-out sentences; the kinds are {', '.join(HELDOUT_KINDS)}")
    if not kind:
        both = (sentence for kind in HELDOUT_KINDS for sentence in heldout_wordings(instruction, kind))
        return tuple(dict.fromkeys(both))
    skill, new = instruction.skill, kind == "words"
    templates = (*HELDOUT_TEMPLATES[skill], *(TEMPLATES[skill] if new else ()))
    draws = 2 if new else _DRAWS
    drawn = [
        _say(template, instruction, random.Random(f"{instruction}{template}{number} held out"), new=new)
        for template in templates
        for number in range(draws)
    ]
    return tuple(sentence for sentence in dict.fromkeys(drawn) if sentence)


def draw_wording(instruction: Instruction, rng: random.Random) -> str:
    """One of all the sentences for training that ask for `instruction`."""
    return _say(rng.choice(TEMPLATES[instruction.skill]), instruction, rng)


def find_instruction(sentence: str) -> Instruction | None:
    """What a sentence of `wordings` asks for, whatever its case and end; None when the grammar does not know it."""
    return _meanings().get(sentence.strip().lower().rstrip(".!?"))


@lru_cache(maxsize=1)
def _meanings() -> dict[str, Instruction]:
    return {sentence: one for one in all_instructions(tuple(SLOTS)) for sentence in wordings(one)}


def _say(template: str, instruction: Instruction, rng: random.Random, *, new: bool = False) -> str:
    """`template` filled for `instruction`; with `new`, one field or two from the held-out words ("" if it has none)."""
    text = template.lstrip("!")
    if template.startswith("!"):
        text = f"{{polite}} {text}" if rng.random() < 0.4 else text
        text = f"{text} {{after}}" if rng.random() < 0.2 else text
    words = {found.group(): _options(found.group(1), instruction, rng) for found in _FIELD.finditer(text)}
    renewable = [field for field, (_, heldout) in words.items() if heldout]
    if new and not renewable:
        return ""
    renewed = rng.sample(renewable, min(len(renewable), rng.choice((1, 1, 2)))) if new else []

    def word(found: re.Match[str]) -> str:
        training, heldout = words[found.group()]
        if found.group() in renewed:
            return rng.choice(heldout)
        plain = found.group(1) in ("which", "onto") and rng.random() < 0.4
        return training[0] if plain else rng.choice(training)

    text = _FIELD.sub(word, text)
    return _FIELD.sub(lambda found: rng.choice(WORDS[found.group(1)]), text)


def _options(field: str, instruction: Instruction, rng: random.Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of training that may fill a template's field, and the held-out ones."""
    if field in WORDS:
        return WORDS[field], HELDOUT_WORDS.get(field, ())
    if field in ("which", "onto"):
        value = instruction.onto if field == "onto" else instruction.colour or instruction.size
        value = value or rng.choice((*COLOURS, *SIZES))
        return VALUES[value], HELDOUT_VALUES[value]
    if field == "bin":
        return VALUES[instruction.bin], ()
    if field in ("side", "from_side", "any_side"):
        side = instruction.side if field == "side" else _other(SIDES, instruction.side)
        return ((rng.choice(SIDES),) if field == "any_side" else (side,)), ()
    station = instruction.station if field == "place" else _other(STATIONS, instruction.station)
    return _places(WORDS["station"], VALUES[station]), (
        *_places(HELDOUT_WORDS["station"], VALUES[station]),
        *_places(("station",), HELDOUT_VALUES[station]),
    )


def _places(words: Sequence[str], letters: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        place for word in words for a in letters for place in (f"{word} {a}", f"{word} {a}", f"the {a} {word}")
    )


def _other(values: tuple[str, ...], value: str) -> str:
    return values[1 - values.index(value)] if value in values else values[0]
