"""The sentences a robot listens for, made from the skills of its policy: a JSGF grammar for a recogniser.

A recogniser that expects these sentences alone hears them through noise and takes little else for one of them. Rules
are tables of alternatives; `{name}` in an alternative is another rule, and "" says nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping, Sequence

from ..core.language import BINS, COLOURS, SIDES, SLOTS, STATIONS
from ..core.wordings import FIRST_TEMPLATES, FIRST_THINGS

Rules = Mapping[str, tuple[str, ...]]

START = "spoken"
NOTHING = ""
_RULE = re.compile(r"\{(\w+)\}")

# What people say beside the wordings of core.wordings, which speak of one box by its colour.
SPOKEN: dict[str, tuple[str, ...]] = {
    "pick": ("{grip} {what}", "{grip} {what} with your {side} hand"),
    "place": ("{put} {what} {into} {the_bin}", "{put} {many} {into} {the_bin}", "{put} {pronoun} {into} {the_bin}"),
    "put_down": ("put {pronoun} down", "let go of {pronoun}", "put {what} down"),
    "move": (
        "{carry} {what} to station {station}",
        "{carry} {many} to station {station}",
        "{carry} {many} from station {station} to station {station}",
    ),
    "stack": ("stack {what} on {what}", "put {what} on top of {what}", "put {pronoun} on {what}"),
    "push": ("push {what} to the {side}",),
    "hand_over": ("hand the bar over", "give the bar to your {side} hand", "pass the bar to your other hand"),
    "point": ("point at {what}", "point to {what}", "show me {what}"),
    "press": ("press the button", "press the button twice", "push the button"),
    "open": ("open the drawer",),
    "close": ("close the drawer", "shut the drawer"),
    "sort": (
        "sort {what} by size",
        "sort {many} by size",
        "sort {the_parts} by size",
        "sort {the_parts} by size and {put} {the_large} {into} {the_bin}",
    ),
    "wave": ("wave", "wave your {side} hand", "say hello"),
    "home": ("go to your home position", "go home"),
}
# What belongs to a conversation, whatever the robot can do.
TURNS = (
    *("yes", "yes please", "no", "no thanks", "thank you", "go on", "try again", "do it again"),
    *("{what}", "no {what}", "i mean {what}", "the other one", "no the other one", "both of them"),
    *(
        "all of them",
        "{the_bin}",
        "what do you see",
        "what are you doing",
        "what did you do",
        "why did you stop",
        "what can you do",
    ),
    *("where is {what}", "how many boxes are there", "how many {colour} boxes are there", "what are you holding"),
)
STOPS = ("stop", "stop it", "stop now", "please stop", "stop please", "stop stop", "halt", "wait", "cancel", "freeze")
STOPS = (*STOPS, "never mind", "hold on")
COMMON: dict[str, tuple[str, ...]] = {
    "colour": COLOURS,
    "size": ("small", "large", "little", "big"),
    "which": ("{colour}", "{size}", "{size} {colour}"),
    "first": FIRST_THINGS,
    "thing": (*FIRST_THINGS, "one"),
    "things": ("boxes", "blocks", "cubes", "ones"),
    "what": ("the {which} {thing}", "the {thing} on the {side}", "the {first}"),
    "many": ("all {things}", "all the {things}", "all {which} {things}", "all the {which} {things}", "everything"),
    "pronoun": ("it", "them"),
    "the_bin": ("the {bin} bin", "the bin on the {bin}"),
    "the_parts": ("these components", "the components", "the boxes", "these boxes", "these parts"),
    "the_large": ("the large ones", "the small ones", "the big ones"),
    "into": ("in", "into"),
    "grip": ("pick up", "take", "grab", "lift", "grasp", "get"),
    "put": ("put", "place", "drop"),
    "carry": ("move", "bring", "carry"),
    "bin": BINS,
    "side": SIDES,
    "station": STATIONS,
    "onto": COLOURS,
    "then": ("and", "then", "and then"),
    "courtesy": (NOTHING, "please", "could you", "can you"),
    "greeting": ("hey", "hello", "okay"),
}


def rules(skills: Collection[str] = tuple(SLOTS), wake_words: Sequence[str] = ()) -> Rules:
    """The rules for these skills of `core.language`, in their order, to be called by one of `wake_words` first.

    The call may be missing: whether it has to be there is decided where it is known what was asked before.
    """
    found = {skill: (FIRST_TEMPLATES[skill][0], *SPOKEN[skill]) for skill in skills}
    return {
        START: ("{call} {said}",) if wake_words else ("{said}",),
        "call": (NOTHING, "{wake}", "{greeting} {wake}"),
        "said": ("{courtesy} {orders}", "{turn}", "{stop}", NOTHING),
        "orders": ("{order} {more}",),  # written so that a recogniser needs every rule once
        "more": (NOTHING, "{then} {orders}"),
        "order": tuple(f"{{{skill}}}" for skill in found),
        "turn": TURNS,
        "stop": STOPS,
        "wake": tuple(wake_words),
        **COMMON,
        **found,
    }


def jsgf(table: Rules) -> str:
    """`table` as a JSGF grammar (W3C note of June 2000) whose public rule is START."""
    lines = ["#JSGF V1.0;", "grammar heard;"]
    for name, alternatives in _used(table).items():
        text = " | ".join(_RULE.sub(r"<\1>", one) or "<NULL>" for one in dict.fromkeys(alternatives))
        lines.append(f"{'public ' if name == START else ''}<{name}> = {text};")
    return "\n".join(lines) + "\n"


def draw(table: Rules, rng: random.Random, start: str = START) -> str:
    """One sentence of the grammar."""
    text = _RULE.sub(lambda found: draw(table, rng, found.group(1)), rng.choice(table[start]))
    return " ".join(text.split())


def examples(skills: Collection[str], wake_words: Sequence[str], seed: int = 0) -> str:
    """A sentence for each skill, as a person would write them down; always the same."""
    table, rng, calls = rules(skills, wake_words), random.Random(seed), [word.capitalize() for word in wake_words]
    said = (draw(table, rng, skill) for skill in skills)
    called = (f"{calls[number % len(calls)]}, {text}" if calls else text for number, text in enumerate(said))
    return " ".join(f"{text}." for text in called)


def vocabulary(table: Rules) -> set[str]:
    """Every word of the grammar."""
    return {word for one in _used(table).values() for text in one for word in _RULE.sub(" ", text).split()}


def _used(table: Rules) -> dict[str, tuple[str, ...]]:
    """The rules that START leads to, itself first."""
    found: dict[str, tuple[str, ...]] = {}
    waiting = [START]
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = table[name]
            waiting += [inner for one in table[name] for inner in _RULE.findall(one)]
    return found
