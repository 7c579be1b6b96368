"""From what was meant to what is done: intents become steps that fit the things in sight, or something to say.

`ground` looks the descriptions up in the world and checks every step against what the steps before it will have made
of it. A description that fits several things becomes a question, one that fits none a refusal.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from .intent import NOTICE, SWAP, TOWER, Condition, Intent, Memory, Selector
from .language import COLOURS, SIDES, SIZES, SLOTS, other_side
from .saying import article, capital, listed
from .world import (
    ON_THING,
    Step,
    Thing,
    World,
    after,
    hand_for,
    is_so,
    sentence_for,
    skill_to,
    sorting_bin,
    there,
    why_not,
)

MAX_STEPS = 20
Gap = Literal["thing", "onto", "place", "side", "consent"]
_BRINGING = ("place", "move", "stack", "sort")  # skills that begin with picking the thing up


@dataclass(frozen=True, slots=True)
class Grounded:
    """What became of intents: steps that fit the world, or what to say instead.

    A question is about intent number `at`, which lacks `gap`; `candidates` are the names of the things on offer.
    `memory`: what was spoken of last. `skipped`: plain sentences about what there was no need to do.
    """

    status: Literal["plan", "question", "answer", "refused"]
    say: str = ""
    steps: tuple[Step, ...] = ()
    memory: Memory = field(default_factory=Memory)
    skipped: tuple[str, ...] = ()
    at: int = 0
    gap: Gap = "thing"
    candidates: tuple[str, ...] = ()


class _Refused(Exception):
    """Leaves `ground` with the reason why it can't be done."""


class _Question(Exception):
    """Leaves `ground` with a question about what is missing."""

    def __init__(self, say: str, gap: Gap, found: Sequence[Thing] = ()) -> None:
        super().__init__(say)
        self.gap, self.candidates = gap, tuple(thing.name for thing in found)


def ground(
    intents: Sequence[Intent],
    world: World,
    memory: Memory = Memory(),
    skills: Collection[str] = tuple(SLOTS),
    most: int = MAX_STEPS,
) -> Grounded:
    """Turn `intents` into steps that can be done one after the other, beginning in `world`. At most `most` of them.

    `skills`: those of the policy in use; others are refused.
    """
    steps: list[Step] = []
    skipped: list[str] = []
    needless: list[str] = []
    now, number = world, 0
    memory = replace(memory, intents=tuple(intents))
    try:
        for number, intent in enumerate(intents):
            if intent.condition is not None:
                if not intent.condition.holds(now):
                    skipped.append(_skipped(intent.condition))
                    continue
                memory = intent.condition.seen(now, memory)
            following = intents[number + 1] if number + 1 < len(intents) else None
            if intent.skill == NOTICE:
                memory = _noticed(intent, now, memory)
                continue
            wanted = _steps(intent, now, memory, skipped)
            named = tuple(step.thing for step in wanted if step.thing)
            memory = replace(memory, last=named, just=True) if named else memory
            if intent.instead and intent.skill == "pick" and now.held and now.held[0] not in named:
                wanted.insert(0, Step("put_down"))  # the wrong one is in the hand
            for step in wanted:
                if _is_part_of(step, following) or (step.skill == "pick" and now.hand_of(step.thing) and steps):
                    continue  # bringing a box somewhere begins with picking it up; "lift it and hold it" is one thing
                if problem := why_not(step, now):
                    if not is_so(step, now):
                        raise _Refused(problem)
                    needless.append(problem)
                    continue
                if step.skill not in skills:
                    raise _Refused(f"I have not learned to {sentence_for(step, now)}.")
                steps.append(step)
                now = after(step, now)
                if len(steps) > most:
                    raise _Refused(f"That is too much at once: I take at most {most} steps.")
    except _Refused as refused:
        return Grounded("refused", str(refused), memory=memory)
    except _Question as asked:
        memory = _spoken_of(intents[number], now, memory, asked.gap)
        return Grounded("question", str(asked), memory=memory, at=number, gap=asked.gap, candidates=asked.candidates)
    if needless and not steps:
        return Grounded("refused", needless[0], memory=memory)
    skipped += needless
    if not steps:
        return Grounded("answer", " ".join(skipped) or "There is nothing to do.", memory=memory, skipped=tuple(skipped))
    return Grounded("plan", "", tuple(steps), memory, tuple(skipped))


