"""Runs a simulated robot in step with a monotonic clock, as a hardware driver would run a real one.

No thread and no clock of its own: the caller hands in monotonic time and gets its sensor callbacks at
exact multiples of the physics step. The driver's watchdog stands between commands and joints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..core.errors import ConfigError
from ..core.timing import Rate, StepPacer
from ..core.values import Array, JointCommand, JointState, SceneState

STEP = 0.002  # s, physics step of the simulated world
COMMAND_STEPS = 2  # commands act on every second step: 250 Hz
RESET_LEAP = 0.5  # s of robot time between the last instant of a scene and the first of the next


class World(Protocol):
    """The simulated robot and its scene."""

    @property
    def time(self) -> float: ...
    def reset(self, seed: int) -> SceneState: ...
    def apply(self, command: JointCommand) -> None: ...
    def step(self, n: int = 1) -> None: ...
    def joint_state(self) -> JointState: ...
    def set_time(self, seconds: float) -> None: ...
    def hold_effort(self) -> Array: ...


class Watchdog(Protocol):
    """What a driver does with commands, and without them."""

    trips: int

    @property
    def holding(self) -> bool: ...
    @property
    def carries(self) -> bool: ...
    def accept(self, command: JointCommand, monotonic: float) -> None: ...
    def effective(self, state: JointState, monotonic: float) -> JointCommand: ...
    def restart(self) -> None: ...


@dataclass(frozen=True)
class Stream:
    """`emit` is called every `steps` physics steps, right after the step."""

    steps: int
    emit: Callable[[], None]


def steps_of(rate_hz: float) -> int:
    """Physics steps between two events at `rate_hz`. Raises ConfigError when it is no whole number."""
    steps = 1.0 / (rate_hz * STEP) if rate_hz > 0 else 0.0
    if round(steps) < 1 or abs(steps - round(steps)) > 1e-6:
        raise ConfigError(f"a rate of {rate_hz:g} Hz does not divide the physics rate of {1 / STEP:g} Hz (sim_node)")
    return round(steps)


class SimDriver:
    """A world, its watchdog and what it emits.

    Robot time never runs backwards: it starts at the monotonic time given, so that it goes on even when the
    process is started again, and each reset leaps it forward, so that whoever commands the robot notices
    that it was put somewhere else.
    """

    def __init__(
        self, world: World, watchdog: Watchdog, monotonic: float, *, burst: int = 12, slack: float = 0.1
    ) -> None:
        self.world, self.watchdog = world, watchdog
        self.pacer = StepPacer(STEP, burst, slack)
        self.streams: Sequence[Stream] = ()
        self.late_commands = 0
        self.applied: JointCommand | None = None
        self._commands = Rate()
        self._count = 0
        self._begin(float(math.ceil(monotonic)))

    def command(self, command: JointCommand, monotonic: float) -> None:
        """Hand a command to the watchdog; one decided before the last reset is counted and dropped.

        Raises CommandError when the watchdog refuses it.
        """
        if command.stamp < self._not_before:
            self.late_commands += 1
            return
        self.watchdog.accept(command, monotonic)
        self._commands.tick(monotonic)

    def reset(self, seed: int) -> SceneState:
        """The scene of `seed`, the robot in its home posture, nothing commanded. Raises ConfigError."""
        self._begin(self.world.time + RESET_LEAP)
        return self.world.reset(seed)

    def advance(self, monotonic: float) -> int:
        """Take the steps that are due at `monotonic` s and emit what they bring; returns their number."""
        due = self.pacer.due(monotonic)
        for _ in range(due):
            if self._count % COMMAND_STEPS == 0:
                self.applied = self._command_now(monotonic)
                self.world.apply(self.applied)
            self.world.step(1)
            self._count += 1
            for stream in self.streams:
                if self._count % stream.steps == 0:
                    stream.emit()
        return due

    def figures(self, monotonic: float) -> dict[str, object]:
        """What can be counted, for diagnostics."""
        return {
            "real_time_factor": self.pacer.factor(),
            "lost_s": self.pacer.forgiven,
            "commands_hz": self._commands.hz(monotonic),
            "commands_before_reset": self.late_commands,
            "watchdog_holds": self.watchdog.holding,
            "watchdog_trips": self.watchdog.trips,
        }

    def _command_now(self, monotonic: float) -> JointCommand:
        """The watchdog's command; while it holds, with the torques without which the robot would sink."""
        command = self.watchdog.effective(self.world.joint_state(), monotonic)
        return replace(command, effort=self.world.hold_effort()) if self.watchdog.carries else command

    def _begin(self, time: float) -> None:
        self.world.set_time(time)
        self._not_before = time
        self.watchdog.restart()
