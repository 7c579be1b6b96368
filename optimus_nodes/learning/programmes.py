"""What a person might ask for in a scene: programmes of demonstrations, balanced over all there is to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..core.language import BINS, COLOURS, Instruction
from ..core.robot import RobotSpec
from ..core.scene import SceneConfig, SceneDraw
from ..core.tasks_suite import BENCH_TASKS, candidates
from ..core.values import Array
from ..sim.expert import ExpertStyle

_ALOFT = {"elbow": (-0.5, 0.2), "shoulder_roll": (0.0, 0.6), "shoulder_pitch": (0.0, 0.6)}  # rad from home, upwards
# Shown beside all others, and once more each time it stands here: what takes most to learn. A drawer stands open in
# every second scene only.
_AGAIN = ("stack", "stack", "sort", "hand_over", "push", "pick_size", "close_drawer", "close_drawer")
_FOLLOWED = 0.35  # how often a second instruction follows the first
_SAME_BIN = 0.5  # how often then another box into the same bin follows a box
_ALOFT_SHARE = 0.2  # how often a task of the bench begins with the arms elsewhere


def draw_programme(
    rng: np.random.Generator,
    config: SceneConfig,
    draw: SceneDraw,
    number: int,
    tasks: Sequence[str] = (),
    able: Sequence[str] = (),
) -> list[Instruction]:
    """One or more instructions for the scene `draw`. On the bench, `number` after `number` begins with another task, of
    `tasks` where any are named and the scene allows one; what follows is of those the robot is `able` to do, () all.
    """
    return _of_boxes(rng) if config.bench is None else _of_bench(rng, config, draw, number, tasks, able)


def _of_boxes(rng: np.random.Generator) -> list[Instruction]:
    colour, bin_ = str(rng.choice(COLOURS)), str(rng.choice(BINS))
    other = str(rng.choice([c for c in COLOURS if c != colour]))
    kind = rng.random()
    if kind < 0.62:
        programme = [Instruction("place", colour, bin_)]
        if rng.random() < 0.3:
            programme.append(Instruction("place", other, str(rng.choice(BINS))))
        return programme
    if kind < 0.74:
        return [Instruction("pick", colour), Instruction("place", colour, bin_)]
    if kind < 0.90:
        return [Instruction("pick", colour), Instruction("put_down"), Instruction("place", other, bin_)][
            : rng.integers(2, 4)
        ]
    return [Instruction("home"), Instruction("pick", colour)]


def _of_bench(
    rng: np.random.Generator,
    config: SceneConfig,
    draw: SceneDraw,
    number: int,
    tasks: Sequence[str],
    able: Sequence[str],
) -> list[Instruction]:
    found, wanted = candidates(config, draw), tasks or (*BENCH_TASKS, *_AGAIN)
    names = [name for name in wanted if found[name]] or [name for name in BENCH_TASKS if found[name]]
    task = wanted[number % len(wanted)]
    first = _one_of(rng, found[task if found[task] else str(rng.choice(names))])
    if first.skill == "put_down":
        return [_one_of(rng, (*found["pick_colour"], *found["pick_size"])), first]
    follower = _follower(rng, found, draw, first, able) if rng.random() < _FOLLOWED else None
    return [first] if follower is None else [first, follower]


def _follower(
    rng: np.random.Generator,
    found: dict[str, tuple[Instruction, ...]],
    draw: SceneDraw,
    first: Instruction,
    able: Sequence[str],
) -> Instruction | None:
    """What may sensibly be asked once `first` is done; never the same again, which could not be told apart from it."""
    if first.skill == "hand_over":
        return None
    if first.skill == "pick":
        bin_ = str(rng.choice(BINS))
        return _one_of(rng, (Instruction("put_down"), replace(first, skill="place", bin=bin_)))
    touched = {first.colour, first.onto} | {box.colour for box in draw.boxes if box.size_word == first.size}
    tasks = ("pick_colour", "point", "place_left", "place_right", "wave", "press_button")
    if first.skill == "place" and rng.random() < _SAME_BIN:
        tasks = (f"place_{first.bin}",)
    tasks = tuple(task for task in tasks if not able or task in able)
    if not tasks:
        return None
    task = str(rng.choice(tasks))
    fitting = [one for one in found[task] if one != first and not one.size and one.colour not in touched - {""}]
    return _one_of(rng, fitting) if fitting else None


def _one_of(rng: np.random.Generator, some: list[Instruction] | tuple[Instruction, ...]) -> Instruction:
    return some[int(rng.integers(len(some)))]


def draw_style(rng: np.random.Generator) -> ExpertStyle:
    """How this demonstration is done."""
    base = ExpertStyle()
    return replace(
        base,
        speed=base.speed * float(rng.uniform(0.9, 1.1)),
        hover=base.hover + float(rng.uniform(-0.01, 0.01)),
        offset=(float(rng.normal(0.0, 0.002)), float(rng.normal(0.0, 0.002))),
    )


def start_posture(rng: np.random.Generator, robot: RobotSpec, config: SceneConfig, first: Instruction) -> Array:
    """Where the joints (J,) rad are when `first` is asked: near home, or with the arms elsewhere above the bench."""
    if first.skill == "home" or (config.bench is not None and rng.random() < _ALOFT_SHARE):
        return arms_aloft(robot, rng)
    arms, posture = robot.group("arms"), robot.home.copy()
    posture[arms] += 0.04 * rng.uniform(-1.0, 1.0, len(arms))
    return np.clip(posture, robot.lower, robot.upper)


def arms_aloft(robot: RobotSpec, rng: np.random.Generator) -> Array:
    """A posture (J,) rad with both arms somewhere above the bench, never through it: where "go home" is asked from."""
    arms = robot.group("arms")
    posture = robot.home.copy()
    posture[arms] += rng.uniform(-0.5, 0.5, len(arms))
    for joint, (low, high) in _ALOFT.items():
        pair = robot.index([f"left_{joint}_joint", f"right_{joint}_joint"])
        upwards = np.where(robot.upper[pair] >= -robot.lower[pair], 1.0, -1.0)  # an arm turns further up than down
        posture[pair] = robot.home[pair] + upwards * rng.uniform(low, high, 2)
    return np.clip(posture, robot.lower, robot.upper)
