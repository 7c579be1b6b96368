"""Gazebo with the robot in it: started, given a scene, and its sensors put on topics.

Out: imu/data, tactile/*, /clock, sim/scene, /diagnostics. Service: reset_scene. Joints are driver_node's with the
driver `gazebo`, cameras camera_node's with the source gz:<camera>. The robot first goes to its home posture; then
the scene is put in front of it. When Gazebo ends the node does, and is started again with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from optimus_humanoid.srv import ResetScene
from rclpy.node import Node

from optimus_nodes.core.errors import ConfigError, OptimusError
from optimus_nodes.core.gazebo_names import flavour
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.scene import scene_or_none
from optimus_nodes.drivers.gazebo_server import GazeboServer
from optimus_nodes.drivers.gz_transport import GzTransport
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, lease
from optimus_nodes.ros.diagnostics import OK, WARN, Health, Reporter
from optimus_nodes.ros.gazebo_bridge import GazeboBridge
from optimus_nodes.ros.gazebo_stage import GazeboStage
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.runtime import run
from optimus_nodes.sim.gazebo_twin import GazeboTwin


@dataclass(frozen=True)
class GazeboParams:
    """Parameters of gazebo_node."""

    robot: str = field(default="optimus", metadata={"doc": "Robot in config/robots."})
    base: str = field(default="fixed", metadata={"doc": "fixed: the pelvis hangs in the air; free: it does not."})
    world: str = field(default="boxes", metadata={"doc": "Scene: boxes; bench: a bar, button and drawer too; none."})
    seed: int = field(default=0, metadata={"doc": "Seed of the first scene, >= 0."})
    headless: bool = field(default=True, metadata={"doc": "Without a window; false needs a display."})
    cameras: bool = field(default=True, metadata={"doc": "Render the cameras; needs a graphics card or Mesa."})
    flavour: str = field(default="", metadata={"doc": "gz or ign (Fortress); empty: what is installed."})
    partition: str = field(default="", metadata={"doc": "Of Gazebo's transport; empty: GZ_PARTITION, or its default."})
    ip: str = field(default="", metadata={"doc": "Network address that Gazebo talks at; empty: GZ_IP, or its default."})

    def __post_init__(self) -> None:
        scene_or_none(self.world)
        flavour(self.flavour)
        if self.seed < 0:
            raise ConfigError(f"parameter seed of gazebo_node is {self.seed}; it must be 0 or more")


class GazeboNode(Node):
    """The shell around server, stage and bridge."""

    def __init__(self, load: Callable[[str], tuple[RobotSpec, str]] = load_robot) -> None:
        super().__init__("gazebo")
        self._params = params = declare(self, GazeboParams)
        robot, urdf = load(params.robot)
        spelling = flavour(params.flavour)
        self._twin = GazeboTwin(robot, urdf, base=params.base, scene=scene_or_none(params.world), seed=params.seed)
        self._folder = TemporaryDirectory(prefix="gazebo-")
        self._link = GzTransport(params.partition, params.ip, spelling.package)
        self._stage = GazeboStage(self._twin, urdf, spelling, self._link, Path(self._folder.name))
        world = self._stage.write(params.base, params.cameras)
        log = Path(self._folder.name) / "gazebo.log"
        self._server = GazeboServer(
            spelling, world, self._link.partition, params.ip, headless=params.headless, log=log
        )
        self._bridge = GazeboBridge(self, robot, self._twin, self._link)
        self._problem, self._laid, self._seed = "the robot goes to its home posture", False, params.seed
        self.create_service(ResetScene, "reset_scene", self._on_reset)
        self.create_timer(0.2, self._on_tick)
        lease.announce(self)
        self._reporter = Reporter(self, self._health, "gazebo")

    def _on_tick(self) -> None:
        self._server.check()
        joints = self._bridge.joints()
        if joints is None:
            return
        if not self._laid and self._stage.is_clear(*joints):
            self._lay(self._seed)
        self._bridge.publish_scene()

    def _lay(self, seed: int) -> None:
        self._stage.lay(seed)
        self._laid, self._problem, self._seed = True, "", seed
        self.get_logger().info(f"scene {self._params.world} of seed {seed} is laid out")

    def _on_reset(self, request: ResetScene.Request, response: ResetScene.Response) -> ResetScene.Response:
        try:
            self._lay(request.seed)
            self._bridge.publish_scene()
            response.scene = convert.scene_state_to_msg(self._twin.scene_state())
            response.success, response.message = True, f"scene of seed {request.seed}"
        except OptimusError as error:
            response.success, response.message = False, str(error)
        return response

    def _health(self) -> Health:
        figures = {"simulated_s": self._bridge.time, "seed": self._seed, "touch_forces": self._bridge.tells_forces}
        return Health(WARN, self._problem, figures) if self._problem else Health(OK, "Gazebo runs", figures)

    def destroy_node(self) -> None:
        """End Gazebo first."""
        self._server.stop()
        self._link.close()
        self._folder.cleanup()
        super().destroy_node()


def main() -> int:
    """Entry point."""
    return run(GazeboNode)


if __name__ == "__main__":
    sys.exit(main())
