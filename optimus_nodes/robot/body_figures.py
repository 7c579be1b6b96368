"""What a robot's joints carry, by pinocchio: masses, inertias, and what holds a joint back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio

from ..core.robot import RobotSpec
from ..core.values import Array
from .dynamics import GravityModel
from .rigid_body import rigid_body


@dataclass(frozen=True, eq=False)
class BodyFigures:
    """`mass` kg of all. Of each joint, (J,): of what is fixed to it `carried` kg and `principal` (J, 3) kg·m²,
    smallest first; in the home posture the `inertia` kg·m² it feels, armature included, and `gravity` N·m; its own
    `damping` N·m·s/rad and `friction` N·m.
    """

    mass: float
    carried: Array
    principal: Array
    inertia: Array
    gravity: Array
    damping: Array
    friction: Array


def body_figures(robot: RobotSpec, urdf: str) -> BodyFigures:
    """Args: urdf: the XML text that came with `robot`. Raises: ConfigError when a joint is not in it."""
    model, theirs = rigid_body(robot, urdf)
    felt = np.diag(pinocchio.crba(model, model.createData(), robot.home[np.argsort(theirs)]))
    bodies = list(model.inertias)
    own = [bodies[model.getJointId(name)] for name in robot.joint_names]
    return BodyFigures(
        mass=float(sum(body.mass for body in bodies)),
        carried=np.array([body.mass for body in own]),
        principal=np.array([np.linalg.eigvalsh(body.inertia) for body in own]),
        inertia=felt[theirs] + robot.armature,
        gravity=GravityModel(robot, urdf)(robot.home),
        damping=np.asarray(model.damping)[theirs],
        friction=np.asarray(model.friction)[theirs],
    )
