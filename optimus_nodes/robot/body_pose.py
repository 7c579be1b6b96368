"""Where hands, fingertips and shoulders are at measured joint positions, for the judges of tasks. By pinocchio."""

from __future__ import annotations

import numpy as np
import pinocchio

from ..core.errors import ConfigError
from ..core.language import SIDES
from ..core.robot import RobotSpec
from ..core.tasks_body import Body
from ..core.values import Array
from .rigid_body import rigid_body

FRAMES = ("grasp_frame", "index_tip_pad", "shoulder")  # behind the side


class BodyPose:
    """Forward kinematics of what a judge looks at, in the base frame."""

    def __init__(self, robot: RobotSpec, urdf: str) -> None:
        """Args: urdf: the XML text that came with `robot`. Raises: ConfigError when a frame or joint is not in it."""
        self._model, self._theirs = rigid_body(robot, urdf)
        self._data = self._model.createData()
        names = [f"{side}_{frame}" for side in SIDES for frame in FRAMES]
        missing = [name for name in names if not self._model.existFrame(name)]
        if missing:
            raise ConfigError(f"{missing[0]!r} is not in the URDF of {robot.name}")
        self._frames = {name: self._model.getFrameId(name) for name in names}
        self._q = pinocchio.neutral(self._model)
        self._arms, self._home = robot.group("arms"), robot.home[robot.group("arms")]

    def __call__(self, position: Array) -> Body:
        """The body at joint positions `position` (J,) rad."""
        self._q[self._theirs] = position
        pinocchio.forwardKinematics(self._model, self._data, self._q)
        for frame in self._frames.values():
            pinocchio.updateFramePlacement(self._model, self._data, frame)
        hand, tip, shoulder = FRAMES
        return Body(
            position[self._arms] - self._home,
            {side: self._place(f"{side}_{hand}") for side in SIDES},
            {side: self._place(f"{side}_{tip}") for side in SIDES},
            {side: float(self._place(f"{side}_{shoulder}")[2]) for side in SIDES},
        )

    def _place(self, name: str) -> Array:
        return np.array(self._data.oMf[self._frames[name]].translation)
