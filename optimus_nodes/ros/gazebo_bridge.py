"""Gazebo's sensors as topics of ours: IMU, touch, clock, and the truth about the scene."""

from __future__ import annotations

from functools import partial

import numpy as np
from rclpy.node import Node

from ..core.gazebo_names import WORLD, contact_topic, imu_topic, joint_state_topic
from ..core.robot import RobotSpec
from ..core.values import Array, ImuReading, SceneState
from ..drivers import gz_messages
from ..drivers.gz_transport import GzTransport
from ..sim.gazebo_twin import GazeboTwin
from .sensor_publishers import SensorPublishers

CLOCK_HZ, TOUCH_HZ = 100.0, 100.0


class GazeboBridge:
    """Hears Gazebo and publishes. Times are the simulation's, s."""

    def __init__(self, node: Node, robot: RobotSpec, twin: GazeboTwin, link: GzTransport) -> None:
        self._robot, self._twin = robot, twin
        self._out = SensorPublishers(node, robot)
        self._joints: bytes = b""
        self._poses: bytes = b""
        self._touch = dict.fromkeys(robot.tactile_pads, (0.0, 0.0))  # stamp s and force N
        self._clock_due = self._touch_due = 0.0
        self.time, self.tells_forces = 0.0, False
        link.subscribe(f"/world/{WORLD}/clock", "Clock", self._on_clock)
        link.subscribe(imu_topic(robot.name), "IMU", self._on_imu)
        link.subscribe(joint_state_topic(robot.name), "Model", self._on_joints)
        link.subscribe(f"/world/{WORLD}/dynamic_pose/info", "Pose_V", self._on_poses)
        for pad in robot.tactile_pads:
            link.subscribe(contact_topic(robot.name, pad), "Contacts", partial(self._on_contacts, pad))

    def joints(self) -> tuple[Array, Array] | None:
        """Where Gazebo's joints are and how fast, (J,) rad and rad/s; None before it was heard."""
        if not self._joints:
            return None
        found = {joint.name: joint.axis1 for joint in gz_messages.read("Model", self._joints).joint}
        axes = [found[name] for name in self._robot.joint_names if name in found]
        return np.array([axis.position for axis in axes]), np.array([axis.velocity for axis in axes])

    def publish_scene(self) -> None:
        """Tell the truth about the scene."""
        joints = self.joints()
        if joints is not None and len(joints[0]) == len(self._robot.joint_names):
            self._out.scene(self._scene(joints[0]))

    def _scene(self, joints: Array) -> SceneState:
        poses = {}
        for pose in gz_messages.read("Pose_V", self._poses).pose:
            at, turn = pose.position, pose.orientation
            poses[pose.name] = (np.array([at.x, at.y, at.z]), np.array([turn.w, turn.x, turn.y, turn.z]))
        return self._twin.show(self.time, joints, poses)

    def _on_clock(self, data: bytes) -> None:
        sim = gz_messages.read("Clock", data).sim
        self.time = _seconds(sim)
        if self.time < self._clock_due - 1.0:  # the simulation was started again
            self._clock_due = self._touch_due = 0.0
        if self.time >= self._clock_due:
            self._clock_due = self.time + 1.0 / CLOCK_HZ - 1e-6
            self._out.clock(self.time)
        if self.tells_forces and self.time >= self._touch_due:
            self._touch_due = self.time + 1.0 / TOUCH_HZ - 1e-6
            fresh = self.time - 2.0 / TOUCH_HZ  # who no longer touches anything says nothing
            force = [force if stamp >= fresh else 0.0 for stamp, force in self._touch.values()]
            self._out.tactile(self.time, np.array(force))

    def _on_imu(self, data: bytes) -> None:
        message = gz_messages.read("IMU", data)
        turn, rate, acceleration = message.orientation, message.angular_velocity, message.linear_acceleration
        self._out.imu(
            ImuReading(
                _seconds(message.header.stamp),
                np.array([turn.w, turn.x, turn.y, turn.z]),
                np.array([rate.x, rate.y, rate.z]),
                np.array([acceleration.x, acceleration.y, acceleration.z]),
            )
        )

    def _on_joints(self, data: bytes) -> None:
        self._joints = data

    def _on_poses(self, data: bytes) -> None:
        self._poses = data

    def _on_contacts(self, pad: str, data: bytes) -> None:
        """The force on a pad is the sum of what its contacts say; Fortress says none."""
        message = gz_messages.read("Contacts", data)
        wrenches = [wrench.body_1_wrench.force for contact in message.contact for wrench in contact.wrench]
        self.tells_forces = self.tells_forces or bool(wrenches)
        force = sum(float(np.linalg.norm((one.x, one.y, one.z))) for one in wrenches)
        self._touch[pad] = (_seconds(message.header.stamp), force)


def _seconds(stamp: gz_messages.Any) -> float:
    return float(stamp.sec + stamp.nsec * 1e-9)
