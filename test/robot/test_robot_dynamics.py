"""Gravity torques, and what the arm reaches. MuJoCo is the independent witness."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pinocchio
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.robot.dynamics import GravityModel


def test_gravity_torques_are_those_mujoco_finds(both, postures):
    gravity = GravityModel(both.robot, both.urdf)
    for q in postures:
        both.move(q)
        assert gravity(q) == pytest.approx(both.mj_bias(), abs=1e-4)  # g 9.81 in both


def test_motors_hold_home_with_two_thirds_to_spare(both):
    torque = GravityModel(both.robot, both.urdf)(both.robot.home)
    assert np.all(np.abs(torque) < both.robot.max_effort / 3)


@pytest.mark.alone
def test_gravity_takes_less_than_50_microseconds(both):
    gravity, q = GravityModel(both.robot, both.urdf), both.robot.home.copy()
    batches = []
    for _ in range(10):  # the best batch: other work on this machine is not what is measured
        start = time.perf_counter()
        for _ in range(100):
            gravity(q)
        batches.append((time.perf_counter() - start) / 100)
    assert min(batches) < 50e-6


def test_gravity_of_a_robot_and_the_urdf_of_another_is_refused(both):
    stranger = replace(both.robot, joint_names=("left_wheel_joint", *both.robot.joint_names[1:]))
    with pytest.raises(ConfigError, match="'left_wheel_joint' is not in the URDF"):
        GravityModel(stranger, both.urdf)


@pytest.mark.parametrize("x", [0.28, 0.34, 0.40, 0.45])
@pytest.mark.parametrize("y", [-0.05, 0.10, 0.25, 0.38])
@pytest.mark.parametrize("z", [-0.07, 0.05, 0.18])
def test_the_left_hand_reaches_over_the_bench_with_its_palm_down(both, x, y, z):
    """Bench top at z = -0.10 m, waist as in home, fingers 10 degrees below the horizontal."""
    arm = both.robot.groups["left_arm"]
    home = np.empty(both.pin.nq)
    for name, value in zip(both.robot.joint_names, both.robot.home):
        home[both.pin.joints[both.pin.getJointId(name)].idx_q] = value
    locked = [j for j in range(1, both.pin.njoints) if both.pin.names[j] not in arm]
    model = pinocchio.buildReducedModel(both.pin, locked, home)
    heading = np.arctan2(y - 0.26, x - 0.1)
    turn = pinocchio.rpy.rpyToMatrix(0.0, 0.0, heading) @ np.diag([1.0, -1.0, -1.0])
    goal = pinocchio.SE3(turn @ pinocchio.rpy.rpyToMatrix(0.0, -np.radians(10), 0.0), np.array([x, y, z]))
    starts = ([0.2, 0.25, 0.0, 1.4, -1.3, 0.0], [-0.3, 0.6, -0.5, 1.7, -1.0, 0.3], [0.8, 0.3, 0.3, 0.8, -1.4, 0.3])
    assert min(_residual(model, goal, np.array(q)) for q in starts) < 3e-3


def _residual(model: pinocchio.Model, goal: pinocchio.SE3, q: np.ndarray) -> float:
    """What damped least squares within the joint limits leaves of the pose error (m and rad together)."""
    data, frame, error = model.createData(), model.getFrameId("left_grasp_frame"), np.ones(6)
    for _ in range(80):
        pinocchio.framesForwardKinematics(model, data, q)
        error = pinocchio.log6(data.oMf[frame].actInv(goal)).vector
        if np.linalg.norm(error) < 1e-3:
            break
        jacobian = pinocchio.computeFrameJacobian(model, data, q, frame, pinocchio.LOCAL)
        damping = 1e-4 + 0.02 * min(np.linalg.norm(error), 1.0) ** 2
        step = np.linalg.solve(jacobian.T @ jacobian + damping * np.eye(6), jacobian.T @ error)
        q = np.clip(q + np.clip(step, -0.5, 0.5), model.lowerPositionLimit, model.upperPositionLimit)
    return float(np.linalg.norm(error))
