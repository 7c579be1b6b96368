"""Rigid-body dynamics of the robot, by pinocchio, in the robot's own joint order."""

from __future__ import annotations

import numpy as np
import pinocchio

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array


class GravityModel:
    """Joint torques that hold the robot still against gravity, with the pelvis upright and fixed."""

    def __init__(self, robot: RobotSpec, urdf: str) -> None:
        """Args: urdf: the XML text that came with `robot`. Raises: ConfigError when a joint is not in it."""
        self._model = pinocchio.buildModelFromXML(urdf)
        self._data = self._model.createData()
        missing = [name for name in robot.joint_names if not self._model.existJointName(name)]
        if missing or self._model.nv != len(robot.joint_names):
            raise ConfigError(
                f"{robot.name} has {len(robot.joint_names)} joints and the URDF {self._model.nv}"
                + (f"; {missing[0]!r} is not in the URDF" if missing else "")
            )
        joints = [self._model.joints[self._model.getJointId(name)] for name in robot.joint_names]
        self._theirs = np.array([joint.idx_v for joint in joints], dtype=np.intp)
        self._ours = np.argsort(self._theirs)

    def __call__(self, q: Array) -> Array:
        """Torques (J,) N·m at the joint positions `q` (J,) rad."""
        torque = pinocchio.computeGeneralizedGravity(self._model, self._data, q[self._ours])
        return np.asarray(torque[self._theirs], dtype=np.float64)
