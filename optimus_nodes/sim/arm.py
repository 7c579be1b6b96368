"""Inverse kinematics of one arm for the scripted expert, on pinocchio. The waist is taken as measured."""

from __future__ import annotations

import eigenpy
import numpy as np
import pinocchio as pin

from ..core.robot import RobotSpec
from ..core.values import Array

_WEIGHT = np.array([1.0, 1.0, 1.0, 0.1, 0.1, 0.1])
_DAMPING = 1e-4 * np.eye(6)
_LARGEST = 0.3  # rad per iteration


class ArmKinematics:
    """The chain base_link -> waist -> one arm -> grasp frame.

    `chain` (C,) are the robot's indices of the waist's joints and then the arm's; poses are `T_base_hand`.
    """

    def __init__(self, robot: RobotSpec, urdf: str, side: str) -> None:
        full = pin.buildModelFromXML(urdf)
        waist = robot.group("waist")
        self.chain = np.concatenate([waist, robot.group(f"{side}_arm")])
        self.arm = slice(len(waist), None)
        names = [robot.joint_names[k] for k in self.chain]
        lock = [full.getJointId(n) for n in full.names[1:] if n not in names]
        neutral = pin.neutral(full)
        for name, value in zip(robot.joint_names, robot.home, strict=True):
            neutral[full.joints[full.getJointId(name)].idx_q] = value
        self._model = pin.buildReducedModel(full, lock, neutral)
        self._data = self._model.createData()
        self._frame = self._model.getFrameId(f"{side}_grasp_frame")
        self._at = np.array([self._model.joints[self._model.getJointId(n)].idx_q for n in names])
        self._lower, self._upper = robot.lower[self.chain] + 0.02, robot.upper[self.chain] - 0.02

    def pose(self, q: Array) -> pin.SE3:
        """Where the grasp frame is for the chain's joints `q` (C,) rad."""
        ordered = np.empty(len(q))
        ordered[self._at] = q
        pin.framesForwardKinematics(self._model, self._data, ordered)
        return self._data.oMf[self._frame].copy()

    def solve(self, goal: pin.SE3, q: Array, iterations: int = 2) -> Array:
        """Chain joints (C,) that bring the grasp frame to `goal`, from `q` (C,) by damped least squares.

        The waist stays. Orientation weighs 0.1 m/rad, so that near the edge of the arm's reach the
        position is kept and the tilt gives way. (Nakamura and Hanafusa 1986.)
        """
        arm = self.arm
        q, lower, upper = q.copy(), self._lower[arm], self._upper[arm]
        ordered = np.empty(len(q))
        for _ in range(iterations):
            ordered[self._at] = q
            pin.computeJointJacobians(self._model, self._data, ordered)
            pin.updateFramePlacement(self._model, self._data, self._frame)
            jacobian = pin.getFrameJacobian(self._model, self._data, self._frame, pin.ReferenceFrame.LOCAL)
            jacobian = jacobian[:, self._at[arm]]
            error = pin.log6(self._data.oMf[self._frame].actInv(goal)).vector * _WEIGHT
            weighted = jacobian * _WEIGHT[:, None]
            step = weighted.T @ eigenpy.LLT(weighted @ weighted.T + _DAMPING).solve(error)
            step = np.minimum(np.maximum(step, -_LARGEST), _LARGEST)  # np.clip takes three times as long
            q[arm] = np.minimum(np.maximum(q[arm] + step, lower), upper)
        return q

    def reach(self, goal: pin.SE3, q: Array) -> tuple[Array, float]:
        """Solve to convergence: the joints (C,) and the position error that is left, m."""
        q = self.solve(goal, q, iterations=60)
        return q, float(np.linalg.norm(self.pose(q).translation - goal.translation))


def index_tip(robot: RobotSpec, urdf: str, side: str, hand: Array) -> Array:
    """Where the index fingertip is in the grasp frame, (3,) m, with the hand in posture `hand` (H,) rad."""
    model = pin.buildModelFromXML(urdf)
    q = pin.neutral(model)
    for name, value in zip(robot.groups[f"{side}_hand"], hand, strict=True):
        q[model.joints[model.getJointId(name)].idx_q] = value
    data = model.createData()
    pin.framesForwardKinematics(model, data, q)
    tip = data.oMf[model.getFrameId(f"{side}_index_tip_pad")].translation
    return np.asarray(data.oMf[model.getFrameId(f"{side}_grasp_frame")].actInv(tip))
