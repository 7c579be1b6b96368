"""A real robot on topics: a driver of `optimus_nodes/drivers/`, or yours, between joint controller and joints.

In: joint_commands, emergency_stop. Out: joint_states and applied_joint_commands at `rate_hz`, /diagnostics. Its own
watchdog holds the joints when commands stop, and while the emergency stop is pressed none reaches them. A robot that is
lost is looked for until it is back; it then stands until it is commanded anew. Another robot than the configured one
ends the node.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rclpy.node import Node

from optimus_nodes.core.driver_loop import RUNNING, DriverLoop, DriverLoopConfig
from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import JointCommand
from optimus_nodes.drivers.known import make_driver
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import lease, qos
from optimus_nodes.ros.diagnostics import ERROR, OK, WARN, Health, Reporter
from optimus_nodes.ros.emergency_stop import hear_stop
from optimus_nodes.ros.joint_topics import command_publisher, state_publisher, subscribe_commands
from optimus_nodes.ros.one_at_a_time import OneAtATime
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.runtime import real_time, run
from optimus_nodes.ros.steady import Steady


@dataclass(frozen=True)
class DriverParams:
    """Parameters of driver_node."""

    robot: str = field(default="optimus", metadata={"doc": "Robot in config/robots."})
    driver: str = field(default="mock", metadata={"doc": "A driver of ours by its name, or package.module:Class."})
    options: tuple[str, ...] = field(default=(), metadata={"doc": "What the driver takes, as name=value words."})
    rate_hz: float = field(default=250.0, metadata={"doc": "Measurements and commands per second, 50 to 1000."})
    loop: DriverLoopConfig = field(default_factory=DriverLoopConfig)

    def __post_init__(self) -> None:
        if not 50.0 <= self.rate_hz <= 1000.0:
            raise ConfigError(f"parameter rate_hz of driver_node is {self.rate_hz}; it must be 50 to 1000")


class DriverNode(Node):
    """The shell around DriverLoop."""

    def __init__(self, scheduling: str, load: Callable[[str], tuple[RobotSpec, str]] = load_robot) -> None:
        super().__init__("driver")
        params, self._scheduling = declare(self, DriverParams), scheduling
        robot, _ = load(params.robot)
        self._loop = DriverLoop(make_driver(params.driver, params.options, robot), robot, params.loop)
        self._refused, self._said = 0, ""
        one = OneAtATime()  # commands come in a thread of their own
        self._states = state_publisher(self, robot)
        self._applied = command_publisher(self, robot, "applied_joint_commands", qos.STATE)
        self._commands = subscribe_commands(self, robot, one(self._on_command), one(self._refuse))
        hear_stop(self, one(lambda message: self._loop.emergency_stop(message.data)))
        lease.announce(self)
        self._reporter = Reporter(self, one(self._health), "driver")
        self._beat = Steady(1.0 / params.rate_hz, one(self._on_tick))
        gc.freeze()  # what is alive now stays alive: garbage collection need not look at it again

    def _on_tick(self) -> None:
        state = self._loop.step(time.monotonic(), self.get_clock().now().nanoseconds * 1e-9)
        if state is not None:
            self._states.publish(state)
            if self._loop.applied is not None:
                self._applied.publish(self._loop.applied)
        if self._loop.problem != self._said:
            self._said = self._loop.problem
            if self._said:
                self.get_logger().warning(self._said)
            else:
                self.get_logger().info(f"connected to {self._loop.hardware}")

    def _on_command(self, command: JointCommand) -> None:
        self._loop.command(command, time.monotonic())

    def _refuse(self, error: CommandError) -> None:
        self._refused += 1
        self.get_logger().error(f"joint command refused ({error.reason}): {error}", throttle_duration_sec=5.0)

    def _health(self) -> Health:
        figures = self._loop.figures(time.monotonic())
        figures |= {"commands_refused": self._refused, "scheduling": self._scheduling, **self._beat.figures()}
        if self._loop.phase != RUNNING:
            return Health(ERROR, f"no robot: {self._loop.problem}", figures)
        if figures["emergency_stopped"]:
            return Health(WARN, "emergency stop: no command reaches the joints", figures)
        if figures["watchdog_holds"]:
            return Health(WARN, "no commands: the watchdog holds the joints", figures)
        return Health(OK, f"{self._loop.hardware} is connected", figures)

    def destroy_node(self) -> None:
        """Leave the robot to itself, and end the threads of the clock and the commands, before the node goes."""
        self._beat.close()
        self._commands.close()
        self._loop.close()
        self._states.close()
        self._applied.close()
        super().destroy_node()


def main() -> int:
    """Entry point."""
    scheduling = real_time(priority=10)  # below joint_control's
    return run(lambda: DriverNode(scheduling))


if __name__ == "__main__":
    sys.exit(main())
