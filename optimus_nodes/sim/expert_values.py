"""What the scripted expert and its skills hand to each other. Positions in the base frame, metres; joints in rad."""

from __future__ import annotations

from dataclasses import dataclass

import pinocchio as pin

from ..core.values import Array, SceneState

STEP_DT = 0.05
SIDES = ("left", "right")
PROGRESS = {  # of the stages every skill has
    "clear": 0.1,
    "raise": 0.1,
    "above": 0.15,
    "descend": 0.25,
    "touch": 0.3,
    "close": 0.35,
    "lift": 0.45,
    "wait": 0.5,
    "swing": 0.5,
    "carry": 0.55,
    "push": 0.55,
    "pull": 0.55,
    "lower": 0.65,
    "open": 0.75,
    "retreat": 0.8,
    "home": 0.85,
    "done": 1.0,
}


@dataclass(frozen=True, slots=True)
class ExpertStyle:
    """How one demonstration is done: speeds in m/s and rad/s, heights in m above the bench."""

    speed: float = 0.55
    turn: float = 3.0
    joint_speed: float = 1.5
    gain: float = 5.0
    slowest: float = 0.08
    hover: float = 0.22
    release: float = 0.095
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ExpertView:
    """All the expert looks at: joints (J,) rad, touch (P,) N and the scene's truth."""

    position: Array
    tactile: Array
    scene: SceneState


@dataclass(frozen=True, slots=True)
class Advice:
    """What the expert would do: `positions` (steps, J) rad every STEP_DT from now, `progress` 0-1, and why."""

    positions: Array
    progress: float
    stage: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one hand does next: go to `goal` (a pose of the grasp frame, the chain's joints (C,), or None: home).

    `hand` (H,): rad, the fingers. `closes`: the fingers close on something. `speed`: m/s at most, 0 for the style's
    own; of joints rad/s. `turn`: rad/s at most, 0 for the style's own.
    """

    stage: str
    goal: pin.SE3 | Array | None
    hand: Array
    closes: bool = False
    speed: float = 0.0
    turn: float = 0.0


@dataclass
class Roll:
    """The acting hand while the law is rolled forward: chain joints `q` (C,) and the thing as seen from it.

    `box`: where the thing is held, (3,) m in the grasp frame. `closing`, `opening`: s the fingers have done so.
    `closure`: 0 open to 1 closed on nothing. `phase`: 0 to 1, how far a posture says a motion has come.
    """

    q: Array
    pose: pin.SE3
    box: Array
    edges: Array
    gripped: bool
    placed: bool
    closing: float = 0.0
    opening: float = 0.0
    closure: float = 0.0
    phase: float = 0.0
