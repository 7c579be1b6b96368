"""The robot in pinocchio, its pelvis upright and fixed."""

from __future__ import annotations

import numpy as np
import pinocchio
from numpy.typing import NDArray

from ..core.errors import ConfigError
from ..core.robot import RobotSpec


def rigid_body(robot: RobotSpec, urdf: str) -> tuple[pinocchio.Model, NDArray[np.intp]]:
    """The model, and where in it the robot's joints (J,) are. `urdf`: the XML text that came with `robot`.

    Raises: ConfigError when the two have other joints.
    """
    model = pinocchio.buildModelFromXML(urdf)
    missing = [name for name in robot.joint_names if not model.existJointName(name)]
    if missing or model.nv != len(robot.joint_names):
        raise ConfigError(
            f"{robot.name} has {len(robot.joint_names)} joints and the URDF {model.nv}"
            + (f"; {missing[0]!r} is not in the URDF" if missing else "")
        )
    joints = [model.joints[model.getJointId(name)] for name in robot.joint_names]
    return model, np.array([joint.idx_v for joint in joints], dtype=np.intp)
