"""Inverse kinematics of one arm by damped least squares, on pinocchio.

Each iteration takes the step  dq = J^T (J J^T + damping 1)^-1 e  of the six arm joints, where e is the pose
error in the hand's own frame (Nakamura and Hanafusa 1986). Rotation weighs less than position, so that a
pose at the edge of the reach is missed in tilt before it is missed in place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array

_DAMPING = 1e-4
_ROTATION = 0.15  # m/rad: one radian of tilt counts as much as this many metres
_LONGEST_STEP = 0.2  # rad per joint and iteration
_CLOSE = 1e-4  # m (and weighted rad): good enough to stop


@dataclass(frozen=True)
class ArmPosture:
    """Arm joints (6,) rad, and by how much they miss the pose: `distance` m and `tilt` rad."""

    positions: Array
    distance: float
    tilt: float


class ArmIK:
    """One arm: base_link to `<side>_grasp_frame`. The joints before the arm are taken as they are."""

    def __init__(self, robot: RobotSpec, urdf: str, side: str) -> None:
        """`side`: left or right. Raises ConfigError when the URDF lacks the arm's grasp frame or joints."""
        self._model = pin.buildModelFromXML(urdf)
        self._data = self._model.createData()
        frame = f"{side}_grasp_frame"
        if not self._model.existFrame(frame):
            raise ConfigError(f"the URDF of {robot.name} has no link {frame!r}, which the {side} hand's pose needs")
        self._frame = self._model.getFrameId(frame)
        self.arm = robot.group(f"{side}_arm")
        self.names = tuple(robot.joint_names[k] for k in self.arm)
        order = [self._model.joints[self._model.getJointId(name)].idx_v for name in robot.joint_names]
        self._ours = np.argsort(order)
        self._columns = np.array(order)[self.arm]
        self._lower, self._upper = robot.lower[self.arm], robot.upper[self.arm]

    def pose(self, q: Array) -> Array:
        """T_base_hand, shape (4, 4), for all joints `q` (J,) rad."""
        pin.framesForwardKinematics(self._model, self._data, q[self._ours])
        return np.array(self._data.oMf[self._frame].homogeneous)

    def solve(self, goal: Array, q: Array, iterations: int = 40) -> ArmPosture:
        """The arm posture nearest to T_base_hand = `goal` (4, 4), looked for from `q` (J,) rad, within joint limits."""
        target, q = pin.SE3(goal), q.copy()
        weight = np.array((1.0, 1.0, 1.0, _ROTATION, _ROTATION, _ROTATION))
        for _ in range(iterations):
            jacobian = pin.computeFrameJacobian(
                self._model, self._data, q[self._ours], self._frame, pin.ReferenceFrame.LOCAL
            )[:, self._columns]
            error = pin.log6(self._placement(q).actInv(target)).vector * weight
            if np.linalg.norm(error) < _CLOSE:
                break
            weighted = jacobian * weight[:, None]
            step = weighted.T @ np.linalg.solve(weighted @ weighted.T + _DAMPING * np.eye(6), error)
            step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-9))
            q[self.arm] = np.clip(q[self.arm] + step, self._lower, self._upper)
        miss = self._placement(q).actInv(target)
        return ArmPosture(
            q[self.arm].copy(), float(np.linalg.norm(miss.translation)), float(np.linalg.norm(pin.log3(miss.rotation)))
        )

    def _placement(self, q: Array) -> pin.SE3:
        pin.framesForwardKinematics(self._model, self._data, q[self._ours])
        return self._data.oMf[self._frame]
