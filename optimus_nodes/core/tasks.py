"""When an instruction counts as done, judged from the simulator's truth. No policy ever reads this.

`TaskJudge` follows an episode and knows what happened on the way; `instruction_done` compares start and end only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .errors import ConfigError
from .language import Instruction, other_side
from .tasks_body import Body, WaveCounter
from .values import Array, SceneObject, SceneState

LIFTED = 0.04  # m a box must have risen to count as picked up
HOME_TOLERANCE = 0.15  # rad, largest joint error that still counts as home
PUSHED = 0.05  # m a pushed box must have gone to its side
UNTOUCHED = 0.02  # m a box may have moved that must not be touched, or risen that must not be lifted
POINTED = 0.12  # m from the index fingertip to the middle of a box's top
CLEARLY = 0.04  # m by which another box must be further from the fingertip
DRAWER_OPEN, DRAWER_CLOSED = 0.08, 0.02  # m
STACK_GAP = 0.015  # m between a box and the one it rests on
UPRIGHT = 0.94  # cosine of the largest tilt of a box that still stands
SWINGS = 2  # times there and back that count as waving
DROPPED = 0.04  # m that a box may fall and still count as put down
COLLATERAL = 0.10  # m that a thing the instruction does not speak of may be moved

Reason = Callable[[Instruction, SceneState, SceneState, Body], str]


def instruction_done(
    instruction: Instruction,
    start: SceneState,
    now: SceneState,
    posture_error: Array | None = None,
    body: Body | None = None,
) -> bool:
    """True when `instruction`, given while the scene was `start`, is carried out in `now`.

    Args: posture_error: (N,) rad, distance of the arm joints from home; "home" needs it, or `body`, which "point" needs
    as well. "wave" takes a `TaskJudge`: it is never done here.
    """
    body = body or Body(posture_error=posture_error)
    return _ENDS[instruction.skill](instruction, start, now, body) == ""


def why_not_done(
    instruction: Instruction, now: SceneState, start: SceneState | None = None, body: Body | None = None
) -> str:
    """A plain sentence that says what is wrong with the end of a failed task."""
    return _ENDS[instruction.skill](instruction, start or now, now, body or Body())


class TaskJudge:
    """Follows one instruction from the scene `start` on; `see` it every frame, then ask.

    In the scene `bench` a task also fails when something it does not speak of was moved or fell.
    """

    def __init__(self, instruction: Instruction, start: SceneState) -> None:
        self.instruction, self.start = instruction, start
        self._now, self._body = start, Body()
        self._named = named_things(instruction, start)
        self._bystanders = [o.name for o in start.objects if _is_loose(o) and o.name not in self._named]
        self._on_bench = any(o.kind == "bar" for o in start.objects)
        hands = ("left", "right") if instruction.skill == "wave" else ()
        self._waves = {side: WaveCounter() for side in hands}
        self._rise = 0.0
        self._held: dict[str, float] = {}
        self._given = False

    def see(self, now: SceneState, body: Body) -> None:
        """The truth of one frame."""
        self._now, self._body = now, body
        if self.instruction.skill == "push":
            box, before = (named_box(self.instruction, self.start, state) for state in (now, self.start))
            self._rise = max(self._rise, float(box.position[2] - before.position[2]))
        if self.instruction.skill == "put_down":
            self._held |= {o.name: float(o.position[2]) for o in now.objects if o.held_by}
        if self.instruction.skill == "hand_over":
            self._given |= now.find("bar").held_by in ("both", other_side(self.instruction.side))
        for side, wave in self._waves.items():
            wave.see(side, body)

    def done(self) -> bool:
        """True when the task is done as things are now."""
        return self.why_not() == ""

    def why_not(self) -> str:
        """What is wrong, as a plain sentence; "" when the task is done."""
        return self._broken() or self._on_the_way() or self.collateral()

    def happened(self) -> bool:
        """True when it was done, whatever else was moved."""
        return self._on_the_way() == ""

    def _broken(self) -> str:
        """What broke meanwhile."""
        boxes = [thing for thing in self._now.objects if thing.kind == "box" and thing.state]
        return next((f"{thing.name} broke" for thing in boxes if not self.start.find(thing.name).state), "")

    def collateral(self) -> str:
        """What was moved or lost that the instruction does not speak of; "" when nothing was."""
        if not self._on_bench:
            return ""
        for thing in self._now.objects:
            if _is_loose(thing) and thing.place == "floor":
                return f"{thing.name} fell off the bench"
            if thing.name in self._bystanders:
                moved = float(np.linalg.norm(thing.position - self.start.find(thing.name).position))
                if moved > COLLATERAL:
                    return f"{thing.name}, which was not asked for, was moved by {100 * moved:.0f} cm"
        return ""

    def _on_the_way(self) -> str:
        what = self.instruction
        if what.skill == "wave":
            return _why_not_waved(what.side, self._waves)
        wrong = _ENDS[what.skill](what, self.start, self._now, self._body)
        if not wrong and what.skill == "put_down" and self._on_bench:
            fall = max((z - float(self._now.find(name).position[2]) for name, z in self._held.items()), default=0.0)
            return f"the box was dropped from {100 * fall:.0f} cm" if fall > DROPPED else ""
        if not wrong and self._rise > UNTOUCHED:
            return f"box_{what.colour} was lifted by {100 * self._rise:.0f} cm instead of pushed"
        if not wrong and what.skill == "hand_over" and not self._given:
            return f"the {other_side(what.side)} hand never held the bar"
        return wrong


def named_box(instruction: Instruction, start: SceneState, now: SceneState) -> SceneObject:
    """The box an instruction speaks of, as it is `now`. Raises ConfigError when the words fit no box, or several."""
    if instruction.colour:
        return now.find(f"box_{instruction.colour}")
    fitting = [o.name for o in start.objects if o.kind == "box" and o.size_word == instruction.size]
    if len(fitting) != 1:
        raise ConfigError(
            f"the {instruction.size} box means the only one of its size, but scene {start.seed} has {len(fitting)}; "
            'name a colour, or use the scene "bench"'
        )
    return now.find(fitting[0])


def named_things(instruction: Instruction, start: SceneState) -> set[str]:
    """Everything loose that may move: what the instruction names, and what was in a hand when it was given."""
    names = {o.name for o in start.objects if o.held_by}
    if instruction.colour or instruction.size:
        names.add(named_box(instruction, start, start).name)
    if instruction.onto:
        names.add(f"box_{instruction.onto}")
    if instruction.skill == "hand_over":
        names.add("bar")
    return names


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


def _pick(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    before, after = (named_box(what, start, state) for state in (start, now))
    if not after.held_by:
        return _where(after)
    lifted = bool(after.position[2] > _resting_height(before) + LIFTED)
    return "" if lifted else f"{after.name} is in the {after.held_by} hand, but not lifted"


def _place(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    return _lies_in(f"{what.bin}_bin", named_box(what, start, now))


def _sort(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    box = named_box(what, start, now)
    return _lies_in("left_bin" if box.size_word == "small" else "right_bin", box)


def _put_down(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    held = [box.name for box in start.objects if box.kind == "box" and box.held_by]
    down = bool(held) and all(_rests_on_bench(now.find(name)) for name in held)
    return "" if down else "the box is not standing on the bench"


def _home(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    error = body.posture_error
    there = error is not None and bool(np.max(np.abs(error)) < HOME_TOLERANCE)
    return "" if there else "the arms are not in the home position"


def _move(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    box = named_box(what, start, now)
    return _lies_in(f"station_{what.station}", box) or _tilted(box)


def _stack(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    box, lower = named_box(what, start, now), now.find(f"box_{what.onto}")
    if box.held_by or lower.held_by:
        return _where(box if box.held_by else lower)
    off = np.abs(box.position[:2] - lower.position[:2])
    gap = (box.position[2] - box.size[2] / 2) - (lower.position[2] + lower.size[2] / 2)
    if bool(np.any(off > lower.size[:2] / 2)) or abs(gap) > STACK_GAP:
        return f"{_where(box)}, not on {lower.name}"
    return _tilted(box)


def _push(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    box, before = (named_box(what, start, state) for state in (now, start))
    gone = float(box.position[1] - before.position[1]) * (1.0 if what.side == "left" else -1.0)
    if box.held_by or not _rests_on_bench(box):
        return _where(box)
    if gone < PUSHED:
        return f"{box.name} went {100 * gone:.1f} cm to the {what.side}, not {100 * PUSHED:.0f}"
    return _tilted(box)


def _hand_over(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    holder = now.find("bar").held_by
    if holder == what.side:
        return ""
    return f"the bar is in {'both hands' if holder == 'both' else f'the {holder} hand' if holder else 'no hand'}"


def _point(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    box, before = (named_box(what, start, state) for state in (now, start))
    moved = float(np.linalg.norm(box.position - before.position))
    if box.held_by or moved > UNTOUCHED:
        return f"{box.name} was moved by {100 * moved:.0f} cm; pointing does not touch"
    boxes = [o for o in now.objects if o.kind == "box"]
    closest = np.inf
    for tip in body.fingertips.values():
        away = {o.name: float(np.linalg.norm(tip - _top(o))) for o in boxes}
        near, nearest = away.pop(box.name), min(away.values(), default=np.inf)
        if tip[2] > _top(box)[2] and near <= POINTED and nearest - near >= CLEARLY:
            return ""
        closest = min(closest, near)
    return f"no index finger points at {box.name}; the nearer one is {100 * closest:.0f} cm away"


def _press(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    return "" if now.find("button").state == 1.0 else "the button was not pressed"


def _open(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    state = now.find("drawer").state
    return "" if state >= DRAWER_OPEN else f"the drawer is open by {100 * state:.0f} cm, not {100 * DRAWER_OPEN:.0f}"


def _close(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    state = now.find("drawer").state
    return "" if state <= DRAWER_CLOSED else f"the drawer is still open by {100 * state:.0f} cm"


def _wave(what: Instruction, start: SceneState, now: SceneState, body: Body) -> str:
    return f"the {what.side} hand did not wave"


_ENDS: dict[str, Reason] = {
    "pick": _pick,
    "place": _place,
    "put_down": _put_down,
    "home": _home,
    "move": _move,
    "stack": _stack,
    "push": _push,
    "hand_over": _hand_over,
    "point": _point,
    "press": _press,
    "open": _open,
    "close": _close,
    "sort": _sort,
    "wave": _wave,
}


def _why_not_waved(side: str, waves: dict[str, WaveCounter]) -> str:
    if waves[other_side(side)].swings >= SWINGS:
        return f"the {other_side(side)} hand waved"
    if waves[side].swings >= SWINGS:
        return ""
    return f"the {side} hand swung {waves[side].swings} times above the shoulder, not {SWINGS}"



def _lies_in(place: str, box: SceneObject) -> str:
    return "" if box.place == place and not box.held_by else _where(box)


def _where(box: SceneObject) -> str:
    if box.held_by:
        return f"{box.name} is still in the {box.held_by} hand"
    if box.place:
        return f"{box.name} is in {box.place}"
    x, y, z = box.position
    return f"{box.name} lies at x {x:.2f} y {y:.2f} z {z:.2f} m"


def _tilted(box: SceneObject) -> str:
    _, x, y, _ = box.orientation
    return "" if 1.0 - 2.0 * (x * x + y * y) >= UPRIGHT else f"{box.name} has toppled over"


def _top(box: SceneObject) -> Array:
    return np.asarray(box.position + np.array([0.0, 0.0, box.size[2] / 2]))


def _is_loose(thing: SceneObject) -> bool:
    return thing.kind in ("box", "bar", "distractor")


def _resting_height(box: SceneObject) -> float:
    return float(box.position[2]) if not box.held_by else -np.inf


def _rests_on_bench(box: SceneObject) -> bool:
    return not box.held_by and not box.place.endswith("_bin") and box.place != "floor"
