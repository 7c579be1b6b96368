"""Joint states, joint commands and action chunks: messages to core values and back."""

from __future__ import annotations

import array

import numpy as np
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from optimus_humanoid.msg import ControlOwner as ControlOwnerMsg
from optimus_humanoid.msg import HandCommand as HandCommandMsg
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from sensor_msgs.msg import JointState as JointStateMsg

from ...core.errors import CommandError
from ...core.robot import RobotSpec
from ...core.values import ActionChunk, Array, HandCommand, JointCommand, JointState
from .basics import floats, header, stamp_from_msg, stamp_to_msg


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


def joint_state_from_msg(message: JointStateMsg, robot: RobotSpec) -> JointState:
    """One message that names every joint of the robot; a stream is read with JointStateReader."""
    state = JointStateReader(robot).read(message)
    if state is None:
        raise CommandError("names", f"joint state names {len(message.name)} of {len(robot.joint_names)} joints")
    return state


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


def joint_command_from_msg(message: JointCommandMsg, robot: RobotSpec) -> JointCommand:
    """One message; a stream is read with JointCommandReader."""
    return JointCommandReader(robot).read(message)


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


def control_owner_to_msg(owner: str, stamp: float, lease: int = 0) -> ControlOwnerMsg:
    """`owner`: policy, planner, teleop, emergency_stop or none. `stamp`: robot time of the change, s."""
    return ControlOwnerMsg(header=header(stamp), owner=owner, lease=lease)


def control_owner_from_msg(message: ControlOwnerMsg) -> tuple[str, float]:
    """Who moves the robot, and since when in robot time, s."""
    return message.owner, stamp_from_msg(message.header.stamp)


def hand_command_from_msg(message: HandCommandMsg) -> HandCommand:
    """A stamp of 0 becomes None: the sender has none."""
    stamp = stamp_from_msg(message.header.stamp)
    return HandCommand(stamp or None, message.side, message.posture, message.max_force)


def hand_command_to_msg(command: HandCommand) -> HandCommandMsg:
    """`max_force` becomes float32."""
    return HandCommandMsg(
        header=header(command.stamp or 0.0),
        side=command.side,
        posture=command.posture,
        max_force=float(command.max_force),
    )


def _column(name: str, values: array.array[float], joints: list[str], optional: bool = False) -> Array:
    if optional and len(values) == 0:
        return np.zeros(len(joints))
    if len(values) != len(joints):
        raise CommandError("length", f"{len(joints)} joints are named but {name} has {len(values)} values")
    return np.frombuffer(values, dtype=np.float64)
