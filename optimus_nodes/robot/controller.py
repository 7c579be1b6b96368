"""The joint controller of a robot with all that it knows of the robot's body."""

from __future__ import annotations

from ..core.joint_control_config import JointControlConfig
from ..core.joint_controller import JointController
from ..core.robot import RobotSpec
from .body_clearance import BodyClearance
from .dynamics import GravityModel


def joint_controller(robot: RobotSpec, urdf: str, config: JointControlConfig, first_lease: int = 1) -> JointController:
    """Args: urdf: the XML text that came with `robot`. first_lease: higher than any that was given out before.

    Raises: ConfigError when one of the three does not fit.
    """
    return JointController(robot, config, GravityModel(robot, urdf), BodyClearance(robot, urdf), first_lease)
