"""What people say to the hands themselves: "open your left hand", "make a fist"; and that a thing wants care.

These are not tasks of the policy: they become hand commands, which the joint controller carries out by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .robot import RobotSpec
from .values import HandCommand
from .world import World

_CARE = re.compile(r",?\s*\b(?:(?:very )?(?:gently|carefully|softly|delicately)|with (?:great |a lot of )?care)\b,?")
_POLITE = r"(?:please |now |robot |optimus |hey |okay |ok |can you |could you |will you |would you )*"
_ENDS = r"(?: please| now| again| for me)*"
_WHOSE, _HAND = r"(?:your |the )?", r"(?:hands?|fingers|grippers?|fists?)"
_SIDE = r"(?P<side>left |right |both |both your |both of your )?"
_ORDERS = tuple(
    (posture, re.compile(f"{_POLITE}{pattern}{_ENDS}"))
    for posture, pattern in (
        ("open", f"(?:open|spread|relax|unclench) {_WHOSE}{_SIDE}{_WHOSE}{_HAND}(?: up| wide)?"),
        ("fist", f"(?:(?:make|form) a fist|clench {_WHOSE}fist)(?: (?:with|of) {_WHOSE}{_SIDE}{_WHOSE}hand)?"),
        ("fist", f"clench {_WHOSE}{_SIDE}{_WHOSE}{_HAND}"),
        ("power", f"(?:close|shut) {_WHOSE}{_SIDE}{_WHOSE}{_HAND}"),
        ("pinch", f"pinch(?: with {_WHOSE}{_SIDE}{_WHOSE}{_HAND})?"),
    )
)
_DOING = {"open": "open", "fist": "make a fist with", "power": "close", "pinch": "pinch with"}


@dataclass(frozen=True, slots=True)
class HandAbilities:
    """Postures that the robot's hands know, and whether they feel how hard they squeeze."""

    postures: tuple[str, ...] = ()
    feels: bool = False

    @staticmethod
    def of(robot: RobotSpec) -> HandAbilities:
        hands = robot.hands
        if hands is None:
            return HandAbilities()
        return HandAbilities(tuple(hands.postures), hands.squeeze > 0.0 and bool(robot.tactile_pads))


def without_care(text: str) -> tuple[str, bool]:
    """The words without those that ask for care, and whether there were any."""
    left, found = _CARE.subn(" ", text.strip())
    return (" ".join(left.split()), True) if found else (text, False)


class HandOrders:
    """Turns words into hand commands; `drain` them after each call.

    Args: gentle_force: N that a hand squeezes with at most when care was asked for.
    """

    def __init__(self, abilities: HandAbilities = HandAbilities(), gentle_force: float = 8.0) -> None:
        self._abilities, self._gentle_force = abilities, gentle_force
        self._gentle = False
        self._commands: list[HandCommand] = []

    def answer(self, text: str, world: World, gently: bool = False, forbidden: str = "") -> tuple[bool, str]:
        """Whether it is done, and what to say: to an order to a hand, or to care that can't be taken; else "".

        `forbidden`: why no hand may move now, "" when one may. What is refused changes nothing.
        """
        if gently and not self._abilities.feels:
            return False, "I can't feel how hard I squeeze, so I can't do it gently."
        words = " ".join(re.findall(r"[a-z]+", text.lower()))
        found = next(((name, match) for name, order in _ORDERS if (match := order.fullmatch(words))), None)
        if found is None:
            return False, ""
        if forbidden:
            return False, forbidden
        posture, side = found[0], (found[1].groupdict().get("side") or "").split(" ")[0]
        sides = (side,) if side in ("left", "right") else ("left", "right")
        hands = f"my {sides[0]} hand" if len(sides) == 1 else "both hands"
        for each in sides:
            if held := getattr(world, each):
                thing = world.find(held)
                what = world.call(thing) if thing is not None else "something"
                return False, f"I hold {what} in my {each} hand. Tell me first where it goes."
        if posture not in self._abilities.postures:
            return False, f"My hands can't do that; they know {', '.join(self._abilities.postures) or 'no postures'}."
        self._gentle = gently
        self._commands.append(HandCommand(None, sides[0] if len(sides) == 1 else "", posture, self._force))
        return True, f"I {_DOING[posture]} {hands}."

    def begin(self, gently: bool, holding: bool) -> None:
        """A plan begins. What was taken with care is held with care until it is put down."""
        gentle = gently or (self._gentle and holding)
        if gentle != self._gentle:
            self._gentle = gentle
            self._commands.append(HandCommand(None, "", "", self._force))

    def drain(self) -> tuple[HandCommand, ...]:
        """What is to be sent since the last call."""
        found, self._commands = tuple(self._commands), []
        return found

    @property
    def _force(self) -> float:
        return self._gentle_force if self._gentle else 0.0
