"""From where a camera looks, and where in its picture the robot's own arms are: forward kinematics by pinocchio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array

_ARM = ("upper_arm", "forearm", "wrist", "hand", "grasp_frame")  # links and frames of `<side>_...`, down the arm
_BASE = "base_link"


@dataclass(frozen=True, eq=False, slots=True)
class Pose:
    """`camera` (4, 4): optical frame in the base frame. `limbs`: (N, 3) m down each arm; `hands`: (3,) m, its grasp."""

    camera: Array
    limbs: dict[str, Array]
    hands: dict[str, Array]


class Viewpoint:
    """The pose of camera `name` and of both arms for joint positions."""

    def __init__(self, robot: RobotSpec, urdf: str, name: str = "head") -> None:
        """Raises ConfigError when the robot has no such camera."""
        found = [camera for camera in robot.cameras if camera.name == name]
        if not found:
            known = ", ".join(camera.name for camera in robot.cameras) or "none"
            raise ConfigError(f"{robot.name} has no camera {name!r}; its cameras: {known} (config/robots/)")
        self._model = pinocchio.buildModelFromXML(urdf)
        self._data = self._model.createData()
        self._camera = self._frame(found[0].frame)
        self._base = self._frame(_BASE) if self._model.existFrame(_BASE) else None
        joints = [self._model.joints[self._model.getJointId(one)].idx_q for one in robot.joint_names]
        self._places = np.array(joints, dtype=np.intp)
        self._arms = {
            side: [self._frame(name) for part in _ARM if self._model.existFrame(name := f"{side}_{part}")]
            for side in ("left", "right")
        }

    def _frame(self, name: str) -> int:
        return int(self._model.getFrameId(name))

    def __call__(self, q: Array) -> Pose:
        """Joint positions (J,) rad in the robot's order."""
        full = pinocchio.neutral(self._model)
        full[self._places] = q
        pinocchio.framesForwardKinematics(self._model, self._data, full)
        base = self._data.oMf[self._base].inverse() if self._base is not None else pinocchio.SE3.Identity()
        limbs = {
            side: np.array([(base * self._data.oMf[one]).translation for one in frames])
            for side, frames in self._arms.items()
            if frames
        }
        camera = np.asarray((base * self._data.oMf[self._camera]).homogeneous)
        return Pose(camera, limbs, {side: line[-1] for side, line in limbs.items()})
