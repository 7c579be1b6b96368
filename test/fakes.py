"""Small stand-ins that tests share."""

from __future__ import annotations

import numpy as np

from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import ActionChunk, Array, JointCommand, JointState


def fake_robot(joints: int = 6) -> RobotSpec:
    """A robot of `joints` equal joints j0, j1, ...: +-2 rad, 4 rad/s, 25 rad/s^2 within 4 ms, 40 N·m."""
    ones = np.ones(joints)
    return RobotSpec(
        name="fake",
        joint_names=tuple(f"j{i}" for i in range(joints)),
        lower=-2.0 * ones,
        upper=2.0 * ones,
        max_velocity=4.0 * ones,
        max_acceleration=25.0 * ones,
        max_jerk=25.0 / 0.004 * ones,
        max_effort=40.0 * ones,
        kp=100.0 * ones,
        kd=5.0 * ones,
        armature=0.05 * ones,
        home=np.zeros(joints),
        crouch=0.5 * ones,
        groups={"all": tuple(f"j{i}" for i in range(joints))},
        cameras=(),
        tactile_pads=(),
        imu_frame="imu_link",
        urdf_sha256="0" * 64,
    )


def no_gravity(position: Array) -> Array:
    """Gravity model of a robot in orbit."""
    return np.zeros_like(position)


def at_rest(position: Array, stamp: float = 0.0) -> JointState:
    """A joint state at rest in `position` (J,) rad."""
    return JointState(stamp, position, np.zeros_like(position), np.zeros_like(position))


def chunk_of(robot: RobotSpec, rows: Array, stamp: float, **changes: object) -> ActionChunk:
    """A sound chunk: `rows` (H, J) rad from `stamp` on in steps of 0.05 s, changed as the test needs it."""
    values: dict[str, object] = {
        "stamp": stamp,
        "observation_stamp": stamp,
        "step_dt": 0.05,
        "names": robot.joint_names,
        "positions": rows,
        "progress": 0.0,
        "policy_id": "test",
        "task_id": 1,
    }
    return ActionChunk(**(values | changes))  # type: ignore[arg-type]


class PerfectRobot:
    """A robot that is always exactly where it was commanded to be."""

    def __init__(self, position: Array) -> None:
        self.position, self.velocity = position.copy(), np.zeros_like(position)

    def state(self, stamp: float) -> JointState:
        return JointState(stamp, self.position.copy(), self.velocity.copy(), np.zeros_like(self.position))

    def apply(self, command: JointCommand) -> None:
        self.position, self.velocity = command.position.copy(), command.velocity.copy()
