"""What the simulated robot tells: every topic but the cameras."""

from __future__ import annotations

from rclpy.node import Node

from ..core.robot import RobotSpec
from ..core.values import JointCommand, JointState
from . import qos
from .joint_topics import command_publisher, state_publisher
from .sensor_publishers import SensorPublishers


class SimPublishers(SensorPublishers):
    """Publishers of one node. Stamps are those of the values."""

    def __init__(self, node: Node, robot: RobotSpec) -> None:
        super().__init__(node, robot)
        self._joints = state_publisher(node, robot)
        self._applied = command_publisher(node, robot, "applied_joint_commands", qos.STATE)

    def joints(self, state: JointState, applied: JointCommand | None) -> None:
        """The measured joints, and the command that acts on them."""
        self._joints.publish(state)
        if applied is not None:
            self._applied.publish(applied)
