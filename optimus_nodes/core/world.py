"""The scene in symbols, and what each skill makes of it: what a planner checks a plan against before anything moves.

A world is a value. `why_not` says in plain words what stands against a step, "" when nothing does; `after` gives the
world once the step is done. What is true of the policy stands here too: one box in the hands at a time, and none is
taken out of a bin.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from .language import BINS, COLOURS, SIDES, SIZES, SLOTS, STATIONS, Instruction
from .saying import capital

LOOSE = ("box", "bar", "distractor")  # kinds that can be in a hand, in a bin, or on another thing
OPEN, CLOSED, PRESSED = "open", "closed", "pressed"
_ACROSS = {"station_a": 0.26, "left_bin": 0.1, "right_bin": -0.1, "station_b": -0.26}  # m, roughly
_NEEDS = {"bar": "hand_over", "drawer": "open", "button": "press"}  # kind of thing: a skill that is about it
ON_THING = ("pick", "place", "move", "stack", "push", "point", "sort")  # skills that are about one box


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in sight. `place`: the bin or station it is in, the thing it stands on, or "" for anywhere else.

    `size` "small", "large" or "". `state` of a drawer: "open" or "closed", of a button "pressed"; "" when not known.
    `across`: how far left of the robot's middle it is, m, None when not known.
    """

    name: str
    kind: str = "box"
    colour: str = ""
    size: str = ""
    place: str = ""
    state: str = ""
    across: float | None = None

    @property
    def noun(self) -> str:
        """What people call its kind."""
        return {"distractor": "thing"}.get(self.kind, self.kind)


@dataclass(frozen=True, slots=True)
class World:
    """Things in sight, the places there are, and the names of what the `left` and the `right` hand hold ("": nothing).

    Places are named "left_bin", "right_bin", "station_a" and so on. `assumed`: nobody looked; see `assumed_world`.
    """

    things: tuple[Thing, ...] = ()
    places: tuple[str, ...] = ()
    left: str = ""
    right: str = ""
    assumed: bool = False

    def find(self, name: str) -> Thing | None:
        """The thing of that name, None when it is not in sight."""
        return next((thing for thing in self.things if thing.name == name), None)

    def of_kind(self, kind: str) -> Thing | None:
        """The first thing of that kind."""
        return next((thing for thing in self.things if thing.kind == kind), None)

    @property
    def held(self) -> tuple[str, ...]:
        """Names of what is in the hands, left first, each once."""
        return tuple(dict.fromkeys(name for name in (self.left, self.right) if name))

    def hand_of(self, name: str) -> str:
        """The hand that holds the thing: "left", "right", "both" or ""."""
        hands = [side for side in SIDES if getattr(self, side) == name]
        return "both" if len(hands) == 2 else hands[0] if hands else ""

    def across(self, thing: Thing) -> float:
        """How far left of the middle the thing is, m; by its place where it was not measured."""
        if thing.across is not None:
            return thing.across
        if hand := self.hand_of(thing.name):
            return _ACROSS.get(f"{hand}_bin", 0.0)
        return _ACROSS.get(thing.place, 0.0)

    def on_top_of(self, name: str) -> Thing | None:
        """What stands on the thing."""
        return next((thing for thing in self.things if thing.place == name), None)

    def call(self, thing: Thing) -> str:
        """The shortest description that fits no other thing in sight: "the red box", "the small red box"."""
        others = [one for one in self.things if one.name != thing.name and one.kind == thing.kind]
        size, colour = thing.size, thing.colour
        if size and colour and all(one.colour != colour for one in others):
            size = ""
        words = [word for word in ("the", size, colour, thing.noun) if word]
        return " ".join(words)

    def with_thing(self, name: str, **changes: str) -> World:
        """The world with another `place` or `state` of the thing."""
        things = tuple(replace(one, **changes) if one.name == name else one for one in self.things)  # type: ignore[arg-type]
        return replace(self, things=things)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: a skill, the `thing` it is about and what it is put `onto` (names in the world), a `place`
    ("left_bin", "station_a") and a `side`. "" where the skill needs none."""

    skill: str
    thing: str = ""
    place: str = ""
    onto: str = ""
    side: str = ""


def why_not(step: Step, world: World) -> str:
    """What stands against `step` in `world`, as a plain sentence; "" when nothing does."""
    if step.skill not in SLOTS:
        return f"I don't know how to {step.skill}."
    if step.skill in ON_THING:
        thing = world.find(step.thing)
        if thing is None:
            return f"I can't see {_name(step.thing)}."
        if thing.kind != "box":
            return f"I can only do that with a box, not with {world.call(thing)}."
        if step.skill != "point" and (problem := _out_of_reach(thing, world)):
            return problem
    return _AGAINST[step.skill](step, world) if step.skill in _AGAINST else ""


def after(step: Step, world: World) -> World:
    """The world once `step`, against which nothing stood, is done."""
    skill = step.skill
    if skill == "pick":
        return _held_in(hand_for(step.thing, world), step.thing, _lifted(step.thing, world))
    if skill in ("place", "move", "stack"):
        return _lifted(step.thing, world).with_thing(step.thing, place=step.onto if skill == "stack" else step.place)
    if skill == "sort":
        return _lifted(step.thing, world).with_thing(step.thing, place=sorting_bin(world.find(step.thing)))
    if skill == "put_down":
        for name in world.held:
            world = _lifted(name, world)
        return world
    if skill == "hand_over":
        bar = world.of_kind("bar")
        return _held_in(step.side, bar.name, _lifted(bar.name, world)) if bar is not None else world
    if skill in ("open", "close") and (drawer := world.of_kind("drawer")):
        return world.with_thing(drawer.name, state=OPEN if skill == "open" else CLOSED)
    if skill == "press" and (button := world.of_kind("button")):
        return world.with_thing(button.name, state=PRESSED)
    return world


def sorting_bin(thing: Thing | None) -> str:
    """Where "sort" puts a box: small ones left, large ones right."""
    return "left_bin" if thing is not None and thing.size == "small" else "right_bin"


def skill_to(place: str) -> str:
    """The skill that brings a box to `place`: a bin or a station."""
    return "place" if place.endswith("_bin") else "move"


def instruction_for(step: Step, world: World) -> Instruction | None:
    """The policy's instruction for `step`; None when its words would fit another thing as well."""
    thing, onto = world.find(step.thing), world.find(step.onto)
    given = {
        "bin": step.place.removesuffix("_bin") if step.skill == "place" else "",
        "station": step.place.removeprefix("station_") if step.skill == "move" else "",
        "onto": onto.colour if onto else "",
        "side": step.side,
    }
    described = {"colour": thing.colour, "size": thing.size} if thing is not None and step.skill in ON_THING else {}
    for form in SLOTS[step.skill]:
        words = {name: {**given, **described}.get(name, "") for name in form}
        if all(words.values()) and all(_alone(name, words[name], world) for name in words):
            return Instruction(step.skill, **words)
    return None


