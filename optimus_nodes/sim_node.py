"""The simulated robot as a driver: impedance commands in, sensors and cameras out, a scene from a seed.

It steps the world in real time; on a machine that is too slow its robot time lags and `real_time_factor`
on /diagnostics says by how much. Cameras are drawn by sim_camera_node, a process that this node starts.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable

from optimus_humanoid.msg import SceneObject
from optimus_humanoid.srv import ResetScene
from rclpy.node import Node

from optimus_nodes.core.errors import CommandError, ConfigError, DeviceError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.scene import scene_or_none
from optimus_nodes.core.watchdog import CommandWatchdog
from optimus_nodes.drivers.camera_process import CameraProcess
from optimus_nodes.drivers.sim_driver import COMMAND_STEPS, STEP, SimDriver, Stream, steps_of
from optimus_nodes.drivers.sim_params import SimParams
from optimus_nodes.drivers.snapshots import SceneInstant
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, lease, qos
from optimus_nodes.ros.diagnostics import OK, WARN, Health, Reporter
from optimus_nodes.ros.joint_topics import subscribe_commands
from optimus_nodes.ros.one_at_a_time import OneAtATime
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.runtime import real_time, run
from optimus_nodes.ros.sim_publishers import SimPublishers
from optimus_nodes.sim.driven import DrivenWorld


class SimNode(Node):
    """The shell around SimDriver: messages in, messages out."""

    def __init__(self, load: Callable[[str], tuple[RobotSpec, str]]) -> None:
        super().__init__("sim")
        self._params = params = declare(self, SimParams)
        self._robot, urdf = load(params.robot)
        self._world = DrivenWorld(self._robot, urdf, base=params.base, scene=scene_or_none(params.scene))
        self._watchdog = CommandWatchdog(self._robot, params.command_timeout, params.on_silence)
        self._driver = SimDriver(self._world, self._watchdog, time.monotonic())
        self._driver.reset(params.seed)
        self._seed, self._refused = params.seed, 0
        one = OneAtATime()  # commands come in a thread of their own
        self._cameras = CameraProcess(self._camera_command) if params.cameras and self._robot.cameras else None
        self._window = self._world.open_window() if params.viewer else None
        self._out = SimPublishers(self, self._robot)
        self._driver.streams = self._streams(params)
        take = one(lambda command: self._driver.command(command, time.monotonic()))
        self._commands = subscribe_commands(self, self._robot, take, one(self._refuse))
        self.create_service(ResetScene, "reset_scene", one(self._on_reset))
        self.create_subscription(SceneObject, "sim/move_object", one(self._on_move), qos.EVENT)
        self.create_timer(STEP * COMMAND_STEPS, one(self._on_tick))
        self.create_timer(0.2, self._look_after)
        if self._window is not None:
            self.create_timer(0.033, self._window.sync)
        lease.announce(self)
        self._reporter = Reporter(self, self._health, "simulation")

    def destroy_node(self) -> None:
        """End the thread of the commands, the camera process and the window first."""
        self._commands.close()
        if self._cameras is not None:
            self._cameras.stop()
        if self._window is not None:
            self._window.close()
        super().destroy_node()

    def _streams(self, params: SimParams) -> list[Stream]:
        world, out = self._world, self._out
        return [
            Stream(steps_of(params.camera_rate), self._emit_instant),
            Stream(steps_of(params.joint_rate), lambda: out.joints(world.joint_state(), self._driver.applied)),
            Stream(steps_of(params.tactile_rate), lambda: out.tactile(world.time, world.tactile(), world.shear())),
            Stream(steps_of(params.imu_rate), lambda: out.imu(world.imu())),
            Stream(steps_of(params.clock_rate), lambda: out.clock(world.time)),
            Stream(steps_of(params.scene_rate), lambda: out.scene(world.scene_state())),
        ]

    def _on_tick(self) -> None:
        self._driver.advance(time.monotonic())

    def _refuse(self, error: CommandError) -> None:
        self._refused += 1
        self.get_logger().error(f"joint command refused: {error}", throttle_duration_sec=5.0)

    def _on_reset(self, request: ResetScene.Request, response: ResetScene.Response) -> ResetScene.Response:
        try:
            response.scene = convert.scene_state_to_msg(self._driver.reset(request.seed))
            self._seed, response.success, response.message = request.seed, True, f"scene of seed {request.seed}"
        except ConfigError as error:
            response.success, response.message = False, str(error)
        return response

    def _on_move(self, message: SceneObject) -> None:
        thing = convert.scene_object_from_msg(message)
        try:
            self._world.move(thing.name, thing.position, thing.orientation)
        except ConfigError as error:
            self.get_logger().error(f"sim/move_object: {error}")

    def _emit_instant(self) -> None:
        if self._cameras is not None:
            snapshot = self._world.snapshot()
            self._cameras.offer(SceneInstant(snapshot.stamp, self._seed, snapshot.qpos))

    def _look_after(self) -> None:
        if self._cameras is None:
            return
        if problem := self._cameras.look_after(time.monotonic()):
            self.get_logger().error(problem)
        if self._cameras.given_up:
            raise DeviceError("the simulated cameras cannot be drawn; `optimus doctor` checks OpenGL (EGL)")

    def _camera_command(self, descriptor: int) -> list[str]:
        command = [sys.executable, "-m", "optimus_nodes.sim_camera_node", str(descriptor), str(os.getpid())]
        names = ["--ros-args", "-r", "__node:=sim_cameras", "-r", f"__ns:={self.get_namespace()}"]
        return [*command, self._params.robot, self._params.base, self._params.scene, *names]

    def _health(self) -> Health:
        values = self._driver.figures(time.monotonic())
        values |= {"commands_refused": self._refused, "seed": self._seed}
        factor = self._driver.pacer.factor()
        if factor < 0.95:
            return Health(WARN, f"too slow: {factor:.2f} of real time", values)
        return Health(OK, "in real time", values)


def make_node() -> SimNode:
    """The node with the robot of the package."""
    node = SimNode(load_robot)
    gc.collect()
    gc.freeze()  # what lives as long as the node is never looked at again: no long pause beside the robot
    return node


def main() -> int:
    """Entry point."""
    real_time(priority=10)  # below joint_control's
    return run(make_node)


if __name__ == "__main__":
    sys.exit(main())
