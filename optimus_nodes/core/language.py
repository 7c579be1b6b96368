"""The skills of the policy and the sentences that ask for them.

One grammar serves everybody: demonstrations are labelled with its sentences, the planner sends
its canonical sentence, and the policy's vocabulary is the words it can make.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .errors import ConfigError

COLOURS = ("red", "green", "blue", "yellow")
BINS = ("left", "right")
SIZES = ("small", "large")
STATIONS = ("a", "b")
SIDES = ("left", "right")
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
_ALLOWED = {"colour": COLOURS, "bin": BINS, "size": SIZES, "station": STATIONS, "onto": COLOURS, "side": SIDES}

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
    "move": ("move the {colour} box to station {station}",),
    "stack": ("stack the {colour} box on the {onto} box",),
    "push": ("push the {colour} box to the {side}",),
    "hand_over": ("hand the bar over to your {side} hand",),
    "point": ("point at the {colour} box",),
    "press": ("press the button",),
    "open": ("open the drawer",),
    "close": ("close the drawer",),
    "sort": ("sort the {colour} box by size",),
    "wave": ("wave with your {side} hand",),
}


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
        given = {name: value for name in _ALLOWED if (value := getattr(self, name))}
        if tuple(given) not in SLOTS[self.skill]:
            forms = " or ".join(" and ".join(form) or "nothing more" for form in SLOTS[self.skill])
            raise ConfigError(f"{self.skill!r} got {', '.join(given) or 'nothing more'}; it needs {forms}")
        for name, value in given.items():
            if value not in _ALLOWED[name]:
                raise ConfigError(f"unknown {name} {value!r}; allowed: {', '.join(_ALLOWED[name])}")
        if self.onto and self.onto == self.colour:
            raise ConfigError(f"the {self.colour} box can't stand on itself; name another colour to stack it on")

    @property
    def sentence(self) -> str:
        """The canonical wording."""
        return wordings(self)[0]


def wordings(instruction: Instruction) -> tuple[str, ...]:
    """Every sentence that asks for `instruction`, the canonical one first, without repeats."""
    sentences, words = [], asdict(instruction)
    words["colour"] = instruction.colour or instruction.size
    for template in _WORDINGS[instruction.skill]:
        for thing in _THING:
            sentences.append(template.format(thing=thing, **words))
    return tuple(dict.fromkeys(sentences))


def all_instructions() -> tuple[Instruction, ...]:
    """Every instruction of SKILLS by colour: what the committed policy was taught."""
    picks = [Instruction("pick", colour) for colour in COLOURS]
    places = [Instruction("place", colour, side) for colour in COLOURS for side in BINS]
    return (*picks, *places, Instruction("put_down"), Instruction("home"))
