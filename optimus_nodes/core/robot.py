"""What the software knows about a robot: names, order, limits, gains, cameras, touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import ConfigError
from .values import Array

FINGERS = ("index", "middle", "ring", "little")


@dataclass(frozen=True)
class CameraSpec:
    """A camera: its `name`, URDF optical frame, image size in pixels, rate and vertical field of view."""

    name: str
    frame: str
    width: int
    height: int
    rate_hz: float
    fovy_deg: float


@dataclass(frozen=True)
class HandSpec:
    """How a robot holds its hands.

    `postures`: by name, as open or point, rad of each joint: `left_index_mcp`, without side for both hands,
    `finger_mcp` for all fingers; what is not named is at 0. `shoulder`: (x, y) m of the left one in the base frame,
    from which the fingers' heading is taken. `tilt`: rad by which they point below the horizontal. `pinch`: where the
    middle of a held thing is in the left grasp frame, (3,) m. `squeeze`: N between thumb and fingers when these push
    with all their torque, 0 when nobody knows it.
    """

    postures: Mapping[str, Mapping[str, float]]
    shoulder: tuple[float, float]
    tilt: float
    pinch: tuple[float, float, float]
    squeeze: float = 0.0

    def angle(self, posture: str, side: str, joint: str) -> float:
        """What a posture says of a joint such as `left_index_mcp`, rad. Raises KeyError on an unknown posture."""
        table, name = self.postures[posture], joint.removeprefix(f"{side}_")
        finger, _, part = name.partition("_")
        general = table.get(f"finger_{part}", 0.0) if finger in FINGERS else 0.0
        return table.get(joint, table.get(name, general))


@dataclass(frozen=True, eq=False)
class RobotSpec:
    """One robot, from its URDF and `config/robots/<name>.yaml`. Arrays are (J,) in `joint_names` order.

    Limits: `lower`, `upper` rad, `max_velocity` rad/s, `max_acceleration` rad/s^2, `max_jerk` rad/s^3,
    `max_effort` N·m. Gains: `kp` N·m/rad, `kd` N·m·s/rad. `armature` is the inertia of motor and gear as felt at the
    joint, kg·m^2. `home` is the posture every task starts and ends in, rad; `crouch` a low one for
    faults, None when there is none.
    `may_touch`: pairs of URDF links that overlap by design, and whose contacts mean nothing.
    `groups` name joints that belong together (`left_arm`, `right_hand`, ...). `tactile_pads` lists
    the pads of the left hand, then of the right hand; each name is its URDF link.
    `hands`: how they are held, None when nobody said. `tasks`: of the suite `bench`, what they can do; () all. `bench`:
    (nearer, higher) m, by which scenes stand nearer to this robot and higher than to the one they were made for.
    """

    name: str
    joint_names: tuple[str, ...]
    lower: Array
    upper: Array
    max_velocity: Array
    max_acceleration: Array
    max_jerk: Array
    max_effort: Array
    kp: Array
    kd: Array
    armature: Array
    home: Array
    crouch: Array | None
    groups: Mapping[str, tuple[str, ...]]
    cameras: tuple[CameraSpec, ...]
    tactile_pads: tuple[str, ...]
    imu_frame: str
    urdf_sha256: str
    may_touch: tuple[tuple[str, str], ...] = ()
    hands: HandSpec | None = None
    tasks: tuple[str, ...] = ()
    bench: tuple[float, float] = (0.0, 0.0)

    def index(self, names: Sequence[str]) -> np.ndarray:
        """Positions of `names` in the joint order, shape (N,). Raises ConfigError on an unknown name."""
        order = {name: i for i, name in enumerate(self.joint_names)}
        unknown = [name for name in names if name not in order]
        if unknown:
            raise ConfigError(
                f"{self.name} has no joint {unknown[0]!r}; see joint_names in config/robots/{self.name}.yaml"
            )
        return np.array([order[name] for name in names], dtype=np.intp)

    def group(self, name: str) -> np.ndarray:
        """Joint indices of a group. Raises ConfigError when the robot has no such group."""
        if name not in self.groups:
            raise ConfigError(f"{self.name} has no joint group {name!r}; it has {sorted(self.groups)}")
        return self.index(self.groups[name])

    def hand_posture(self, side: str, name: str) -> Array:
        """The joints of a hand in the posture `name`, (H,) rad. Raises ConfigError when the robot has none."""
        if self.hands is None or name not in self.hands.postures:
            known = ", ".join(self.hands.postures) if self.hands else "none"
            raise ConfigError(
                f"{self.name} has no posture {name!r} of its hands; it has {known} (config/robots/{self.name}.yaml)"
            )
        joints = [joint.removesuffix("_joint") for joint in self.groups[f"{side}_hand"]]
        return np.array([self.hands.angle(name, side, joint) for joint in joints])

    def camera(self, name: str) -> CameraSpec:
        """The camera of that name. Raises ConfigError when the robot has no such camera."""
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise ConfigError(f"{self.name} has no camera {name!r}; it has {[c.name for c in self.cameras]}")
