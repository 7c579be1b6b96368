"""Runs a driver: checks the robot it is connected to, stands between commands and joints, connects again.

It reads no clock. `monotonic` is the time silence is measured by, `now` the clock of the joint states' stamps (s).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from .backoff import Backoff
from .driver import OwnTime, RobotDriver, check_description
from .errors import CommandError, ConfigError, DeviceError
from .faults import HOLD, LIMP, check_reaction
from .robot import RobotSpec
from .timing import Delays, Rate
from .values import JointCommand, JointState
from .watchdog import CommandWatchdog

CONNECTING, RUNNING = "connecting", "running"


@dataclass(frozen=True)
class DriverLoopConfig:
    """How a driver is run. Times are in s."""

    command_timeout: float = field(default=0.1, metadata={"doc": "Silence after which the watchdog holds, s."})
    on_silence: str = field(default=HOLD, metadata={"doc": "What silence leads to: hold, crouch, damp or cut."})
    on_emergency: str = field(default=HOLD, metadata={"doc": "What the emergency stop leads to here: the same words."})
    max_state_age: float = field(default=0.1, metadata={"doc": "Without a measurement for so long it is lost, s."})
    start_tolerance: float = field(
        default=0.1, metadata={"doc": "Joints may be found outside their limits by this at the start, rad."}
    )

    def __post_init__(self) -> None:
        for name in ("command_timeout", "max_state_age", "start_tolerance"):
            value = getattr(self, name)
            if not (value > 0.0 and math.isfinite(value)):
                raise ConfigError(f"parameter {name} of driver_node is {value}; it must be above 0")


class DriverLoop:
    """One driver and its watchdog. `phase` is connecting or running, `problem` why it is not running."""

    def __init__(self, driver: RobotDriver, robot: RobotSpec, config: DriverLoopConfig) -> None:
        """Raises ConfigError when the robot can't do what `config` says about faults."""
        check_reaction(config.on_emergency, "parameter on_emergency", robot)
        self._driver, self._robot, self._config = driver, robot, config
        self._own_time = driver if isinstance(driver, OwnTime) else None
        self._watchdog = CommandWatchdog(robot, config.command_timeout, config.on_silence)
        self._brake = CommandWatchdog(robot, config.command_timeout, config.on_emergency)
        self._backoff = Backoff(first_s=0.2, longest_s=5.0, healthy_s=5.0)
        self._state: JointState | None = None
        self._pressed = False
        self._tried = self._since = self._heard = -math.inf
        self._states, self._commands = Rate(), Rate()
        self._age = Delays(512)
        self.applied: JointCommand | None = None
        self.phase, self.problem, self.hardware = CONNECTING, "not connected yet", ""
        self.connections = self.bad_states = 0

    def command(self, command: JointCommand, monotonic: float) -> None:
        """Take a command. Raises CommandError when it is malformed, or when no robot is connected."""
        if self.phase != RUNNING:
            raise CommandError("not_ready", f"no robot is connected: {self.problem}")
        self._watchdog.accept(command, monotonic)
        self._commands.tick(monotonic)

    def emergency_stop(self, pressed: bool) -> None:
        """While it is pressed no command reaches the joints, whatever the joint controller says."""
        if pressed and not self._pressed:
            self._brake.restart()
        if self._pressed and not pressed:
            self._watchdog.restart()  # what was commanded meanwhile is forgotten
        self._pressed = pressed

    def step(self, monotonic: float, now: float) -> JointState | None:
        """Measure, command, and tell what was measured, if it is new, stamped in the clock of `now` or the robot's own.

        Raises: ConfigError when the robot that is connected is not the one that was configured.
        """
        if self.phase != RUNNING:
            if monotonic - self._tried >= self._backoff.wait_s:
                self._connect(monotonic)
            return None
        try:
            return self._exchange(monotonic, now)
        except DeviceError as error:
            self._lose(str(error), monotonic)
            return None

    def close(self) -> None:
        """End it: the robot is left to itself."""
        self._driver.stop()
        self._driver.close()
        self.phase, self.problem = CONNECTING, "ended"

    def figures(self, monotonic: float) -> dict[str, object]:
        """What can be counted, for diagnostics."""
        return {
            "hardware": self.hardware,
            "phase": self.phase,
            "states_hz": self._states.hz(monotonic),
            "commands_hz": self._commands.hz(monotonic),
            "measured_to_commanded_p50_ms": self._age.percentile(50.0) * 1e3,
            "measured_to_commanded_p99_ms": self._age.percentile(99.0) * 1e3,
            "watchdog_holds": self._watchdog.holding,
            "watchdog_trips": self._watchdog.trips,
            "emergency_stopped": self._pressed,
            "connections": self.connections,
            "bad_states": self.bad_states,
        }

    def _connect(self, monotonic: float) -> None:
        self._tried = monotonic
        try:
            description = self._driver.connect()
        except DeviceError as error:
            self._lose(str(error), monotonic)
            return
        try:
            check_description(description, self._robot)
        except ConfigError:
            self.close()
            raise
        self._watchdog.restart()
        self._state, self.applied = None, None
        self._since = self._heard = monotonic
        self.phase, self.problem, self.hardware = RUNNING, "", description.hardware
        self.connections += 1

    def _lose(self, problem: str, monotonic: float) -> None:
        self._backoff = self._backoff.after_failure(monotonic - self._since if self.phase == RUNNING else 0.0)
        self.phase, self.problem, self._tried = CONNECTING, problem, monotonic
        self._driver.close()

    def _exchange(self, monotonic: float, now: float) -> JointState | None:
        state = self._driver.read()
        if state is None or (self._state is not None and state.stamp <= self._state.stamp):
            if monotonic - self._heard > self._config.max_state_age:
                raise DeviceError(f"no measurement for {monotonic - self._heard:.2f} s")
            fresh = None
        else:
            fresh = self._sound(state, monotonic)
        if self._state is None:
            return None
        stamp = self._own_time.robot_time if self._own_time else now - (monotonic - self._state.stamp)
        measured = replace(self._state, stamp=stamp)
        command = self._effective(measured, monotonic)
        self._driver.write(command)
        self.applied = command
        if fresh is None:
            return None
        self._states.tick(monotonic)
        self._age.add(monotonic - fresh.stamp)
        return measured

    def _sound(self, state: JointState, monotonic: float) -> JointState | None:
        """The state, if its numbers are; the first one must lie within the robot's limits."""
        measured = (state.position, state.velocity, state.effort)
        if not all(v.shape == self._robot.home.shape and np.isfinite(v).all() for v in measured):
            self.bad_states += 1
            return None
        if self._state is None:
            self._check_start(state)
        self._state, self._heard = state, monotonic
        return state

    def _check_start(self, state: JointState) -> None:
        robot = self._robot
        outside = np.maximum(robot.lower - state.position, state.position - robot.upper)
        worst = int(outside.argmax())
        if outside[worst] > self._config.start_tolerance:
            self.close()
            raise ConfigError(
                f"{robot.joint_names[worst]} is measured at {state.position[worst]:.2f} rad, {outside[worst]:.2f} rad "
                f"outside its limits {robot.lower[worst]:g} to {robot.upper[worst]:g}: calibrate it, or mend its limits"
            )

    def _effective(self, measured: JointState, monotonic: float) -> JointCommand:
        if not self._pressed:
            return self._watchdog.effective(measured, monotonic)
        command = self._brake.effective(measured, monotonic)
        if self._config.on_emergency in LIMP or self.applied is None:
            return command
        return replace(command, effort=self.applied.effort)  # what carried the robot until now
