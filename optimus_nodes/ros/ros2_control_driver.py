"""A robot behind ros2_control: forward controllers take the commands, a joint_state_broadcaster tells the state.

`config/ros2_control.yaml` says which; all are in one namespace, so that the robot's own /joint_states is not ours.
mode impedance: positions, velocities, torques, stiffness and damping, for hardware that has all five interfaces.
mode effort: the torque that the command asks for, computed here at each write. mode position: positions alone; the
hardware's own stiffness then holds them, and what a command says of gains and torques is not heard.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMsg
from std_msgs.msg import Float64MultiArray

from ..core.driver import DriverDescription
from ..core.errors import ConfigError, DeviceError
from ..core.robot import RobotSpec
from ..core.values import Array, JointCommand, JointState
from . import qos

# Each interface and the controller that forwards to it.
MODES = {
    "impedance": ("position", "velocity", "effort", "proportional", "derivative"),
    "effort": ("effort",),
    "position": ("position",),
}
BROADCASTER = "joint_state_broadcaster"
_PATIENCE = 3.0  # s for a service or a first state
_LOOK = 1.0  # s between two looks at the controllers


@dataclass(frozen=True)
class Ros2ControlOptions:
    """`namespace`: of controller manager, controllers and their joint_states. `mode`: impedance, effort or position."""

    namespace: str = "hardware"
    mode: str = "impedance"


class Ros2ControlDriver:
    """One robot of a controller manager."""

    def __init__(
        self, robot: RobotSpec, options: Ros2ControlOptions, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if options.mode not in MODES:
            raise ConfigError(f"driver ros2_control: mode is {options.mode!r}; it must be one of {', '.join(MODES)}")
        self._robot, self._mode, self._clock = robot, options.mode, clock
        self._at = f"/{options.namespace.strip('/')}".rstrip("/")
        self._controllers = {what: f"{what}_controller" for what in MODES[options.mode]}
        self._link: _Link | None = None
        self._state: JointState | None = None
        self._order: dict[str, Array] = {}

    def connect(self) -> DriverDescription:
        """Find the controller manager, see that what is needed is active, and wait for the first state."""
        self.close()
        self._link = link = _Link(self._robot, self._at, list(self._controllers.values()), self._clock)
        link.require([BROADCASTER, *self._controllers.values()])
        names: set[str] = set()
        for what, controller in self._controllers.items():
            joints = link.joints_of(controller)
            names = set(joints)
            if names == set(self._robot.joint_names):
                self._order[what] = self._robot.index(joints)
        if names == set(self._robot.joint_names):
            link.wait_for_state()
        return DriverDescription(f"ros2_control at {self._at or '/'}, {self._mode}", tuple(names))

    def read(self) -> JointState | None:
        """What the joint_state_broadcaster told last."""
        if self._link is None:
            return None
        self._link.check()
        self._state = self._link.state
        return self._state

    def write(self, command: JointCommand) -> None:
        """Take a command."""
        if self._link is None or self._state is None:
            raise DeviceError("ros2_control is not connected")
        state, robot = self._state, self._robot
        if self._mode == "effort":
            stiff, damped = command.position - state.position, command.velocity - state.velocity
            torque = command.kp * stiff + command.kd * damped + command.effort
            values = {"effort": np.clip(torque, -robot.max_effort, robot.max_effort)}
        else:
            values = {"position": command.position, "velocity": command.velocity, "effort": command.effort}
            values |= {"proportional": command.kp, "derivative": command.kd}
        for what, controller in self._controllers.items():
            self._link.tell(controller, values[what][self._order[what]])

    def stop(self) -> None:
        """Stand where it is by stiffness alone. In mode effort, where nothing is left to hold them, joints go limp."""
        if self._state is not None and self._link is not None and self._order:
            still, robot = np.zeros_like(self._state.position), self._robot
            self.write(JointCommand(0.0, self._state.position, still, still, robot.kp, robot.kd))

    def close(self) -> None:
        """Leave the graph."""
        if self._link is not None:
            self._link.close()
        self._link, self._state = None, None


class _Link:
    """A node of its own, spun in a thread of its own."""

    def __init__(self, robot: RobotSpec, at: str, controllers: list[str], clock: Callable[[], float]) -> None:
        self._robot, self._at, self._clock = robot, at, clock
        self.state: JointState | None = None
        self._problem = ""
        self._lists = _list_controllers()
        self._node = Node("ros2_control_driver", use_global_arguments=False)
        self._node.create_subscription(JointStateMsg, f"{at}/joint_states", self._on_state, qos.STATE)
        self._out = {
            name: self._node.create_publisher(Float64MultiArray, f"{at}/{name}/commands", qos.COMMAND)
            for name in controllers
        }
        self._client = self._node.create_client(self._lists, f"{at}/controller_manager/list_controllers")
        self._wanted = [BROADCASTER, *controllers]
        self._node.create_timer(_LOOK, self._look)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="ros2_control", daemon=True)
        self._thread.start()

    def require(self, wanted: list[str]) -> None:
        """Raises: DeviceError unless all are active, with the command that mends it."""
        if not self._client.wait_for_service(_PATIENCE):
            raise DeviceError(f"there is no controller manager at {self._at or '/'}; start ros2_control_node there")
        answer = self._ask(self._client, self._lists.Request(), "list_controllers")
        problem = self._missing(answer, wanted)
        if problem:
            raise DeviceError(problem)

    def joints_of(self, controller: str) -> list[str]:
        """The joints a controller forwards to, in its order. Raises DeviceError when it doesn't say."""
        client = self._node.create_client(GetParameters, f"{self._at}/{controller}/get_parameters")
        try:
            if not client.wait_for_service(_PATIENCE):
                raise DeviceError(f"controller {controller} has no parameters")
            answer = self._ask(client, GetParameters.Request(names=["joints"]), f"parameters of {controller}")
        finally:
            self._node.destroy_client(client)
        return list(answer.values[0].string_array_value) if answer.values else []

    def wait_for_state(self) -> None:
        """Raises: DeviceError when nobody tells the joints' state."""
        end = time.monotonic() + _PATIENCE
        while self.state is None:
            if time.monotonic() > end:
                raise DeviceError(f"no joint state on {self._at}/joint_states, though {BROADCASTER} is active")
            time.sleep(0.01)

    def check(self) -> None:
        """Raises: DeviceError when a controller is active no longer."""
        if self._problem:
            raise DeviceError(self._problem)

    def tell(self, controller: str, values: Array) -> None:
        """Send one number for each joint, in the controller's order."""
        message = Float64MultiArray()
        message.data = values.tolist()
        self._out[controller].publish(message)

    def close(self) -> None:
        """End the thread, then the node."""
        self._executor.shutdown(timeout_sec=1.0)
        self._thread.join(timeout=2.0)
        self._node.destroy_node()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except Exception:
            if rclpy.ok():
                raise  # otherwise the process is being shut down

    def _look(self) -> None:
        if self._client.service_is_ready():
            future = self._client.call_async(self._lists.Request())
            future.add_done_callback(self._on_list)

    def _on_list(self, future: Any) -> None:
        if future.exception() is None and future.result() is not None:
            self._problem = self._missing(future.result(), self._wanted)

    def _missing(self, answer: Any, wanted: list[str]) -> str:
        found = {controller.name: controller.state for controller in answer.controller}
        manager = f"-c {self._at}/controller_manager"
        for name in wanted:
            if name not in found:
                how = f"ros2 control load_controller {manager} --set-state active {name}"
                return f"controller {name} is not loaded: {how}"
            if found[name] != "active":
                how = f"ros2 control set_controller_state {manager} {name} active"
                return f"controller {name} is {found[name]}: {how}"
        return ""

    def _ask(self, client: Any, request: Any, what: str) -> Any:
        future, end = client.call_async(request), time.monotonic() + _PATIENCE
        while not future.done():
            if time.monotonic() > end:
                raise DeviceError(f"{self._at}/controller_manager does not answer: {what}")
            time.sleep(0.005)
        return future.result()

    def _on_state(self, message: JointStateMsg) -> None:
        index = {name: k for k, name in enumerate(message.name)}
        if any(name not in index for name in self._robot.joint_names):
            return
        order = [index[name] for name in self._robot.joint_names]
        zeros = np.zeros(len(message.name))
        rows = [np.asarray(row, np.float64) if len(row) else zeros for row in _rows(message)]
        if all(len(row) == len(message.name) for row in rows):
            self.state = JointState(self._clock(), *(row[order] for row in rows))


def _rows(message: JointStateMsg) -> tuple[Any, Any, Any]:
    return message.position, message.velocity, message.effort


def _list_controllers() -> Any:
    try:
        from controller_manager_msgs.srv import ListControllers
    except ImportError as error:
        raise ConfigError(
            f"driver ros2_control needs controller_manager_msgs: apt install ros-jazzy-ros2-control ({error})"
        ) from error
    return ListControllers
