"""The driver of ros2_control against a stand-in controller manager with the real topics and services."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import rclpy
from controller_manager_msgs.msg import ControllerState
from controller_manager_msgs.srv import ListControllers
from fakes import fake_robot
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from sim_bench import Bench
from std_msgs.msg import Float64MultiArray

from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.core.values import Array
from optimus_nodes.drivers.conformance import DriverConformance, RealTimeRig, hold
from optimus_nodes.drivers.known import make_driver
from optimus_nodes.ros.ros2_control_driver import BROADCASTER, MODES, Ros2ControlDriver, Ros2ControlOptions

COUNT, INERTIA, STEP = 12, 0.05, 0.002  # joints, kg·m², s
ROBOT = replace(fake_robot(COUNT), kp=np.full(COUNT, 40.0), kd=np.full(COUNT, 2.0))
JOINTS = list(ROBOT.joint_names[::-1])  # the controllers' order


class ControllerManager:
    """Flywheels behind forward controllers, each of which holds its last command as ros2_control's do."""

    def __init__(self, mode: str) -> None:
        self.q, self.dq = np.zeros(COUNT), np.zeros(COUNT)
        self.mode, self.plugged = mode, True
        self.command = {what: np.zeros(COUNT) for what in MODES["impedance"]}
        self.states = {BROADCASTER: "active", **{f"{what}_controller": "active" for what in MODES[mode]}}
        self._node = Node("controller_manager", namespace="/hardware", use_global_arguments=False)
        self._parameters = []
        for what in MODES[mode]:
            name = f"{what}_controller"
            own = Node(name, namespace="/hardware", use_global_arguments=False)
            own.declare_parameter("joints", JOINTS)
            own.create_subscription(Float64MultiArray, f"{name}/commands", self._taker(what), 10)
            self._parameters.append(own)
        self._node.create_service(ListControllers, "controller_manager/list_controllers", self._on_list)
        self._out = self._node.create_publisher(JointState, "joint_states", 10)
        self._executor = SingleThreadedExecutor()
        for node in (self._node, *self._parameters):
            self._executor.add_node(node)
        self._begun, self._steps, self._ended = time.monotonic(), 0, threading.Event()
        self._threads = [threading.Thread(target=self._executor.spin), threading.Thread(target=self._run)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        self._executor.shutdown()
        for thread in self._threads:
            thread.join(2.0)
        for node in (self._node, *self._parameters):
            node.destroy_node()

    def _taker(self, what: str):
        def take(message: Float64MultiArray) -> None:
            if self.plugged:
                self.command[what] = np.array(message.data)[::-1]

        return take

    def _on_list(self, request: ListControllers.Request, response: ListControllers.Response):
        response.controller = [ControllerState(name=name, state=state) for name, state in self.states.items()]
        return response

    def _run(self) -> None:
        while not self._ended.is_set():
            while self._begun + self._steps * STEP < time.monotonic():
                self._steps += 1
                self._turn()
            if self.plugged:
                message = JointState(name=JOINTS)
                message.position, message.velocity = self.q[::-1].tolist(), self.dq[::-1].tolist()
                self._out.publish(message)
            time.sleep(2 * STEP)

    def _turn(self) -> None:
        told = self.command
        if self.mode == "position":  # stiff hardware of its own
            torque, damping = ROBOT.kp * (told["position"] - self.q), ROBOT.kd
        elif self.mode == "effort":
            torque, damping = told["effort"], np.zeros(COUNT)
        else:
            torque = told["proportional"] * (told["position"] - self.q) + told["effort"]
            torque, damping = torque + told["derivative"] * told["velocity"], told["derivative"]
        self.dq = (self.dq + STEP * torque / INERTIA) / (1.0 + STEP * (damping + 0.2) / INERTIA)
        self.q = self.q + STEP * self.dq


class ControlRig(RealTimeRig):
    robot = ROBOT
    settle, together = 0.6, 12
    rate_hz = 80.0  # robot and driver share a process, on a machine that others use
    torque = False

    def __init__(self, mode: str) -> None:
        self.manager = ControllerManager(mode)
        self.driver = Ros2ControlDriver(ROBOT, Ros2ControlOptions(mode=mode))

    def end(self) -> None:
        self.driver.close()
        self.manager.end()

    def truth(self) -> Array:
        return self.manager.q.copy()

    def unplug(self) -> None:
        self.manager.plugged = False

    def plug(self) -> None:
        self.manager.plugged = True


@pytest.fixture(scope="module", autouse=True)
def ros(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A ROS domain of its own."""
    with Bench(tmp_path_factory.mktemp("control")):
        rclpy.init()
        yield
        rclpy.try_shutdown()


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[ControlRig]:
    started = ControlRig(getattr(request, "param", "impedance"))
    yield started
    started.end()


class TestImpedance(DriverConformance):
    @pytest.fixture
    def rig(self) -> Iterator[ControlRig]:
        started = ControlRig("impedance")
        yield started
        started.end()


@pytest.mark.parametrize("mode", ["effort", "position"])
def test_hardware_that_takes_torques_or_positions_alone_goes_there_too(mode: str) -> None:
    rig = ControlRig(mode)
    try:
        rig.driver.connect()
        rig.see()
        for _ in range(100):
            rig.driver.read()
            rig.driver.write(hold(ROBOT, np.full(COUNT, 0.3)))
            rig.wait(0.01)
        assert rig.truth() == pytest.approx(np.full(COUNT, 0.3), abs=0.02)
        assert (rig.manager.command["position"] == 0.0).all() == (mode == "effort")
    finally:
        rig.end()


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("", r"velocity_controller is not loaded: ros2 control load_controller -c /hardware/controller_manager"),
        ("inactive", r"velocity_controller is inactive: ros2 control set_controller_state -c /hardware/controller_ma"),
    ],
)
def test_a_controller_that_is_missing_is_named_with_the_command_that_mends_it(
    rig: ControlRig, state: str, text: str
) -> None:
    if state:
        rig.manager.states["velocity_controller"] = state
    else:
        del rig.manager.states["velocity_controller"]
    with pytest.raises(DeviceError, match=text):
        rig.driver.connect()
    rig.manager.states["velocity_controller"] = "active"
    assert set(rig.driver.connect().joint_names) == set(ROBOT.joint_names)


def test_a_controller_that_is_stopped_ends_the_connection(rig: ControlRig) -> None:
    rig.driver.connect()
    rig.see()
    rig.manager.states["position_controller"] = "inactive"

    def reads_on() -> bool:
        try:
            rig.driver.read()
        except DeviceError as error:
            assert "position_controller is inactive" in str(error)
            return False
        return True

    end = time.monotonic() + 5.0
    while reads_on():
        assert time.monotonic() < end, "nobody has noticed"
        rig.wait(0.05)


def test_without_a_manager_it_says_where_it_looked() -> None:
    driver = make_driver("ros2_control", ["namespace=elsewhere"], ROBOT)
    with pytest.raises(DeviceError, match="there is no controller manager at /elsewhere; start ros2_control_node"):
        driver.connect()
    driver.close()


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="mode is 'torque'; it must be one of impedance, effort, position"):
        make_driver("ros2_control", ["mode=torque"], ROBOT)
