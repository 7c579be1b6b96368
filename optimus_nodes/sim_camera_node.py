"""Draws the simulated robot's cameras and publishes them. Started by sim_node, which feeds it instants.

A picture's stamp is the robot time of the instant it shows, whenever it was drawn. A camera nobody
listens to is not drawn. The wrist cameras come first, so that who acts on a head picture has theirs.
"""

from __future__ import annotations

import os
import socket
import sys
import time

os.environ.setdefault("MUJOCO_GL", "egl")
os.environ.setdefault("LP_NUM_THREADS", "0")  # draw in this thread: the other core belongs to the robot

import cv2
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo

from optimus_nodes.core.robot import CameraSpec, RobotSpec
from optimus_nodes.core.scene import scene_or_none
from optimus_nodes.core.timing import Delays, Rate
from optimus_nodes.core.values import ImageArray
from optimus_nodes.drivers.processes import give_way, tie_to_parent
from optimus_nodes.drivers.snapshots import newest_instant
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.diagnostics import Health, Reporter
from optimus_nodes.ros.pictures import PicturePublisher
from optimus_nodes.ros.transport import enter_transport
from optimus_nodes.sim.render import SceneRenderer
from optimus_nodes.sim.world import PhysicsSnapshot, SimWorld

OUTSIDE = CameraSpec("outside", "outside_optical_frame", 640, 480, 10.0, 45.0)


class SimCameraNode(Node):
    """Publishers of every camera's pictures."""

    def __init__(self, robot: RobotSpec) -> None:
        super().__init__("sim_cameras", start_parameter_services=False)
        order = sorted(robot.cameras, key=lambda camera: camera.width)
        self.cameras = (*order, OUTSIDE)
        names = [camera.name for camera in self.cameras]
        self._pictures = {camera.name: PicturePublisher(self, camera.name, camera.frame) for camera in self.cameras}
        self._info = {name: self.create_publisher(CameraInfo, f"{name}/camera_info", qos.IMAGE) for name in names}
        self._matrix = {c.name: convert.pinhole_matrix(c.width, c.height, c.fovy_deg) for c in self.cameras}
        self._rates = {name: Rate() for name in names}
        self.drawing = Delays(512)  # s of work per instant
        self.skipped = 0
        self._reporter = Reporter(self, self._health, "cameras")
        self._next_report = 0.0

    def wanted(self, count: int) -> list[CameraSpec]:
        """Cameras somebody listens to; the outside view only on every other instant."""
        return [
            camera
            for camera in self.cameras
            if (camera is not OUTSIDE or count % 2 == 0) and self._pictures[camera.name].wanted
        ]

    def publish(self, camera: CameraSpec, stamp: float, pixels: ImageArray) -> None:
        """One picture (H, W, 3) RGB taken at robot time `stamp`."""
        self._pictures[camera.name].publish(pixels, stamp)
        self._rates[camera.name].tick(time.monotonic())

    def publish_info(self, stamp: float) -> None:
        """The calibration of every camera somebody asks about."""
        for camera in self.cameras:
            if self._info[camera.name].get_subscription_count():
                size, matrix = (camera.width, camera.height), self._matrix[camera.name]
                self._info[camera.name].publish(convert.camera_info_to_msg(stamp, camera.frame, size, matrix))

    def report(self, monotonic: float) -> None:
        """Publish on /diagnostics when a second has passed: nothing spins this node."""
        if monotonic >= self._next_report:
            self._next_report = monotonic + 1.0
            self._reporter.publish()

    def _health(self) -> Health:
        now = time.monotonic()
        values: dict[str, object] = {f"{name}_hz": rate.hz(now) for name, rate in self._rates.items()}
        drawing = {f"drawing_p{p}_ms": self.drawing.percentile(p) * 1e3 for p in (50, 99)}
        return Health(values={**values, **drawing, "instants_skipped": self.skipped})


def draw(node: SimCameraNode, world: SimWorld, link: socket.socket) -> None:
    """Draw and publish until the sender ends."""
    renderer = SceneRenderer(world)
    seed, count = 0, 0
    try:
        while True:
            instant, skipped = newest_instant(link)
            if instant is None:
                return
            began = time.monotonic()
            if instant.seed != seed:
                world.reset(instant.seed)
                seed = instant.seed
            node.publish_info(instant.stamp)
            snapshot = PhysicsSnapshot(instant.stamp, instant.qpos)
            for camera in node.wanted(count):
                node.publish(camera, instant.stamp, renderer.render(camera.name, snapshot))
            count += 1
            node.skipped += skipped
            node.drawing.add(time.monotonic() - began)
            node.report(time.monotonic())
    finally:
        renderer.close()


def main() -> int:
    """Arguments: file descriptor of the socket, process id of sim_node, robot, base, scene, then ROS arguments."""
    descriptor, parent, robot_name, base, scene = sys.argv[1:6]
    tie_to_parent(int(parent))
    give_way(nice=4)  # sim_node, whose child this is, keeps the robot in control and goes first
    cv2.setNumThreads(1)
    robot, urdf = load_robot(robot_name)
    enter_transport()
    rclpy.init(args=[sys.argv[0], *sys.argv[6:]], signal_handler_options=SignalHandlerOptions.NO)
    node = SimCameraNode(robot)
    try:
        with socket.socket(fileno=int(descriptor)) as link:
            draw(node, SimWorld(robot, urdf, base=base, scene=scene_or_none(scene)), link)
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