def _noticed(intent: Intent, world: World, memory: Memory) -> Memory:
    """What "it" means after something was only spoken of."""
    if intent.what is None:
        return memory
    return replace(memory, last=tuple(thing.name for thing in _resolve(intent.what, world, memory, intent)), just=True)


def _spoken_of(intent: Intent, world: World, memory: Memory, gap: Gap) -> Memory:
    """What "it" means after a question that was not about which thing."""
    if gap == "thing" or intent.what is None:
        return memory
    try:
        return replace(memory, last=tuple(thing.name for thing in _resolve(intent.what, world, memory, intent)))
    except (_Question, _Refused):
        return memory


def _steps(intent: Intent, world: World, memory: Memory, skipped: list[str]) -> list[Step]:
    """The steps of one intent."""
    if intent.skill == "put_down":
        things = _resolve(intent.what, world, memory, intent) if intent.what is not None else []
        return [Step("put_down", things[0].name if things else "")]
    if intent.skill == "stack" and intent.onto is None:
        raise _Question("On which box?", "onto")
    if intent.skill == "push" and not intent.side:
        raise _Question("To which side, left or right?", "side")
    if intent.skill in SLOTS and intent.skill not in ON_THING:
        return [Step(intent.skill, side=_a_side(intent, world))]
    if intent.skill == TOWER:
        wanted = [one for one in (intent.what, *intent.others) if one is not None]
        return _tower([thing for one in wanted for thing in _resolve(one, world, memory, intent)])
    things = _resolve(intent.what or Selector(refers="it"), world, memory, intent)
    if intent.skill == SWAP:
        return _swap(things, [thing for one in intent.others for thing in _resolve(one, world, memory, intent)], world)
    if intent.with_ is not None:
        others = [one for one in world.things if intent.with_.fits(one) and one not in things]
        there = others if len(others) == 1 else _resolve(intent.with_, world, memory, intent, "onto")
        intent = _to_the_place_of(there[0], intent, world)
    if intent.skill not in ON_THING:
        raise _Question("Which bin, left or right?", "place")
    selector = intent.what
    if selector is not None and selector.count != 1:
        done = [thing for thing in things if _is_done(intent, thing)]
        things = [thing for thing in things if thing not in done]
        if not things:
            skipped.append(f"All {selector.words} are there already.")
    steps: list[Step] = []
    for thing in things:
        onto = _lower(intent.onto, thing, steps, world, memory, intent) if intent.onto is not None else ""
        if intent.skill != "push":
            _check_hand(intent.side, thing, world)
        side = intent.side if intent.skill == "push" else ""
        steps.append(Step(intent.skill, thing.name, intent.place, onto, side))
    return steps


def _lower(
    selector: Selector, thing: Thing, before: Sequence[Step], world: World, memory: Memory, intent: Intent
) -> str:
    """What `thing` is stacked on: several things go on top of each other."""
    if selector.same_colour:
        selector = replace(selector, colour=thing.colour)
    elif before:
        return before[-1].thing
    fitting = [one for one in world.things if selector.fits(one) and one.name != thing.name]
    alike = [one for one in fitting if one.colour == thing.colour]
    if not selector.refers and len(fitting) > 1 and len(alike) == 1:
        return alike[0].name  # "the small red box on the large one"
    group = _resolve(selector, world, memory, intent, "onto")
    return next((one.name for one in group if world.on_top_of(one.name) is None), group[0].name)


