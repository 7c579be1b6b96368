"""Whether a step has done what it should, by what is in sight afterwards, and what to do when it has not."""

from __future__ import annotations

from .language import SIDES
from .world import Step, Thing, World, after, sorting_bin, there, why_not

PUSHED_LEAST = 0.03  # m
VISIBLE = ("place", "move", "sort", "stack", "pick", "put_down", "hand_over", "open", "close", "push")


def missing(step: Step, before: World, seen: World) -> str:
    """What of `step`, begun in `before`, is not so in `seen`, in plain words; "" when it is done or can't be seen."""
    if seen.assumed or before.assumed:
        return ""
    if step.skill in ("place", "move", "sort", "stack"):
        place = {"stack": step.onto, "sort": sorting_bin(before.find(step.thing))}.get(step.skill, step.place)
        return _not_there(step.thing, place, before, seen)
    if step.skill == "pick":
        thing = seen.find(step.thing)
        held = seen.hand_of(step.thing) or ("unseen" if thing is None and seen.held else "")
        return "" if held else f"{_called(step.thing, before)} is not in my hand"
    if step.skill == "put_down":
        return f"{_called(seen.held[0], before)} is still in my hand" if seen.held else ""
    if step.skill == "hand_over":
        bar = seen.of_kind("bar")
        holder = seen.hand_of(bar.name) if bar is not None else ""
        return "" if holder == step.side else f"the bar is not in my {step.side} hand alone"
    if step.skill in ("open", "close"):
        wanted, drawer = after(step, before).of_kind("drawer"), seen.of_kind("drawer")
        same = drawer is None or wanted is None or not drawer.state or drawer.state == wanted.state
        return "" if same else f"the drawer is {drawer.state}"  # type: ignore[union-attr]
    if step.skill == "push":
        return _not_pushed(step, before, seen)
    return ""  # what is not VISIBLE: pointing, waving, pressing, going home


def mended(step: Step, seen: World) -> tuple[Step, ...]:
    """Steps that do what `step` should, beginning in `seen`; none when that is impossible."""
    for steps in ((step,), (Step("put_down"), step)):
        now, possible = seen, True
        for one in steps:
            possible = possible and not why_not(one, now)
            now = after(one, now) if possible else now
        if possible:
            return steps
    return ()


def _not_there(name: str, place: str, before: World, seen: World) -> str:
    thing = seen.find(name)
    if thing is None:
        return f"I can't see {_called(name, before)} any more"
    if seen.hand_of(name):
        return f"{_called(name, before)} is still in my hand"
    if _is_in(thing, place, seen):
        return ""
    upper = seen.find(place)
    return f"{_called(name, before)} is not {f'on {seen.call(upper)}' if upper is not None else there(place)}"


def _is_in(thing: Thing, place: str, world: World) -> bool:
    """True when the thing is there, or on something that is."""
    below: Thing | None = thing
    for _ in world.things:
        if below is None or below.place == place:
            break
        below = world.find(below.place)
    return below is not None and below.place == place


def _not_pushed(step: Step, before: World, seen: World) -> str:
    old, new = before.find(step.thing), seen.find(step.thing)
    if old is None or new is None or old.across is None or new.across is None or step.side not in SIDES:
        return ""
    way = (new.across - old.across) * (1.0 if step.side == "left" else -1.0)
    return "" if way >= PUSHED_LEAST else f"{_called(step.thing, before)} has not moved to the {step.side}"


def _called(name: str, world: World) -> str:
    thing = world.find(name)
    return world.call(thing) if thing is not None else name.replace("_", " ")
