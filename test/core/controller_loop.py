"""A controller and a robot that obeys, for tests: every command is checked against the limits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from fakes import PerfectRobot, chunk_of, fake_robot, no_gravity

from optimus_nodes.core.joint_controller import JointControlConfig, JointController
from optimus_nodes.core.values import JointCommand

ROBOT = fake_robot(3)
DT = 0.004
EPS = 1.0 + 1e-6


class Loop:
    """A controller and a robot that follows it, ticked at 250 Hz; every command is checked."""

    def __init__(
        self, start: np.ndarray | None = None, gravity: Callable = no_gravity, config: JointControlConfig | None = None
    ) -> None:
        self.controller = JointController(ROBOT, config or JointControlConfig(), gravity)
        self.robot = PerfectRobot(np.zeros(3) if start is None else start)
        self.now = 0.0
        self.commands: list[JointCommand] = []
        self._acceleration = np.zeros(3)
        self.tick()

    def tick(self, times: int = 1) -> JointCommand:
        for _ in range(times):
            command = self.controller.tick(self.now, self.now, self.robot.state(self.now))
            self._check(command)
            self.commands.append(command)
            self.robot.apply(command)
            self.now += DT
        return command

    def chunk(self, rows: np.ndarray, stamp: float | None = None, **changes: object) -> None:
        stamp = self.now if stamp is None else stamp
        self.controller.on_chunk(chunk_of(ROBOT, rows, stamp, **changes), self.now, self.now)

    def target(self, positions: np.ndarray, names: tuple[str, ...] = ROBOT.joint_names) -> None:
        self.controller.on_joint_target(names, positions, "teleop", self.now, self.now)

    def play(self, path: Callable[[float], np.ndarray], ticks: int, every: int = 12) -> None:
        """Play chunks cut from `path`, one every so many ticks."""
        for k in range(ticks):
            if k % every == 0:
                self.chunk(np.array([path(self.now + 0.05 * i) for i in range(16)]))
            self.tick()

    def _check(self, command: JointCommand) -> None:
        for values in (command.position, command.velocity, command.effort, command.kp, command.kd):
            assert values.shape == (3,) and np.isfinite(values).all()
        state = self.robot.state(self.now)
        torque = command.kp * (command.position - state.position) + command.kd * (command.velocity - state.velocity)
        assert np.all(np.abs(torque + command.effort) <= ROBOT.max_effort * EPS)
        assert np.all(np.abs(command.position) <= 2.0 + 1e-9)
        if not self.commands:
            return
        if not command.kp.any():  # limp: its posture is the measured one, and nothing draws a joint to it
            self._acceleration = np.zeros(3)
            return
        last = self.commands[-1]
        speed = (command.position - last.position) / DT
        assert np.all(np.abs(speed) <= ROBOT.max_velocity * EPS)
        assert np.allclose(speed, command.velocity, atol=1e-9)
        acceleration = (speed - last.velocity) / DT
        assert np.all(np.abs(acceleration) <= ROBOT.max_acceleration * EPS + 1e-6)
        assert np.all(np.abs(acceleration - self._acceleration) <= ROBOT.max_jerk * DT * EPS + 1e-6)
        self._acceleration = acceleration

    @property
    def refused(self) -> dict[str, int]:
        return self.controller.status().refused


def wave(time: float) -> np.ndarray:
    return 0.5 * (1.0 - np.cos(2.0 * time)) * np.array([1.0, -0.5, 0.2])
