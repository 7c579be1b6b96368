"""How the expert holds its hands: open, closed, and how the grasp frame stands over a box."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pinocchio as pin

from ..core.robot import RobotSpec
from ..core.values import Array

FINGERS = ("index", "middle", "ring", "little")


_OPEN = {
    "finger_mcp": 0.65,
    "finger_pip": 0.25,
    "finger_dip": 0.1,
    "thumb_cmc_rotation": 1.5,
    "thumb_cmc_abduction": 0.3,
    "thumb_cmc_flexion": -0.9,
    "thumb_mcp": -0.2,
}
_CLOSED = {
    "finger_mcp": 1.6,
    "finger_pip": 0.35,
    "finger_dip": 0.15,
    "thumb_cmc_rotation": 1.5,
    "thumb_cmc_abduction": 0.3,
    "thumb_cmc_flexion": -0.1,
    "thumb_mcp": 0.0,
}
_POINT = {  # the index finger stretched down under a level palm, the others closed
    **_CLOSED,
    "finger_pip": 1.5,
    "finger_dip": 1.0,
    "index_mcp": 1.45,
    "index_pip": 0.05,
    "index_dip": 0.0,
    "thumb_cmc_flexion": -0.5,
}
_FIST = {**_CLOSED, "finger_pip": 1.5, "finger_dip": 1.0, "thumb_cmc_flexion": -0.4}
_FLAT = {**_CLOSED, "thumb_mcp": -0.2, "thumb_cmc_flexion": -0.3}  # the fingers down, side by side


@dataclass(frozen=True)
class Grasp:
    """A pinch from above: hand postures in rad, and the grasp frame's attitude over the bench.

    `tilt`: rad by which the fingers point below the horizontal. `follow`: how much of the bearing from the
    shoulder to the goal the fingers' heading takes (0 straight ahead, 1 along the bearing).
    `offset`: where the box's centre belongs, (x, y, z) m in the grasp frame.
    """

    open: dict[str, float] = field(default_factory=lambda: dict(_OPEN))
    closed: dict[str, float] = field(default_factory=lambda: dict(_CLOSED))
    tilt: float = 0.25
    follow: float = 1.0
    shoulder: tuple[float, float] = (0.10, 0.26)
    offset: tuple[float, float, float] = (0.013, 0.004, 0.0)

    def postures(self, robot: RobotSpec, side: str) -> tuple[Array, Array]:
        """The open and the closed hand of `side`, each (22,) rad in the order of its joint group."""
        names = [name.removeprefix(f"{side}_").removesuffix("_joint") for name in robot.groups[f"{side}_hand"]]
        return tuple(np.array([_joint(table, name) for name in names]) for table in (self.open, self.closed))  # type: ignore[return-value]

    def hand_postures(self, robot: RobotSpec, side: str) -> dict[str, Array]:
        """Every posture of the hand of `side` by its name, (22,) rad."""
        opened, closed = self.postures(robot, side)
        names = [name.removeprefix(f"{side}_").removesuffix("_joint") for name in robot.groups[f"{side}_hand"]]
        tables = {"point": _POINT, "fist": _FIST, "flat": _FLAT}
        more = {key: np.array([_joint(table, name) for name in names]) for key, table in tables.items()}
        return {"open": opened, "closed": closed, **more}

    def over(self, side: str, box: Array) -> pin.SE3:
        """The pose of the grasp frame that has the box's centre `box` (3,) m where the pinch is."""
        y = self.offset[1] if side == "left" else -self.offset[1]
        rotation = self.attitude(side, box)
        return pin.SE3(rotation, box - rotation @ np.array([self.offset[0], y, self.offset[2]]))

    def attitude(self, side: str, goal: Array) -> Array:
        """Rotation (3, 3) in the base frame of the grasp frame over `goal` (x, y, ...) m.

        x runs along the fingers, z out of the palm. One attitude per place keeps the arm's motion a function
        of where the hand is, which is what a policy can learn.
        """
        shoulder_y = self.shoulder[1] if side == "left" else -self.shoulder[1]
        heading = self.follow * np.arctan2(goal[1] - shoulder_y, goal[0] - self.shoulder[0])
        palm_down = np.diag([1.0, -1.0, -1.0])
        return np.asarray(
            pin.rpy.rpyToMatrix(0.0, 0.0, float(heading)) @ palm_down @ pin.rpy.rpyToMatrix(0.0, -self.tilt, 0.0)
        )


def _joint(table: dict[str, float], name: str) -> float:
    finger, _, joint = name.partition("_")
    return table.get(name, table.get(f"finger_{joint}", 0.0) if finger in FINGERS else 0.0)
