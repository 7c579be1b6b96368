"""The values that flow between the parts. Arrays are float64 unless said otherwise.

`J` is the number of joints and `P` of tactile pads; their order is always that of
`RobotSpec.joint_names` and `RobotSpec.tactile_pads`. Times are robot time in seconds: the clock
that stamps `joint_states` (simulated time in simulation, the driver's clock on a robot).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ImageArray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class JointState:
    """Measured joints: `position` rad, `velocity` rad/s, `effort` N·m, each shape (J,)."""

    stamp: float
    position: Array
    velocity: Array
    effort: Array


@dataclass(frozen=True, slots=True)
class JointCommand:
    """Impedance command. The driver applies kp (position - q) + kd (velocity - dq) + effort.

    All shape (J,): `position` rad, `velocity` rad/s, `effort` N·m feed-forward,
    `kp` N·m/rad, `kd` N·m·s/rad.
    """

    stamp: float
    position: Array
    velocity: Array
    effort: Array
    kp: Array
    kd: Array


@dataclass(frozen=True, slots=True)
class ActionChunk:
    """A policy's proposal: `positions` (H, N) rad for the joints `names`, one row per step.

    Row k is meant for time `stamp + k * step_dt`. `observation_stamp` is when what the policy saw
    was captured. `progress` runs from 0 to 1, 1 when the policy holds the task for done.
    """

    stamp: float
    observation_stamp: float
    step_dt: float
    names: tuple[str, ...]
    positions: Array
    progress: float
    policy_id: str
    task_id: int = 0


@dataclass(frozen=True, slots=True)
class HandCommand:
    """Bring the hand `side` ("left", "right", "" both) into a posture of RobotSpec.hands ("": as it is).

    `max_force`: N it squeezes with at most from now on; 0: as the parameter says. `stamp`: robot time, None without.
    """

    stamp: float | None
    side: str
    posture: str
    max_force: float = 0.0


@dataclass(frozen=True, slots=True)
class ImuReading:
    """IMU in its own frame: quaternion (w, x, y, z), rad/s, m/s^2 (gravity included, REP 145)."""

    stamp: float
    orientation: Array
    angular_velocity: Array
    linear_acceleration: Array


@dataclass(frozen=True, slots=True)
class Observation:
    """What a policy may know: camera pixels, joints, touch and the sentence. Nothing else.

    `images`: camera name -> (H, W, 3) uint8 RGB at the camera's own size. `tactile`: (P,) N.
    """

    stamp: float
    images: dict[str, ImageArray]
    position: Array
    velocity: Array
    tactile: Array
    sentence: str


@dataclass(frozen=True, slots=True)
class PolicyOutput:
    """`positions` (H, J) rad: absolute joint targets, row k for `stamp + k * step_dt`."""

    positions: Array
    progress: float


class Policy(Protocol):
    """One transformer, one call."""

    policy_id: str
    step_dt: float

    def reset(self) -> None: ...

    def infer(self, observation: Observation) -> PolicyOutput: ...


@dataclass(frozen=True, slots=True)
class SceneObject:
    """A loose thing in the simulated scene, or a fixed place in it.

    `kind`: "box", "bar", "distractor"; "button" (its cap), "drawer" (its handle); "bin", "station".
    `position` (3,) m in the base frame, `orientation` (w, x, y, z), `size` full edge lengths (3,) m.
    `place` is the name of the bin or station it is in ("" when in none), `held_by` "", "left", "right", and for
    the bar "both". `state`: how far a drawer is open, m; 1 for a button that was pressed, or a box (an egg) that broke,
    since the scene was laid out.
    """

    name: str
    kind: str
    colour: str
    size_word: str
    position: Array
    orientation: Array
    size: Array
    place: str = ""
    held_by: str = ""
    state: float = 0.0


@dataclass(frozen=True, slots=True)
class SceneState:
    """The truth about a simulated scene. Only experts, success tests and people may read it."""

    stamp: float
    seed: int
    objects: tuple[SceneObject, ...] = field(default_factory=tuple)

    def find(self, name: str) -> SceneObject:
        for thing in self.objects:
            if thing.name == name:
                return thing
        raise KeyError(f"no object {name!r}; there are {[o.name for o in self.objects]}")
