"""Words that are no sentence of their own: what they fill in of what was said, or asked, before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..core.intent import PUT, SHIFT, Intent, Selector
from ..core.language import SLOTS
from ..core.planner import Pending, PlanContext
from ..core.world import World
from .cursor import Unclear
from .phrases import Place

_BRINGING = (PUT, SHIFT, "place", "move")


@dataclass(frozen=True, slots=True)
class Fragment:
    """What such words name. `either`: it does not matter; `again`: also; `correcting`: instead of what was said."""

    things: tuple[Selector, ...] = ()
    place: Place | None = None
    either: bool = False
    again: bool = False
    correcting: bool = False

    @property
    def side(self) -> str:
        """ "left" or "right" where one of them was said: "left", "the right one"."""
        if self.place is not None and self.place.value in ("left", "right"):
            return self.place.value
        bare = len(self.things) == 1 and not self.things[0].colour and not self.things[0].size
        return self.things[0].order if bare else ""


def fill(intent: Intent, place: Place, before: Sequence[Intent] = (), skills: Collection[str] = tuple(SLOTS)) -> Intent:
    """The intent once its place is known. `before`: intents that "the other bin" looks back to."""
    if place.kind == "hand" and intent.what is not None and intent.what.kind == "box":
        return replace(intent, skill="pick", side=place.value)
    if place.kind == "hand":
        return Intent("hand_over", side=place.value)
    if place.value == "size":
        return replace(intent, skill="sort", side="")
    if place.kind == "bench":
        return Intent("put_down", intent.what, condition=intent.condition)
    if place.kind == "thing":
        return replace(intent, skill="stack", onto=place.what)
    if place.kind == "with":
        return replace(intent, with_=place.what, side="")
    if place.value in ("same", "other"):
        earlier = next((one.place for one in reversed(before) if one.place), "")
        place = _elsewhere(place.value, earlier)
    if place.kind == "side":
        if intent.skill in (SHIFT, "push") and "push" in skills:
            return replace(intent, skill="push", side=place.value)
        place = Place("bin", place.value)
    if not place.name:
        return replace(intent, skill=PUT, side="")
    return replace(intent, skill="place" if place.kind == "bin" else "move", place=place.name, side="")


def refill(fragment: Fragment, context: PlanContext, skills: Collection[str]) -> tuple[Intent, ...]:
    """The intents of the question that waits, with the gap filled. Raises Unclear where the words fill none."""
    waiting = context.pending
    if waiting is None:
        return _without_question(fragment, context, skills)
    intent = waiting.intents[waiting.at]
    before = waiting.intents[: waiting.at]
    if waiting.gap == "thing" and fragment.things:
        place = fragment.place
        if place is not None and place.name and (intent.place or intent.skill not in _BRINGING):
            # it says which one is meant, not where to
            fragment = replace(fragment, things=tuple(replace(one, place=place.name) for one in fragment.things))
        filled = _chosen(fragment, waiting, context.world, intent)
        if fragment.place is not None and not intent.place and intent.skill in _BRINGING:
            filled = [fill(one, fragment.place, before, skills) for one in filled]
    elif waiting.gap == "thing" and fragment.either:
        filled = [replace(intent, what=Selector(kind="", name=waiting.candidates[0]))]
    elif waiting.gap == "onto" and (onto := _onto(fragment)) is not None:
        filled = [replace(intent, onto=onto)]
    elif waiting.gap == "side" and (fragment.side or fragment.either):
        filled = [replace(intent, side=fragment.side or "left")]
    elif waiting.gap == "place" and (fragment.place is not None or fragment.side or fragment.either):
        place = fragment.place or Place("bin", fragment.side or "left")
        filled = [fill(intent, place, before, skills)]
    elif fragment.things:  # another thing than the one that was asked about
        filled = [replace(intent, what=thing) for thing in fragment.things]
    else:
        raise Unclear("That does not answer my question.", "question")
    return (*before, *filled, *waiting.intents[waiting.at + 1 :])


def _without_question(fragment: Fragment, context: PlanContext, skills: Collection[str]) -> tuple[Intent, ...]:
    """A thing, or a place, that changes what was said before, goes on with it, or comes out of nowhere."""
    before = context.memory.intents
    if before and (fragment.correcting or fragment.again):
        things, place = (fragment.things or (before[-1].what,)), fragment.place
        if place is not None and place.kind == "thing" and not fragment.things:
            things, place = (place.what,), None
        again = [replace(before[-1], what=thing, condition=None) for thing in things]
        filled = tuple(fill(one, place, before, skills) if place is not None else one for one in again)
        wrong = fragment.correcting and before[-1].skill == "pick" and bool(context.world.held)
        return (Intent("put_down"), *filled) if wrong else filled  # the wrong one is in the hand
    if fragment.things and fragment.place is not None:
        brought = bool(before) and before[-1].skill in ("place", "move")
        skill = PUT if brought else SHIFT
        return tuple(fill(Intent(skill, thing), fragment.place, (), skills) for thing in fragment.things)
    what = fragment.things[0].words if fragment.things else ""
    named = tuple(thing.name for thing in context.world.things if fragment.things and fragment.things[0].fits(thing))
    about = named if len(named) == 1 else ()
    raise Unclear(f"What should I do with {f'the {what}' if what else 'that'}?", "question", about)


def _onto(fragment: Fragment) -> Selector | None:
    if fragment.place is not None and fragment.place.kind == "thing":
        return fragment.place.what
    return fragment.things[0] if fragment.things else None


def _chosen(fragment: Fragment, waiting: Pending, world: World, intent: Intent) -> list[Intent]:
    """The things on offer that the answer names: one, or all of them where it says so."""
    offered = [thing for name in waiting.candidates if (thing := world.find(name)) is not None]
    filled: list[Intent] = []
    for said in fragment.things:
        if said.refers == "other":
            said = replace(said, refers="")
        fitting = [thing for thing in offered if replace(said, kind="").fits(thing)]
        if said.order and fitting:
            sign = 1.0 if said.order == "left" else -1.0
            fitting = [max(fitting, key=lambda thing: sign * world.across(thing))]
        if not fitting:
            if any(said.fits(thing) for thing in world.things):
                fitting = [thing for thing in world.things if said.fits(thing)]
            else:
                raise Unclear(f"I can't see a {said.words}.")
        several = said.count == 0 or said.refers == "them"
        if len(fitting) > 1 and not several:
            filled.append(replace(intent, what=replace(said, kind="box")))
            continue
        filled += [replace(intent, what=Selector(kind="", name=thing.name)) for thing in fitting]
    return filled


def _elsewhere(which: str, earlier: str) -> Place:
    """The same place as `earlier`, or the other one of its kind."""
    kind, _, value = earlier.rpartition("_") if earlier.startswith("station") else ("bin", "", earlier.split("_")[0])
    pairs = {"left": "right", "right": "left", "a": "b", "b": "a"}
    value = value if which == "same" else pairs.get(value, "")
    return Place("station" if kind == "station" else "bin", value)
