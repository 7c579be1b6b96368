"""The skills of the policy and the sentences that ask for them.

One grammar serves everybody: demonstrations are labelled with its sentences, the planner sends
its canonical sentence, and the policy's vocabulary is the words it can make.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ConfigError

COLOURS = ("red", "green", "blue", "yellow")
BINS = ("left", "right")
SKILLS = ("pick", "place", "put_down", "home")

_THING = ("box", "block", "cube")
_WORDINGS: dict[str, tuple[str, ...]] = {
    "pick": (
        "pick up the {colour} box",
        "grasp the {colour} {thing}",
        "lift the {colour} {thing}",
        "take the {colour} {thing}",
        "pick the {colour} {thing} up",
        "grab the {colour} {thing}",
        "please pick up the {colour} {thing}",
    ),
    "place": (
        "put the {colour} box in the {bin} bin",
        "place the {colour} {thing} in the {bin} bin",
        "put the {colour} {thing} into the {bin} bin",
        "move the {colour} {thing} to the {bin} bin",
        "drop the {colour} {thing} in the {bin} bin",
        "the {colour} {thing} goes in the {bin} bin",
        "please put the {colour} {thing} in the bin on the {bin}",
    ),
    "put_down": (
        "put down the box",
        "put the {thing} down",
        "set the {thing} down",
        "place the {thing} on the table",
        "lay the {thing} down on the bench",
    ),
    "home": (
        "go to the home position",
        "go home",
        "return to the home position",
        "move back to your home position",
        "rest your arms",
    ),
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One sub-instruction: a `skill`, and the `colour` and `bin` it needs ("" where it needs none)."""

    skill: str
    colour: str = ""
    bin: str = ""

    def __post_init__(self) -> None:
        if self.skill not in SKILLS:
            raise ConfigError(f"unknown skill {self.skill!r}; the skills are {', '.join(SKILLS)}")
        if self.skill in ("pick", "place") and self.colour not in COLOURS:
            raise ConfigError(f"unknown colour {self.colour!r}; the colours are {', '.join(COLOURS)}")
        if self.skill == "place" and self.bin not in BINS:
            raise ConfigError(f"unknown bin {self.bin!r}; the bins are {', '.join(BINS)}")

    @property
    def sentence(self) -> str:
        """The canonical wording."""
        return wordings(self)[0]


def wordings(instruction: Instruction) -> tuple[str, ...]:
    """Every sentence that asks for `instruction`, the canonical one first, without repeats."""
    sentences = []
    for template in _WORDINGS[instruction.skill]:
        for thing in _THING:
            sentences.append(template.format(colour=instruction.colour, bin=instruction.bin, thing=thing))
    return tuple(dict.fromkeys(sentences))


def all_instructions() -> tuple[Instruction, ...]:
    """Every instruction the grammar knows."""
    picks = [Instruction("pick", colour) for colour in COLOURS]
    places = [Instruction("place", colour, side) for colour in COLOURS for side in BINS]
    return (*picks, *places, Instruction("put_down"), Instruction("home"))
