"""What a robot's sensors tell, cameras and joints aside, and what only a simulation knows: clock and scene."""

from __future__ import annotations

from optimus_humanoid.msg import SceneState as SceneStateMsg
from optimus_humanoid.msg import TactileArray
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu

from ..core.robot import RobotSpec
from ..core.values import Array, ImuReading, SceneState
from . import convert, qos


class SensorPublishers:
    """Publishers of one node. Stamps are those of the values."""

    def __init__(self, node: Node, robot: RobotSpec) -> None:
        self._robot = robot
        half = len(robot.tactile_pads) // 2
        self._pads = {"left": slice(0, half), "right": slice(half, None)} if half else {}
        self._imu = node.create_publisher(Imu, "imu/data", qos.SENSOR)
        self._tactile = {
            side: node.create_publisher(TactileArray, f"tactile/{side}_hand", qos.SENSOR) for side in self._pads
        }
        self._clock = node.create_publisher(Clock, "/clock", qos.CLOCK)
        self._scene = node.create_publisher(SceneStateMsg, "sim/scene", qos.STATE)

    def tactile(self, stamp: float, force: Array, shear: Array | None = None) -> None:
        """`force`, `shear`: normal to the pads and along them, (P,) N, the left hand's first."""
        for side, pads in self._pads.items():
            names = self._robot.tactile_pads[pads]
            along = None if shear is None else shear[pads]
            self._tactile[side].publish(convert.tactile_to_msg(stamp, names, force[pads], f"{side}_palm", along))

    def imu(self, reading: ImuReading) -> None:
        self._imu.publish(convert.imu_to_msg(reading, self._robot.imu_frame))

    def clock(self, seconds: float) -> None:
        self._clock.publish(Clock(clock=convert.stamp_to_msg(seconds)))

    def scene(self, scene: SceneState) -> None:
        self._scene.publish(convert.scene_state_to_msg(scene))
