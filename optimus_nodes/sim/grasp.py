"""How the expert holds its hands: postures of the robot's description, and how the grasp frame stands over a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array


@dataclass(frozen=True)
class Grasp:
    """A hand over the bench, with figures of HandSpec.

    `follow`: how much of the bearing from the shoulder to the goal the fingers' heading takes (0 straight ahead, 1
    along the bearing). `offset`: where the box's centre belongs, (x, y, z) m in the grasp frame.
    """

    tilt: float
    shoulder: tuple[float, float]
    offset: tuple[float, float, float]
    follow: float = 1.0

    @staticmethod
    def of(robot: RobotSpec) -> Grasp:
        """Of the robot's hands. Raises ConfigError when its description says nothing of them."""
        if robot.hands is None:
            raise ConfigError(f"config/robots/{robot.name}.yaml has no hands: an expert can't know how to hold them")
        return Grasp(robot.hands.tilt, robot.hands.shoulder, robot.hands.pinch)

    def hand_postures(self, robot: RobotSpec, side: str) -> dict[str, Array]:
        """Every posture of the hand of `side` by its name, (H,) rad."""
        assert robot.hands is not None
        return {posture: robot.hand_posture(side, posture) for posture in robot.hands.postures}

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

