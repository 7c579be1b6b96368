"""A robot that is not there: its joints are where they were told to be, as fast as their limits allow.

For trying a new robot's description, launch files and programs without physics: `optimus up --driver mock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.driver import DriverDescription
from ..core.robot import RobotSpec
from ..core.values import JointCommand, JointState


@dataclass(frozen=True)
class MockOptions:
    """Options of the driver `mock`: `rate_hz` of its measurements."""

    rate_hz: float = 250.0


class MockDriver:
    """Joints that follow their command within the velocity limit; without stiffness they stay."""

    def __init__(self, robot: RobotSpec, options: MockOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self._robot, self._period, self._clock = robot, 1.0 / options.rate_hz, clock
        self._position = robot.home.copy()
        self._velocity = np.zeros_like(robot.home)
        self._command: JointCommand | None = None
        self._measured: float | None = None
        self._due = 0.0

    def connect(self) -> DriverDescription:
        """There is always one."""
        self._measured = self._due = self._clock()
        self._command = None
        return DriverDescription("mock", self._robot.joint_names, self._robot.urdf_sha256)

    def read(self) -> JointState | None:
        """Where the joints are by now."""
        if self._measured is None:
            return None
        now, half = self._clock(), 0.5 * self._period
        if now >= self._due - half and now > self._measured:  # who reads at the same rate gets each of them
            self._due = max(self._due + self._period, now + half)
            self._go(now - self._measured)
            self._measured = now
        effort = np.zeros_like(self._position) if self._command is None else self._command.effort
        return JointState(self._measured, self._position.copy(), self._velocity.copy(), effort)

    def write(self, command: JointCommand) -> None:
        """Go there."""
        self._command = command

    def stop(self) -> None:
        """Stay."""
        self._command = None

    def close(self) -> None:
        """Nothing was taken."""
        self._measured = None

    def _go(self, elapsed: float) -> None:
        before, limit = self._position, self._robot.max_velocity * elapsed
        if self._command is not None:
            way = np.where(self._command.kp > 0.0, self._command.position - before, 0.0)
            self._position = before + np.clip(way, -limit, limit)
        self._velocity = (self._position - before) / elapsed
