"""Messages to core values and back. No other module touches message fields.

Everything here is on hot paths: arrays are read through the buffer protocol without a copy and written
with one memcpy (assigning an ndarray to a message field would iterate over it in Python).
"""

from __future__ import annotations

import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from optimus_humanoid.msg import TactileArray
from sensor_msgs.msg import Imu
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ..core.errors import CommandError
from ..core.robot import RobotSpec
from ..core.values import ActionChunk, Array, ImuReading, JointCommand, JointState

_NS = 1_000_000_000


def stamp_to_msg(seconds: float) -> Time:
    """Seconds to a ROS time, rounded to the nanosecond."""
    sec, nanosec = divmod(round(seconds * _NS), _NS)
    return Time(sec=sec, nanosec=nanosec)


def stamp_from_msg(stamp: Time) -> float:
    """ROS time to seconds."""
    return float((stamp.sec * _NS + stamp.nanosec) / _NS)


def header(seconds: float, frame: str = "") -> Header:
    """A header with this stamp (s) and frame."""
    return Header(stamp=stamp_to_msg(seconds), frame_id=frame)


def floats(values: Array, code: str = "d") -> array.array[float]:
    """An ndarray as what message fields take at memcpy speed: code "d" for float64[], "f" for float32[]."""
    return array.array(code, np.ascontiguousarray(values, dtype=code).tobytes())


class JointOrder:
    """Where named joints stand in the robot's order; remembers the last list, since senders repeat it."""

    def __init__(self, robot: RobotSpec) -> None:
        self.names = list(robot.joint_names)
        self._order = {name: i for i, name in enumerate(self.names)}
        self._last: list[str] = list(self.names)
        self._index: np.ndarray | None = None  # None: the robot's own order

    def index(self, names: list[str]) -> np.ndarray | None:
        """Indices of the names, shape (N,), None when they are the robot's joints in order. Raises CommandError."""
        if names == self._last:
            return self._index
        unknown = [name for name in names if name not in self._order]
        if unknown or len(set(names)) != len(names):
            bad = unknown[0] if unknown else next(name for name in names if names.count(name) > 1)
            raise CommandError("names", f"joint {bad!r} is {'unknown' if unknown else 'named twice'}")
        index = np.array([self._order[name] for name in names], dtype=np.intp)
        self._last, self._index = list(names), None if names == self.names else index
        return self._index


class JointStateReader:
    """sensor_msgs/JointState to JointState. Partial messages (arms here, hands there) are put together."""

    def __init__(self, robot: RobotSpec) -> None:
        self._joints = JointOrder(robot)
        self._count = len(robot.joint_names)
        self._position = np.full(self._count, np.nan)
        self._velocity, self._effort = np.zeros(self._count), np.zeros(self._count)

    def read(self, message: JointStateMsg) -> JointState | None:
        """The whole state, None until every joint was seen. Raises CommandError on unknown names or lengths."""
        index = self._joints.index(message.name)
        position = _column("position", message.position, message.name)
        velocity = _column("velocity", message.velocity, message.name, optional=True)
        effort = _column("effort", message.effort, message.name, optional=True)
        stamp = stamp_from_msg(message.header.stamp)
        if index is None:
            return JointState(stamp, position, velocity, effort)
        self._position[index], self._velocity[index], self._effort[index] = position, velocity, effort
        if np.isnan(self._position).any():
            return None
        return JointState(stamp, self._position.copy(), self._velocity.copy(), self._effort.copy())


def joint_state_to_msg(state: JointState, robot: RobotSpec) -> JointStateMsg:
    """All joints of the robot."""
    message = JointStateMsg(header=header(state.stamp))
    message._name = list(robot.joint_names)
    message._position, message._velocity = floats(state.position), floats(state.velocity)
    message._effort = floats(state.effort)
    return message


class JointCommandReader:
    """JointCommand messages to core values; every joint of the robot must be named."""

    def __init__(self, robot: RobotSpec) -> None:
        self._joints = JointOrder(robot)

    def read(self, message: JointCommandMsg) -> JointCommand:
        """Arrays in the robot's joint order. Raises CommandError when a joint is missing, unknown or twice there."""
        index = self._joints.index(message.name)
        columns = [
            _column(name, getattr(message, name), message.name)
            for name in ("position", "velocity", "effort", "kp", "kd")
        ]
        if len(message.name) != len(self._joints.names):
            raise CommandError("names", f"command names {len(message.name)} of {len(self._joints.names)} joints")
        if index is not None:
            inverse = np.argsort(index)
            columns = [column[inverse] for column in columns]
        return JointCommand(stamp_from_msg(message.header.stamp), *columns)


