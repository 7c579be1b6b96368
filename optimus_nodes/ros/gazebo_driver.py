"""A robot in Gazebo, over Gazebo's own transport: all joints in one message each way, no bridge between.

Its model must have the systems that `gazebo_urdf` (robot/gazebo_urdf.py) gives it: a JointStatePublisher, and a
JointTrajectoryController with the robot's stiffness. Damping is the joints' own there, which Gazebo integrates
without the chatter of a controller's; so torque = kp (p - q) - kd dq + e, and a command of other gains is expressed in
`p` and `e`, with the newest measurement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.driver import DriverDescription
from ..core.errors import DeviceError
from ..core.gazebo_names import flavour, joint_state_topic, trajectory_topic
from ..core.robot import RobotSpec
from ..core.values import Array, JointCommand, JointState
from ..drivers import gz_messages
from ..drivers.gz_transport import GzTransport
from ..robot.dynamics import GravityModel
from ..robot.load import load_robot

_FIRST = 5.0  # s to wait for a first state
_STILL, _FOR = 0.05, 0.2  # rad/s, s of its time: a robot that still moves to where it starts is not taken over
_SETTLED = 20.0  # s in which it must be
_PAUSED = 0.5  # s without a new measurement


@dataclass(frozen=True)
class GazeboOptions:
    """`model`: its name in Gazebo, empty for the robot's. `partition`, `ip`: empty for GZ_PARTITION and GZ_IP.

    `flavour`: gz, or ign for Fortress; empty for what is installed.
    """

    model: str = ""
    partition: str = ""
    ip: str = ""
    flavour: str = ""


class GazeboDriver:
    """One robot in a running Gazebo. Its time is the simulation's."""

    def __init__(
        self,
        robot: RobotSpec,
        options: GazeboOptions,
        clock: Callable[[], float] = time.monotonic,
        gravity: Callable[[Array], Array] | None = None,
    ) -> None:
        """`gravity`: torques (J,) N·m that carry the robot in a posture (J,) rad; None: those of its URDF."""
        self._robot, self._clock = robot, clock
        self._options, self._model = options, options.model or robot.name
        self._package = flavour(options.flavour).package
        self._link: GzTransport | None = None
        self._newest: tuple[bytes, float] | None = None
        self._order: dict[str, int] = {}
        self._state: JointState | None = None
        self._sim = 0.0
        self._gravity = gravity
        self._told: tuple[Array, Array] | None = None

    def connect(self) -> DriverDescription:
        """Find the model, and wait until it stands still."""
        self.close()
        self._gravity = self._gravity or GravityModel(self._robot, load_robot(self._robot.name)[1])
        options = self._options
        self._link = link = GzTransport(options.partition, options.ip, self._package)
        link.advertise(trajectory_topic(self._model), "JointTrajectory")
        topic = joint_state_topic(self._model)
        link.subscribe(topic, "Model", self._on_state)
        begun = self._clock()
        while self._newest is None:
            if self._clock() - begun > _FIRST:
                raise DeviceError(
                    f"no joint states on Gazebo's topic {topic}: is Gazebo running, not paused, and in this partition?"
                )
            time.sleep(0.01)
        names = tuple(joint.name for joint in gz_messages.read("Model", self._newest[0]).joint)
        self._order = {name: k for k, name in enumerate(self._robot.joint_names)}
        if set(names) == set(self._order):
            self._wait_until_still()
        return DriverDescription(f"Gazebo, model {self._model}", names)

    def read(self) -> JointState | None:
        """What Gazebo published last."""
        newest = self._newest
        if newest is None or (self._state is not None and newest[1] <= self._state.stamp):
            return self._state
        message = gz_messages.read("Model", newest[0])
        sim = message.header.stamp.sec + message.header.stamp.nsec * 1e-9
        if self._state is not None and sim == self._sim:
            return self._state  # Gazebo is paused, and says the same again
        position, velocity = np.zeros((2, len(self._order)))
        for joint in message.joint:
            k = self._order.get(joint.name)
            if k is not None:
                position[k], velocity[k] = joint.axis1.position, joint.axis1.velocity
        self._sim = sim
        self._state = JointState(newest[1], position, velocity, self._torque(position, velocity))
        return self._state

    @property
    def robot_time(self) -> float:
        """The simulation's time at the newest measurement, s."""
        return self._sim

    def write(self, command: JointCommand) -> None:
        """Take a command."""
        state = self._state
        if self._link is None or state is None:
            raise DeviceError("Gazebo is not connected")
        robot = self._robot
        share = np.divide(command.kp, robot.kp, out=np.zeros_like(robot.kp), where=robot.kp > 0.0)
        position = state.position + share * (command.position - state.position)
        effort = command.effort + command.kd * command.velocity + (robot.kd - command.kd) * state.velocity
        self._send(np.where(share == 1.0, command.position, position), effort)

    def stop(self) -> None:
        """Stay where it is, carrying its own weight."""
        if self._link is not None and self._state is not None and self._gravity is not None:
            self._send(self._state.position, self._gravity(self._state.position))

    def close(self) -> None:
        """Leave Gazebo's network; the model goes on with its last command."""
        if self._link is not None:
            self._link.close()
        self._link, self._newest, self._state, self._told = None, None, None, None

    def _torque(self, position: Array, velocity: Array) -> Array:
        """What motors and damping do, (J,) N·m. Gazebo tells no torques, but its controller's law is known.

        What it holds the robot with before it is told anything is not: then they are what carries a robot that stands.
        """
        robot = self._robot
        if self._told is None:
            assert self._gravity is not None, "it is there since the robot was connected"
            return self._gravity(position)
        target, effort = self._told
        torque = robot.kp * (target - position) - robot.kd * velocity + effort
        return np.clip(torque, -robot.max_effort, robot.max_effort)

    def _on_state(self, data: bytes) -> None:
        """In the transport's thread."""
        self._newest = (data, self._clock())

    def _wait_until_still(self) -> None:
        """By the simulation's time: one that stands still is no robot."""
        begun = ran = self._clock()
        state = self.read()
        first = moved = self._sim
        while state is None or self._sim - moved < _FOR:
            time.sleep(0.01)
            before, state = self._sim, self.read()
            now = self._clock()
            ran = now if self._sim != before else ran
            if state is None or np.abs(state.velocity).max() > _STILL or self._sim < first:
                first = moved = self._sim
            if now - ran > _PAUSED:
                raise DeviceError("Gazebo's time stands still: is it paused?")
            if now - begun > _SETTLED:
                raise DeviceError(f"model {self._model} in Gazebo does not come to rest")

    def _send(self, position: Array, effort: Array) -> None:
        assert self._link is not None
        effort = np.clip(effort, -self._robot.max_effort, self._robot.max_effort)
        self._told = (position, effort)
        point = gz_messages.make("JointTrajectoryPoint", positions=position.tolist(), effort=effort.tolist())
        names = self._robot.joint_names
        message = gz_messages.make("JointTrajectory", joint_names=names, points=[point])
        self._link.publish(trajectory_topic(self._model), message.SerializeToString())
