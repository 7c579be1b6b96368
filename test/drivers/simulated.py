"""Any robot of config/robots/ in simulation, as sim_node drives it, for the tests that every driver must pass."""

from __future__ import annotations

from optimus_nodes.core.driver import DriverDescription
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import Array, JointCommand, JointState
from optimus_nodes.core.watchdog import CommandWatchdog
from optimus_nodes.drivers.conformance import Rig
from optimus_nodes.drivers.sim_driver import SimDriver
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.driven import DrivenWorld


class Simulated:
    """SimDriver, which has a clock and a watchdog of its own, as a driver."""

    plugged = True

    def __init__(self, robot: RobotSpec, sim: SimDriver) -> None:
        self._robot, self._sim = robot, sim

    def connect(self) -> DriverDescription:
        self._require_plug()
        return DriverDescription("MuJoCo", self._robot.joint_names, self._robot.urdf_sha256)

    def read(self) -> JointState:
        self._require_plug()
        return self._sim.world.joint_state()

    def write(self, command: JointCommand) -> None:
        self._sim.command(command, self._sim.world.time)

    def stop(self) -> None:
        self._sim.watchdog.restart()

    def close(self) -> None:
        pass

    def _require_plug(self) -> None:
        if not self.plugged:
            raise DeviceError("no cable")


class SimRig(Rig):
    settle = 0.8

    def __init__(self, name: str) -> None:
        self.robot, urdf = load_robot(name)
        self._world = DrivenWorld(self.robot, urdf, scene=None)
        self._sim = SimDriver(self._world, CommandWatchdog(self.robot), 10.0)
        self._sim.reset(0)
        self.driver = Simulated(self.robot, self._sim)
        self._sim.advance(self.clock())

    def clock(self) -> float:
        return self._world.time

    def wait(self, seconds: float) -> None:
        end = self.clock() + seconds
        while self.clock() < end - 1e-9:
            self._sim.advance(self.clock() + 0.002)

    def truth(self) -> Array:
        return self._world.joint_state().position.copy()

    def unplug(self) -> None:
        self.driver.plugged = False

    def plug(self) -> None:
        self.driver.plugged = True
