"""Rigid-body dynamics of the robot, by pinocchio, in the robot's own joint order."""

from __future__ import annotations

import numpy as np
import pinocchio

from ..core.robot import RobotSpec
from ..core.values import Array
from .rigid_body import rigid_body


class GravityModel:
    """Joint torques that hold the robot still against gravity, with the pelvis upright and fixed."""

    def __init__(self, robot: RobotSpec, urdf: str) -> None:
        """Args: urdf: the XML text that came with `robot`. Raises: ConfigError when a joint is not in it."""
        self._model, self._theirs = rigid_body(robot, urdf)
        self._data = self._model.createData()
        self._ours = np.argsort(self._theirs)

    def __call__(self, q: Array) -> Array:
        """Torques (J,) N·m at the joint positions `q` (J,) rad."""
        torque = pinocchio.computeGeneralizedGravity(self._model, self._data, q[self._ours])
        return np.asarray(torque[self._theirs], dtype=np.float64)
