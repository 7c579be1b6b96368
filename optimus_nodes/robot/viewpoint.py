"""From where a camera looks, and where in its picture the robot's own arms are: forward kinematics by pinocchio."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pinocchio

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array, ImageArray
from ..core.view import View

_ARM = ("upper_arm", "forearm", "wrist", "hand", "grasp_frame")  # links and frames of `<side>_...`, down the arm
_BASE = "base_link"


class Viewpoint:
    """Knows where camera `name` and both arms are for joint positions."""

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

    def view(self, image: ImageArray, K: Array, q: Array, touch: Mapping[str, float]) -> View:
        """The picture `image` as one that was taken at the joint positions `q` (J,) rad, in the robot's order."""
        full = pinocchio.neutral(self._model)
        full[self._places] = q
        pinocchio.framesForwardKinematics(self._model, self._data, full)
        base = self._data.oMf[self._base].inverse() if self._base is not None else pinocchio.SE3.Identity()
        limbs = {
            side: np.array([(base * self._data.oMf[one]).translation for one in frames])
            for side, frames in self._arms.items()
            if frames
        }
        return View(image, K, np.asarray((base * self._data.oMf[self._camera]).homogeneous), limbs, touch)