def sentence_for(step: Step, world: World) -> str:
    """What the policy is told for `step`: its canonical sentence, or one that names the thing more closely."""
    instruction = instruction_for(step, world)
    if instruction is not None:
        return instruction.sentence
    thing, onto = world.find(step.thing), world.find(step.onto)
    what = world.call(thing) if thing is not None else "it"
    place = step.place.replace("_", " ")
    return {
        "pick": f"pick up {what}",
        "place": f"put {what} in the {place}",
        "move": f"move {what} to {place}",
        "stack": f"stack {what} on {world.call(onto) if onto is not None else 'it'}",
        "push": f"push {what} to the {step.side}",
        "point": f"point at {what}",
        "sort": f"sort {what} by size",
    }[step.skill]


def _alone(slot: str, value: str, world: World) -> bool:
    """True when a box of that colour or size is the only one in sight; other words are never ambiguous."""
    if slot in ("colour", "onto"):
        return value in COLOURS and sum(one.colour == value for one in world.things if one.kind == "box") == 1
    if slot == "size":
        return value in SIZES and sum(one.size == value for one in world.things if one.kind == "box") == 1
    return True


def is_so(step: Step, world: World) -> bool:
    """What the step would bring about is so already."""
    if step.skill in ("open", "close"):
        drawer = world.of_kind("drawer")
        return drawer is not None and drawer.state == (OPEN if step.skill == "open" else CLOSED)
    thing = world.find(step.thing)
    if thing is None or step.skill not in ("place", "move", "sort") or world.hand_of(thing.name):
        return False
    return thing.place == (sorting_bin(thing) if step.skill == "sort" else step.place)


def _out_of_reach(thing: Thing, world: World) -> str:
    """Why the thing can't be taken or pushed."""
    if world.hand_of(thing.name):
        return ""
    if thing.place.endswith("_bin"):
        return f"I can't take {world.call(thing)} out of the {thing.place.replace('_', ' ')}."
    if above := world.on_top_of(thing.name):
        return f"{capital(world.call(above))} stands on {world.call(thing)}."
    return ""


def _hands_full(step: Step, world: World) -> str:
    """Something else is in the hands."""
    others = [name for name in world.held if name != step.thing]
    if not others:
        return ""
    held = world.find(others[0])
    return f"I hold {world.call(held) if held else _name(others[0])}: say first where it goes."


def _against_pick(step: Step, world: World) -> str:
    if world.hand_of(step.thing):
        return f"I hold {_called(step.thing, world)} already."
    return _hands_full(step, world)


def _against_place(step: Step, world: World) -> str:
    return _no_place(step, world, tuple(f"{side}_bin" for side in BINS)) or _hands_full(step, world)


def _against_move(step: Step, world: World) -> str:
    problem = _no_place(step, world, tuple(f"station_{letter}" for letter in STATIONS))
    return problem or _hands_full(step, world)


def _against_sort(step: Step, world: World) -> str:
    thing = world.find(step.thing)
    if world.assumed:
        return _hands_full(step, world)
    if thing is None or not thing.size:
        return f"I can't tell how large {_called(step.thing, world)} is."
    return _against_place(replace(step, place=sorting_bin(thing)), world)


