"""The driver's own watchdog: whatever dies above it, the joints brake and hold, or do what was chosen instead."""

from __future__ import annotations

import numpy as np

from .errors import CommandError
from .faults import HOLD, LIMP, check_reaction, limp_command, react
from .joint_guard import JointGuard
from .robot import RobotSpec
from .values import Array, JointCommand, JointState


class CommandWatchdog:
    """Passes fresh commands on; after `timeout_s` of silence it brakes from the measured motion and holds there.

    What carries the robot then are the torques of the last command, or without one those measured.

    A command is fresh for `timeout_s` after its arrival and, in robot time, after its stamp: one that lay in a
    queue while the driver or the link stood still lives no longer for that.
    """

    def __init__(self, robot: RobotSpec, timeout_s: float = 0.1, reaction: str = HOLD) -> None:
        """`reaction`: what silence leads to, see faults.py. Raises ConfigError when this robot can't do it."""
        check_reaction(reaction, "parameter on_silence", robot)
        self._robot, self._timeout, self._reaction = robot, timeout_s, reaction
        self._guard = JointGuard(robot)
        self._command: JointCommand | None = None
        self._arrival = 0.0
        self._held_at: float | None = None
        self._carrying: Array = np.zeros_like(robot.home)
        self.trips = 0

    @property
    def holding(self) -> bool:
        """True while the watchdog, not a command, moves the joints."""
        return self._held_at is not None

    @property
    def carries(self) -> bool:
        """True while the watchdog keeps the robot from sinking."""
        return self.holding and self._reaction not in LIMP

    def restart(self) -> None:
        """Forget commands and holding posture: the simulated robot was put somewhere else."""
        self._command, self._held_at = None, None

    def accept(self, command: JointCommand, monotonic: float) -> None:
        """Take a command. Raises CommandError when its shape is wrong or a number in it is not finite."""
        joints = len(self._robot.joint_names)
        for name in ("position", "velocity", "effort", "kp", "kd"):
            values: Array = getattr(command, name)
            if values.shape != (joints,):
                raise CommandError("length", f"command {name} has shape {values.shape}, allowed is ({joints},)")
            if not np.isfinite(values).all():
                worst = self._robot.joint_names[int(np.argmin(np.isfinite(values)))]
                raise CommandError("not_finite", f"command {name} of {worst} is not a finite number")
        self._command, self._arrival = command, monotonic

    def effective(self, state: JointState, monotonic: float) -> JointCommand:
        """What to apply now: the last command while it is fresh, else a command that brakes and holds."""
        command = self._command
        if command is not None and max(monotonic - self._arrival, state.stamp - command.stamp) <= self._timeout:
            self._held_at = None
            return command
        if self._held_at is None:
            self._held_at = monotonic
            self._guard.restart(state.position, state.velocity)
            self.trips += command is not None
            most = self._robot.max_effort
            self._carrying = np.clip(state.effort, -most, most) if command is None else command.effort
        robot = self._robot
        if self._reaction in LIMP:
            return limp_command(self._reaction, robot, state.stamp, state.position)
        if monotonic > self._held_at:
            react(self._reaction, self._guard, robot, state.position, monotonic - self._held_at)
            self._held_at = monotonic
        guard = self._guard
        return JointCommand(state.stamp, guard.position, guard.velocity, self._carrying, robot.kp, robot.kd)
