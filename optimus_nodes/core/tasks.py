"""When an instruction counts as done, judged from the simulator's truth. No policy ever reads this."""

from __future__ import annotations

import numpy as np

from .language import Instruction
from .values import Array, SceneObject, SceneState

LIFTED = 0.04  # m a box must have risen to count as picked up
HOME_TOLERANCE = 0.15  # rad, largest joint error that still counts as home


def instruction_done(
    instruction: Instruction, start: SceneState, now: SceneState, posture_error: Array | None = None
) -> bool:
    """True when `instruction`, given while the scene was `start`, is carried out in `now`.

    Args: posture_error: (N,) rad, distance of the arm joints from home; needed for "home" only.
    """
    if instruction.skill == "pick":
        before, after = (_box(state, instruction.colour) for state in (start, now))
        return after.held_by != "" and bool(after.position[2] > _resting_height(before) + LIFTED)
    if instruction.skill == "place":
        box = _box(now, instruction.colour)
        return box.place == f"{instruction.bin}_bin" and box.held_by == ""
    if instruction.skill == "put_down":
        held = [box.name for box in start.objects if box.kind == "box" and box.held_by]
        return bool(held) and all(_rests_on_bench(now.find(name)) for name in held)
    return posture_error is not None and bool(np.max(np.abs(posture_error)) < HOME_TOLERANCE)


def why_not_done(instruction: Instruction, now: SceneState) -> str:
    """A plain sentence that says what is wrong with the end of a failed task."""
    if instruction.skill == "home":
        return "the arms are not in the home position"
    if instruction.skill == "put_down":
        return "the box is not standing on the bench"
    box = _box(now, instruction.colour)
    if box.held_by:
        return f"{box.name} is still in the {box.held_by} hand"
    if box.place:
        return f"{box.name} is in {box.place}"
    x, y, z = box.position
    return f"{box.name} lies at x {x:.2f} y {y:.2f} z {z:.2f} m"


def what_was_done(start: SceneState, now: SceneState) -> list[tuple[str, str]]:
    """Every box that changed its place or was taken: (colour, bin, station, "left hand" or "bench")."""
    changes = []
    for box in now.objects:
        if box.kind != "box":
            continue
        before = start.find(box.name)
        where = f"{box.held_by} hand" if box.held_by else box.place or "bench"
        was = f"{before.held_by} hand" if before.held_by else before.place or "bench"
        if where != was:
            changes.append((box.colour, where))
    return changes


def _box(state: SceneState, colour: str) -> SceneObject:
    return state.find(f"box_{colour}")


def _resting_height(box: SceneObject) -> float:
    return float(box.position[2]) if not box.held_by else -np.inf


def _rests_on_bench(box: SceneObject) -> bool:
    return not box.held_by and not box.place.endswith("_bin") and box.place != "floor"