def joint_command_to_msg(command: JointCommand, robot: RobotSpec) -> JointCommandMsg:
    """All joints of the robot."""
    message = JointCommandMsg(header=header(command.stamp))
    message._name = list(robot.joint_names)
    message._position, message._velocity = floats(command.position), floats(command.velocity)
    message._effort, message._kp, message._kd = floats(command.effort), floats(command.kp), floats(command.kd)
    return message


def action_chunk_to_msg(chunk: ActionChunk) -> ActionChunkMsg:
    """A chunk; positions become float32."""
    message = ActionChunkMsg(
        header=header(chunk.stamp),
        observation_stamp=stamp_to_msg(chunk.observation_stamp),
        step_dt=float(chunk.step_dt),
        horizon=len(chunk.positions),
        progress=float(chunk.progress),
        task_id=int(chunk.task_id),
        policy_id=chunk.policy_id,
    )
    message._name = list(chunk.names)
    message._position = floats(chunk.positions, "f")
    return message


def action_chunk_from_msg(message: ActionChunkMsg) -> ActionChunk:
    """Positions as (H, N) float64. Raises CommandError when their number is not horizon x names."""
    flat = np.frombuffer(message.position, dtype=np.float32)
    steps, joints = message.horizon, len(message.name)
    if len(flat) != steps * joints:
        raise CommandError("length", f"chunk has {len(flat)} positions; horizon {steps} x {joints} names needs others")
    return ActionChunk(
        stamp=stamp_from_msg(message.header.stamp),
        observation_stamp=stamp_from_msg(message.observation_stamp),
        step_dt=message.step_dt,
        names=tuple(message.name),
        positions=flat.reshape(steps, joints).astype(np.float64),
        progress=message.progress,
        policy_id=message.policy_id,
        task_id=message.task_id,
    )


def joint_target_from_msg(message: JointStateMsg | JointTrajectory) -> tuple[tuple[str, ...], Array, float | None]:
    """Names, positions (N,) rad and stamp (None when 0) of a teleoperation target. Raises CommandError `length`.

    A trajectory must have one point, as MoveIt Servo sends it: teleoperation is a stream of targets.
    """
    if isinstance(message, JointTrajectory):
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


def joint_target_to_msg(names: Sequence[str], positions: Array) -> JointTrajectory:
    """One target as MoveIt Servo sends it, with stamp 0: valid from its arrival."""
    point = JointTrajectoryPoint()
    point.positions = floats(positions)
    return JointTrajectory(joint_names=list(names), points=[point])


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


def imu_to_msg(reading: ImuReading, frame: str) -> Imu:
    """An IMU reading; covariances unknown (zero)."""
    message = Imu(header=header(reading.stamp, frame))
    q, rate, acceleration = message.orientation, message.angular_velocity, message.linear_acceleration
    q.w, q.x, q.y, q.z = (float(v) for v in reading.orientation)
    rate.x, rate.y, rate.z = (float(v) for v in reading.angular_velocity)
    acceleration.x, acceleration.y, acceleration.z = (float(v) for v in reading.linear_acceleration)
    return message


def imu_from_msg(message: Imu) -> ImuReading:
    """An IMU reading."""
    q, rate, acceleration = message.orientation, message.angular_velocity, message.linear_acceleration
    return ImuReading(
        stamp_from_msg(message.header.stamp),
        np.array((q.w, q.x, q.y, q.z)),
        np.array((rate.x, rate.y, rate.z)),
        np.array((acceleration.x, acceleration.y, acceleration.z)),
    )


def tactile_to_msg(stamp: float, names: Sequence[str], force: Array, frame: str) -> TactileArray:
    """Forces (N,) N of one hand's pads."""
    message = TactileArray(header=header(stamp, frame), name=list(names))
    message._force = floats(force, "f")
    return message


def tactile_from_msg(message: TactileArray) -> tuple[float, tuple[str, ...], Array]:
    """Stamp, pad names and forces (N,) N. Raises CommandError when their numbers differ."""
    force = np.frombuffer(message.force, dtype=np.float32).astype(np.float64)
    if len(force) != len(message.name):
        raise CommandError("length", f"{len(message.name)} tactile pads are named but {len(force)} forces given")
    return stamp_from_msg(message.header.stamp), tuple(message.name), force


def _column(name: str, values: array.array[float], joints: list[str], optional: bool = False) -> Array:
    if optional and len(values) == 0:
        return np.zeros(len(joints))
    if len(values) != len(joints):
        raise CommandError("length", f"{len(joints)} joints are named but {name} has {len(values)} values")
    return np.frombuffer(values, dtype=np.float64)
