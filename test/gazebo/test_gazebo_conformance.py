"""What every driver must do, with the robot in a real Gazebo."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from optimus_nodes.core.gazebo_names import WORLD, flavour, joint_state_topic
from optimus_nodes.core.values import Array
from optimus_nodes.drivers import gz_messages
from optimus_nodes.drivers.conformance import DriverConformance, RealTimeRig
from optimus_nodes.drivers.gazebo_server import GazeboServer
from optimus_nodes.drivers.gz_transport import GzTransport
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros.gazebo_driver import GazeboDriver, GazeboOptions
from optimus_nodes.ros.gazebo_stage import GazeboStage
from optimus_nodes.sim.gazebo_twin import GazeboTwin

ROBOT, URDF = load_robot("optimus")


class GazeboRig(RealTimeRig):
    """Times are real: a Gazebo that is slower than that has longer to settle."""

    robot = ROBOT
    settle, together, rate_hz = 2.0, 12, 60.0

    def __init__(self, folder: Path) -> None:
        spelling = flavour()
        self.link = GzTransport(package=spelling.package)
        stage = GazeboStage(GazeboTwin(ROBOT, URDF, scene=None), URDF, spelling, self.link, folder)
        world = stage.write("fixed", cameras=False)
        log = folder / "gazebo.log"
        self.server = GazeboServer(spelling, world, self.link.partition, "", headless=True, log=log)
        self._state = b""
        self.sim = 0.0
        self.link.subscribe(joint_state_topic(ROBOT.name), "Model", self._on_state)
        self.driver = GazeboDriver(ROBOT, GazeboOptions())
        end = time.monotonic() + 40.0
        while not self._state or self.sim < 2.0:  # the robot has gone to its home posture
            self.server.check()
            assert time.monotonic() < end, "Gazebo has published no joint states in 40 s"
            self._read()
            time.sleep(0.05)

    def _on_state(self, data: bytes) -> None:
        self._state = data

    def _read(self) -> Array:
        if not self._state:
            return np.zeros(0)
        message = gz_messages.read("Model", self._state)
        self.sim = message.header.stamp.sec + 1e-9 * message.header.stamp.nsec
        found = {joint.name: joint.axis1.position for joint in message.joint}
        return np.array([found[name] for name in ROBOT.joint_names])

    def robot_clock(self) -> float:
        self._read()
        return self.sim

    def truth(self) -> Array:
        return self._read()

    def unplug(self) -> None:
        self._pause(True)

    def plug(self) -> None:
        self._pause(False)

    def end(self) -> None:
        self.driver.close()
        self.server.stop()
        self.link.close()

    def _pause(self, pause: bool) -> None:
        message = gz_messages.make("WorldControl", pause=pause).SerializeToString()
        self.link.request(f"/world/{WORLD}/control", ("WorldControl", "Boolean"), message)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GazeboRig]:
    rig = GazeboRig(tmp_path_factory.mktemp("gazebo"))
    yield rig
    rig.end()


class TestGazebo(DriverConformance):
    @pytest.fixture
    def rig(self, started: GazeboRig) -> Iterator[GazeboRig]:
        yield started
        started.plug()
        started.driver.close()