def _tower(things: Sequence[Thing]) -> list[Step]:
    """Each on the one before, large ones below."""
    ordered = sorted(things, key=lambda thing: thing.size == "small")
    return [Step("stack", upper.name, onto=lower.name) for lower, upper in pairwise(ordered)]


def _swap(one: Sequence[Thing], other: Sequence[Thing], world: World) -> list[Step]:
    """Two things change places."""
    if len(one) == 2 and not other:
        one, other = one[:1], one[1:]
    if len(one) != 1 or len(other) != 1:
        raise _Refused("I can swap two boxes: name both.")
    places = (one[0].place, other[0].place)
    if not all(place in world.places for place in places) or places[0] == places[1]:
        raise _Refused(f"{capital(world.call(one[0]))} and {world.call(other[0])} have no places that I could swap.")
    return [_bring(one[0], places[1]), _bring(other[0], places[0])]


def _bring(thing: Thing, place: str) -> Step:
    return Step(skill_to(place), thing.name, place)


def _to_the_place_of(thing: Thing, intent: Intent, world: World) -> Intent:
    """ "Where the red box is", "in the bin with the red box"."""
    if thing.place not in world.places:
        raise _Refused(f"{capital(world.call(thing))} is in no place that I know by a name.")
    return replace(intent, skill=skill_to(thing.place), place=thing.place)



def _a_side(intent: Intent, world: World) -> str:
    """The hand that is meant, also when none was named, or "the other one"."""
    skill = intent.skill
    if intent.side in SIDES:
        return intent.side
    if skill == "wave":
        return next((side for side in ("right", "left") if not getattr(world, side)), "right")
    bar = world.of_kind("bar")
    holder = world.hand_of(bar.name) if bar is not None else ""
    if skill == "hand_over" and holder in SIDES:
        return other_side(holder)
    if skill == "hand_over" and intent.side == "other":
        return "left"
    if skill == "hand_over":
        raise _Question("To which hand, the left or the right one?", "side")
    return ""


def _check_hand(side: str, thing: Thing, world: World) -> None:
    """A hand that was named must be the one that takes the thing anyway."""
    mine = world.hand_of(thing.name) or hand_for(thing.name, world)
    if side and side != mine and not world.assumed:
        raise _Refused(f"I take {world.call(thing)} with my {mine} hand, which is nearer.")


def _resolve(selector: Selector, world: World, memory: Memory, intent: Intent, gap: Gap = "thing") -> list[Thing]:
    """The things that are meant. Raises _Refused when there is none, _Question when it is not clear which."""
    if world.assumed:  # nobody knows where things are, or how large
        selector = replace(selector, place="", size="", order="", without=())
    found = [thing for thing in world.things if selector.fits(thing)]
    if selector.refers == "held":
        found = [thing for thing in found if world.hand_of(thing.name)]
        if not found:
            raise _Refused("I hold nothing.")
    elif selector.refers == "it":
        spoken = world.find(memory.it) or next((world.find(name) for name in world.held), None)
        if spoken is None:
            boxes = _boxes(world)
            raise _Question(_which(Selector(), boxes), gap, boxes)
        return [spoken]
    elif selector.refers == "them":
        group = [thing for name in memory.last if (thing := world.find(name)) is not None]
        if not group:
            raise _Question("Which ones do you mean?", gap, _boxes(world))
        return group
    elif selector.refers == "rest":
        found = [thing for thing in found if thing.name not in memory.last and not thing.place.endswith("_bin")]
    elif selector.refers == "other":
        found = _others(selector, found, world, memory)
    if selector.beside is not None:
        near_ = _resolve(selector.beside, world, memory, intent, gap)[0]
        found = [thing for thing in found if thing.name != near_.name and thing.place == near_.place != ""]
    if selector.level:
        found = [thing for thing in found if bool(world.on_top_of(thing.name)) == (selector.level == "bottom")]
        if selector.level == "top":
            found = [thing for thing in found if world.find(thing.place) is not None]
    if not found:
        raise _Refused(_none(selector, world))
    if selector.order:
        sign = 1.0 if selector.order == "left" else -1.0
        found.sort(key=lambda thing: -sign * world.across(thing))
        furthest = [thing for thing in found if world.across(thing) == world.across(found[0])]
        found = furthest if selector.count == 1 else [one for one in found if sign * world.across(one) > 0.0]
    if selector.count == 0:
        return found
    if selector.count > 1:
        if len(found) < selector.count:
            raise _Refused(f"I can see only {len(found)} {replace(selector, count=len(found)).words}.")
        if len(found) > selector.count and not selector.any:
            raise _Question(_which(selector, found), gap, found)
        return found[: selector.count]
    if len(found) > 1 and selector.any:
        found.sort(key=lambda thing: bool(why_not(Step(intent.skill, thing.name, intent.place), world)))
        return found[:1]
    if len(found) > 1:
        near = [thing for thing in found if world.hand_of(thing.name) or (memory.just and thing.name in memory.last)]
        if len(near) == 1:
            return near
        raise _Question(_which(selector, found), gap, found)
    return found