def _against_stack(step: Step, world: World) -> str:
    thing, onto = world.find(step.thing), world.find(step.onto)
    if onto is None:
        return f"I can't see {_name(step.onto)}."
    lower = world.call(onto)
    if onto.kind != "box" or onto.name == step.thing:
        return f"I can only stack a box on another box, not on {lower}."
    if onto.place.endswith("_bin") or world.hand_of(onto.name):
        where = f"in the {onto.place.replace('_', ' ')}" if onto.place.endswith("_bin") else "in my hand"
        return f"I can't stack anything on {lower}: it is {where}."
    above = world.on_top_of(onto.name)
    if above is not None:
        return f"{capital(world.call(above))} stands on {lower} already."
    if thing is not None and (thing.size, onto.size) == ("large", "small"):
        return f"{capital(world.call(thing))} is too large to stand on {lower}."
    return _hands_full(step, world)


def _against_push(step: Step, world: World) -> str:
    if step.side not in SIDES:
        return "I can push a box to the left or to the right."
    if world.hand_of(step.thing):
        return f"I hold {_called(step.thing, world)}: to push it, it must stand on the bench."
    return _hands_full(step, world)


def _against_put_down(step: Step, world: World) -> str:
    if step.thing and step.thing not in world.held:
        return f"I don't hold {_called(step.thing, world)}."
    return "" if world.held or world.assumed else "I hold nothing that I could put down."


def _against_hand_over(step: Step, world: World) -> str:
    bar = world.of_kind("bar")
    if bar is None:
        return "I can't see a bar to hand over."
    if step.side not in SIDES:
        return "I can hand the bar over to my left or to my right hand."
    return _hands_full(replace(step, thing=bar.name), world)


def _against_drawer(step: Step, world: World) -> str:
    drawer, wanted = world.of_kind("drawer"), OPEN if step.skill == "open" else CLOSED
    if drawer is None:
        return "I can't see a drawer."
    return f"The drawer is {wanted} already." if drawer.state == wanted else _hands_full(step, world)


def _against_press(step: Step, world: World) -> str:
    return "" if world.of_kind("button") else "I can't see a button."


def _against_wave(step: Step, world: World) -> str:
    if step.side not in SIDES:
        return "I can wave with my left or my right hand."
    return f"My {step.side} hand is full." if getattr(world, step.side) else ""


_AGAINST: dict[str, Callable[[Step, World], str]] = {
    "pick": _against_pick,
    "place": _against_place,
    "move": _against_move,
    "sort": _against_sort,
    "stack": _against_stack,
    "push": _against_push,
    "put_down": _against_put_down,
    "hand_over": _against_hand_over,
    "open": _against_drawer,
    "close": _against_drawer,
    "press": _against_press,
    "wave": _against_wave,
}


def _no_place(step: Step, world: World, allowed: tuple[str, ...]) -> str:
    """The place is not one of this skill, not there, or the thing is in it already."""
    known = [place for place in allowed if place in world.places]
    called = [place.replace("_", " ") for place in known]
    if step.place not in known:
        return f"I know no place called {_name(step.place)!r} for that; there is {', '.join(called) or 'none here'}."
    thing = world.find(step.thing)
    if thing is not None and thing.place == step.place and not world.hand_of(thing.name):
        return f"{capital(world.call(thing))} is {there(step.place)} already."
    return ""


def _lifted(name: str, world: World) -> World:
    """The thing is in no hand and no place."""
    world = world.with_thing(name, place="")
    for side in SIDES:
        if getattr(world, side) == name:
            world = _held_in(side, "", world)
    return world


def _held_in(side: str, name: str, world: World) -> World:
    return replace(world, left=name) if side == "left" else replace(world, right=name)


def hand_for(name: str, world: World) -> str:
    """The hand that takes the thing: the one on its side."""
    thing = world.find(name)
    return "right" if thing is not None and world.across(thing) < 0.0 else "left"


def the(place: str) -> str:
    """A place as people say it: "the left bin", "station a"."""
    words = place.replace("_", " ")
    return words if words.startswith("station") else f"the {words}"


def there(place: str) -> str:
    """Where that is: "in the left bin", "at station a"."""
    return f"{'at' if place.startswith('station') else 'in'} {the(place)}"


def _called(name: str, world: World) -> str:
    thing = world.find(name)
    return world.call(thing) if thing is not None else _name(name)


def _name(name: str) -> str:
    return name.replace("_", " ") or "that"



def assumed_world(skills: Collection[str], held: str = "") -> World:
    """What is believed of the scene while nobody looks at it: a box of every colour, and what `skills` are about.

    `held`: the name of what is in a hand.
    """
    things = [Thing(f"box_{colour}", colour=colour) for colour in COLOURS]
    things += [Thing(kind, kind) for kind, skill in _NEEDS.items() if skill in skills]
    places = [f"{side}_bin" for side in BINS] + [f"station_{letter}" for letter in STATIONS if "move" in skills]
    return World(tuple(things), tuple(places), held, assumed=True)
