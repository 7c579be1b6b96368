"""What the simulated robot tells: every sensor topic but the cameras."""

from __future__ import annotations

from optimus_humanoid.msg import SceneState as SceneStateMsg
from optimus_humanoid.msg import TactileArray
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu

from ..core.robot import RobotSpec
from ..core.values import Array, ImuReading, JointCommand, SceneState
from ..core.values import JointState as MeasuredJoints
from . import convert, qos
from .joint_topics import command_publisher, state_publisher


class SimPublishers:
    """Publishers of one node. Stamps are those of the values."""

    def __init__(self, node: Node, robot: RobotSpec) -> None:
        self._robot = robot
        half = len(robot.tactile_pads) // 2
        self._pads = {"left": slice(0, half), "right": slice(half, None)} if half else {}
        self._joints = state_publisher(node, robot)
        self._applied = command_publisher(node, robot, "applied_joint_commands", qos.STATE)
        self._imu = node.create_publisher(Imu, "imu/data", qos.SENSOR)
        self._tactile = {
            side: node.create_publisher(TactileArray, f"tactile/{side}_hand", qos.SENSOR) for side in self._pads
        }
        self._clock = node.create_publisher(Clock, "/clock", qos.CLOCK)
        self._scene = node.create_publisher(SceneStateMsg, "sim/scene", qos.STATE)

    def joints(self, state: MeasuredJoints, applied: JointCommand | None) -> None:
        """The measured joints, and the command that acts on them."""
        self._joints.publish(state)
        if applied is not None:
            self._applied.publish(applied)

    def tactile(self, stamp: float, force: Array) -> None:
        """`force`: (P,) N, the left hand's pads first."""
        for side, pads in self._pads.items():
            names = self._robot.tactile_pads[pads]
            self._tactile[side].publish(convert.tactile_to_msg(stamp, names, force[pads], f"{side}_palm"))

    def imu(self, reading: ImuReading) -> None:
        self._imu.publish(convert.imu_to_msg(reading, self._robot.imu_frame))

    def clock(self, seconds: float) -> None:
        self._clock.publish(Clock(clock=convert.stamp_to_msg(seconds)))

    def scene(self, scene: SceneState) -> None:
        self._scene.publish(convert.scene_state_to_msg(scene))