def _boxes(world: World) -> list[Thing]:
    """All there are to ask about. Raises _Refused when there is none."""
    boxes = [thing for thing in world.things if thing.kind == "box"]
    if not boxes:
        raise _Refused("I can't see a box.")
    return boxes


def _others(selector: Selector, found: list[Thing], world: World, memory: Memory) -> list[Thing]:
    """Things that were not spoken of last; like those that were, where nothing more is said."""
    left = [thing for thing in found if thing.name not in memory.last]
    spoken = world.find(memory.it)
    if spoken is None or selector.colour or selector.size or selector.count == 0:
        return left
    alike = [thing for thing in left if thing.kind == spoken.kind and thing.colour == spoken.colour]
    return alike or left


def _is_done(intent: Intent, thing: Thing) -> bool:
    """The thing is where the intent wants it."""
    if intent.skill == "sort":
        return thing.place == sorting_bin(thing)
    return intent.skill in ("place", "move") and thing.place == intent.place


def _is_part_of(step: Step, following: Intent | None) -> bool:
    """A pick that the next intent would do anyway: "pick it up and put it in the left bin"."""
    if step.skill != "pick" or following is None or following.skill not in _BRINGING or following.condition is not None:
        return False
    return following.what is None or following.what.refers in ("it", "held")


def _none(selector: Selector, world: World) -> str:
    """That nothing fits, and what there is instead."""
    some = "any" if selector.count != 1 else "another" if selector.refers == "other" else article(selector.words)
    lead = f"I can't see {some} {selector.words}."
    known = {thing.colour: None for thing in world.things if thing.kind == selector.kind and thing.colour}
    if selector.colour and known and selector.colour not in known:
        return f"{lead} I can see {listed(list(known), 'and')} ones."
    return lead


def _which(selector: Selector, found: Sequence[Thing]) -> str:
    """The question that tells those apart that fit."""
    what = replace(selector, count=1).words
    for name, order in (("size", SIZES), ("colour", COLOURS)):
        values = {getattr(thing, name): None for thing in found}
        if len(values) > 1 and all(values):
            words = sorted(values, key=lambda value: order.index(value) if value in order else len(order))
            if name == "size":
                return f"Which {what}, the {listed(words, 'or the')} one?"
            return f"Which {what}: {listed(words, 'or')}?"
    places = list(dict.fromkeys(thing.place for thing in found))
    if len(places) > 1 and all(places):
        return f"Which {what}: the one {listed([there(place) for place in places], 'or the one')}?"
    return f"Which {what}, the one on the left or the one on the right?"


def _skipped(condition: Condition) -> str:
    """Why something is left out."""
    what = condition.what
    if condition.state:
        is_ = f"is{'' if condition.negated else ' not'} {condition.state}"
        return f"The {what.words} {is_}, so I leave that out."
    there = "There is" if condition.negated else "I can't see"
    return f"{there} {article(what.words)} {replace(what, count=1).words}, so I leave that out."

