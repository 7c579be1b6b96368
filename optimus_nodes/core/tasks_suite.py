"""The 17 tasks of the suite `bench`, and which instructions make sense in a scene."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from .bench_scene import handle_way
from .errors import ConfigError
from .language import BINS, COLOURS, SIDES, SIZES, SLOTS, STATIONS, Instruction
from .scene import SceneConfig, SceneDraw
from .scene_parts import BoxPlacement, Region

BENCH_TASKS: dict[str, dict[str, str]] = {  # task: its skill and the words that make it this task
    "pick_colour": {"skill": "pick"},
    "pick_size": {"skill": "pick"},
    "place_left": {"skill": "place", "bin": "left"},
    "place_right": {"skill": "place", "bin": "right"},
    "move_a_to_b": {"skill": "move", "station": "b"},
    "move_b_to_a": {"skill": "move", "station": "a"},
    "stack": {"skill": "stack"},
    "push": {"skill": "push"},
    "hand_over": {"skill": "hand_over"},
    "put_down": {"skill": "put_down"},
    "point": {"skill": "point"},
    "press_button": {"skill": "press"},
    "open_drawer": {"skill": "open"},
    "close_drawer": {"skill": "close"},
    "sort": {"skill": "sort"},
    "wave": {"skill": "wave"},
    "home": {"skill": "home"},
}
PUSH_WAY = 0.10  # m of free way in front of a box that is to be pushed
PUSH_HAND = 0.08  # m of room for the hand behind it
PUSH_ROOM = 0.075  # m to the middle of other things on both sides of the way
PUSH_REACH = 0.43  # m, the furthest y of hand and box
_VALUES = {"colour": COLOURS, "bin": BINS, "size": SIZES, "station": STATIONS, "onto": COLOURS, "side": SIDES}


def every_instruction() -> Iterator[Instruction]:
    """Every instruction there is, in the order of SLOTS."""
    for skill, forms in SLOTS.items():
        for form in forms:
            for words in product(*(_VALUES[name] for name in form)):
                given = dict(zip(form, words))
                if given.get("onto") != given.get("colour", ""):
                    yield Instruction(skill, **given)


def task_of(instruction: Instruction) -> str:
    """The task of the suite that `instruction` belongs to."""
    if instruction.skill == "pick":
        return "pick_size" if instruction.size else "pick_colour"
    for name, fixed in BENCH_TASKS.items():
        if all(getattr(instruction, word) == value for word, value in fixed.items()):
            return name
    raise ConfigError(f"{instruction} belongs to no task; the tasks are {', '.join(BENCH_TASKS)}")


def candidates(config: SceneConfig, draw: SceneDraw) -> dict[str, tuple[Instruction, ...]]:
    """By task, what a person might sensibly ask in this scene; a task that makes no sense in it has none.

    "put_down" needs a box in a hand first, "home" arms that are elsewhere; both are always listed.
    """
    words = [box.size_word for box in draw.boxes]
    sizes = [word for word in SIZES if words.count(word) == 1]
    found = {
        "pick_colour": [Instruction("pick", colour) for colour in COLOURS],
        "pick_size": [Instruction("pick", size=word) for word in sizes],
        "home": [Instruction("home")],
        "put_down": [Instruction("put_down")],
    }
    for bin_ in BINS:
        odd = [Instruction("place", bin=bin_, size=word) for word in sizes]
        found[f"place_{bin_}"] = [Instruction("place", colour, bin_) for colour in COLOURS] + odd
    if draw.bench is not None:
        on = {station: [box for box in draw.boxes if _stands_on(config, station, box)] for station in STATIONS}
        opened = draw.bench.drawer_open > 0.0
        found |= {
            "move_a_to_b": [Instruction("move", box.colour, station="b") for box in on["a"]],
            "move_b_to_a": [Instruction("move", box.colour, station="a") for box in on["b"]],
            "stack": [
                Instruction("stack", upper.colour, onto=lower.colour)
                for boxes in on.values()
                for upper, lower in product(boxes, boxes)
                if upper is not lower and upper.edges[0] <= lower.edges[0]
            ],
            "push": [
                Instruction("push", box.colour, side=side)
                for box, side in product(draw.boxes, SIDES)
                if _can_be_pushed(config, draw, box, 1.0 if side == "left" else -1.0)
            ],
            "hand_over": [Instruction("hand_over", side=side) for side in SIDES],
            "point": [Instruction("point", colour) for colour in COLOURS],
            "press_button": [Instruction("press")],
            "open_drawer": [] if opened else [Instruction("open")],
            "close_drawer": [Instruction("close")] if opened else [],
            "sort": [Instruction("sort", colour) for colour in COLOURS],
            "wave": [Instruction("wave", side=side) for side in SIDES],
        }
    return {name: tuple(found.get(name, ())) for name in BENCH_TASKS}


def _stands_on(config: SceneConfig, station: str, box: BoxPlacement) -> bool:
    region = next(region for region in config.stations if region.name == f"station_{station}")
    return region.contains(float(box.position[0]), float(box.position[1]))


def _can_be_pushed(config: SceneConfig, draw: SceneDraw, box: BoxPlacement, sign: float) -> bool:
    """True when box and hand have room along y: nothing near the way, which ends within reach."""
    assert config.bench is not None and draw.bench is not None
    x, y = float(box.position[0]), float(box.position[1])
    ends = (y - sign * (box.edges[1] / 2 + PUSH_HAND), y + sign * PUSH_WAY)
    if max(abs(end) for end in ends) > PUSH_REACH:
        return False
    way = Region("way", (x, sum(ends) / 2), (float(box.edges[0]), abs(ends[1] - ends[0])))
    others = [b.position for b in draw.boxes if b is not box] + [d.position for d in draw.bench.distractors]
    others.append(draw.bench.button)
    if any(way.distance(float(p[0]), float(p[1])) < PUSH_ROOM - box.edges[0] / 2 for p in others):
        return False
    bar = Region("bar", (float(draw.bench.bar[0]), float(draw.bench.bar[1])), config.bench.bar_edges[:2])
    walls = (*config.bins, handle_way(config.bench, draw.bench.drawer), bar)
    return all(_apart(way, wall) >= 0.02 for wall in walls)


def _apart(one: Region, other: Region) -> float:
    """How far two regions are from each other along x or y, whichever is more, m; below 0 where they overlap."""
    gaps = (
        abs(a - b) - (e + f) / 2 for a, b, e, f in zip(one.centre, other.centre, one.edges, other.edges, strict=True)
    )
    return float(np.max(list(gaps)))
