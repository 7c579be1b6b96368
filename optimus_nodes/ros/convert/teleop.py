"""Teleoperation targets: messages to arrays and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState as JointStateMsg
from sensor_msgs.msg import Joy
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ...core.errors import CommandError
from ...core.values import Array
from .basics import floats, lease_to_frame, stamp_from_msg


def joint_target_from_msg(message: JointStateMsg | JointTrajectory) -> tuple[tuple[str, ...], Array, float | None]:
    """Names, positions (N,) rad and stamp (None when 0) of a teleoperation target. Raises CommandError `length`.

    A trajectory must have one point, as MoveIt Servo sends it: teleoperation is a stream of targets.
    An empty trajectory ends the stream: the operator gives the robot back.
    """
    if isinstance(message, JointTrajectory):
        if not message.joint_names and not message.points:
            return (), np.empty(0), None
        if len(message.points) != 1:
            raise CommandError(
                "length",
                f"teleoperation trajectory has {len(message.points)} points; send one at a time, 10 Hz or more",
            )
        names, values = message.joint_names, message.points[0].positions
    else:
        names, values = message.name, message.position
    stamp = stamp_from_msg(message.header.stamp)
    return tuple(names), np.array(values, dtype=np.float64), stamp or None


def joint_target_to_msg(names: Sequence[str], positions: Array, lease: int = 0) -> JointTrajectory:
    """One target as MoveIt Servo sends it, with stamp 0: valid from its arrival. No names: an empty trajectory."""
    message = JointTrajectory(header=Header(frame_id=lease_to_frame(lease)))
    if names:
        point = JointTrajectoryPoint()
        point.positions = floats(positions)
        message.joint_names, message.points = list(names), [point]
    return message


def joy_from_msg(message: Joy) -> tuple[Array, tuple[bool, ...]]:
    """Axes (A,), -1 to 1, and which buttons are down."""
    return np.array(message.axes, dtype=np.float64), tuple(value != 0 for value in message.buttons)


def pose_from_msg(message: PoseStamped) -> tuple[Array, str, float | None]:
    """The pose as a 4x4 matrix, its frame, and its stamp (None when 0). Raises CommandError when it is no pose."""
    p, q = message.pose.position, message.pose.orientation
    quaternion = np.array((q.w, q.x, q.y, q.z))
    length = float(np.linalg.norm(quaternion))
    if not (np.isfinite((p.x, p.y, p.z)).all() and 0.9 < length < 1.1):
        raise CommandError(
            "not_finite", f"pose ({p.x}, {p.y}, {p.z}) with a quaternion of length {length:.3f}; it must be 1"
        )
    w, x, y, z = quaternion / length
    pose = np.eye(4)
    pose[:3, :3] = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    pose[:3, 3] = (p.x, p.y, p.z)
    return pose, message.header.frame_id, stamp_from_msg(message.header.stamp) or None
