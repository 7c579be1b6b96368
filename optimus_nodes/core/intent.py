"""What a person means, before it is known which things in sight are meant.

Any planner, with a language model or without, says what it understood as intents: a skill, a description of what it is
about, a place. `core.grounding` makes steps of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .world import Thing, World, there

Reference = Literal["", "it", "them", "other", "rest", "held"]
Order = Literal["", "left", "right"]
# Skills of intents that no policy has: to be brought, or brought or pushed, where was not said; only spoken of; to be
# stacked on each other; to change places.
PUT, SHIFT, NOTICE, TOWER, SWAP = "put", "shift", "notice", "tower", "swap"


@dataclass(frozen=True, slots=True)
class Selector:
    """A description of things. Empty words fit everything.

    `place`: where it is, the name of a place, or "bench" for in no bin. `order`: the one furthest to the left or right
    of those that fit. `refers`: "it", "them" (spoken of last), "other" (one that was not), "rest" (what is in no bin
    and was not spoken of), "held" (in a hand). `count`: how many, 0: all. `beside`: in the same place as that one.
    `level`: the one on top, or at the bottom, of things that stand on each other.
    `any`: one will do ("a box"), else one that fits is the one ("the box"). `without`: colours and sizes left out.
    `name`: the one of that name in the world. `same_colour`: of the colour of the thing that is put onto it.
    """

    kind: str = "box"
    colour: str = ""
    size: str = ""
    place: str = ""
    order: Order = ""
    refers: Reference = ""
    count: int = 1
    any: bool = False
    without: tuple[str, ...] = ()
    name: str = ""
    beside: Selector | None = None
    level: Literal["", "top", "bottom"] = ""
    same_colour: bool = False

    def fits(self, thing: Thing) -> bool:
        """True when nothing in the description speaks against the thing; references and order are not looked at."""
        fields = ("name", "kind", "colour", "size")
        left_out = {thing.colour, thing.size}.intersection(self.without)
        there = not thing.place.endswith("_bin") if self.place == "bench" else self.place in ("", thing.place)
        return there and not left_out and all(getattr(self, name) in ("", getattr(thing, name)) for name in fields)

    @property
    def words(self) -> str:
        """The description as people say it, without an article: "large red box in the left bin"."""
        noun = {"distractor": "thing", "": "thing"}.get(self.kind, self.kind)
        noun = f"{noun}{'es' if noun == 'box' else 's'}" if self.count != 1 else noun
        where = there(self.place) if self.place else ""
        return " ".join(word for word in (self.size, self.colour, noun, where) if word)


@dataclass(frozen=True, slots=True)
class Memory:
    """What was spoken of before: the names of the things of the `last` intent, the latest at the end.

    `just`: they were spoken of in this very instruction, so that "the box" means one of them too. `intents`: what was
    understood last.
    """

    last: tuple[str, ...] = ()
    just: bool = False
    intents: tuple[Intent, ...] = ()

    @property
    def it(self) -> str:
        """The thing spoken of last, "" for none."""
        return self.last[-1] if self.last else ""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must be true when its turn comes: something fits `what`; with `state`, it is open or closed.

    `negated`: it must be false.
    """

    what: Selector
    state: str = ""
    negated: bool = False

    def holds(self, world: World) -> bool:
        """Whether it is true in `world`."""
        found = [thing for thing in world.things if self.what.fits(thing)]
        if self.what.refers == "held":
            found = [thing for thing in found if world.hand_of(thing.name)]
        if self.state:
            found = [thing for thing in found if thing.state == self.state]
        return bool(found) != self.negated

    def seen(self, world: World, memory: Memory) -> Memory:
        """What "it" means after the condition: the thing that it speaks of."""
        found = tuple(thing.name for thing in world.things if self.what.fits(thing))
        if self.negated or not found:
            return memory
        return replace(memory, last=found[:1] if self.what.count == 1 else found, just=True)


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that is wanted. `place` is the name of a place; `with_`: the place where that thing is. `side`: the
    direction of a push, the hand that waves or gets the bar, and where a box is meant the hand that is to take it.
    `others`: further things that `what` goes together with. `condition`: only if it holds. `instead`: not what was said
    last."""

    skill: str
    what: Selector | None = None
    place: str = ""
    onto: Selector | None = None
    side: str = ""
    condition: Condition | None = None
    with_: Selector | None = None
    others: tuple[Selector, ...] = ()
    instead: bool = False
