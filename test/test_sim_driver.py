"""The driver of the simulated robot: real time, streams, watchdog and resets, with a world made for the test."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from optimus_nodes.core.errors import CommandError, ConfigError
from optimus_nodes.core.values import JointCommand, JointState, SceneState
from optimus_nodes.core.watchdog import CommandWatchdog
from optimus_nodes.drivers.sim_driver import RESET_LEAP, SimDriver, Stream, steps_of
from optimus_nodes.drivers.snapshots import SceneInstant, newest_instant, send_instant, snapshot_link
from optimus_nodes.robot.load import load_robot

ROBOT, _ = load_robot("optimus")
J = len(ROBOT.joint_names)


class StillWorld:
    """Takes commands and lets time pass; the robot does not move."""

    def __init__(self) -> None:
        self.time, self.steps, self.position = 0.0, 0, ROBOT.home.copy()
        self.applied: list[JointCommand] = []
        self.weight = np.zeros(J)

    def reset(self, seed: int) -> SceneState:
        self.position = ROBOT.home.copy()
        return SceneState(self.time, seed)

    def apply(self, command: JointCommand) -> None:
        self.applied.append(command)

    def step(self, n: int = 1) -> None:
        self.time += 0.002 * n
        self.steps += n

    def set_time(self, seconds: float) -> None:
        self.time = seconds

    def hold_effort(self) -> np.ndarray:
        return self.weight

    def joint_state(self) -> JointState:
        return JointState(self.time, self.position.copy(), np.zeros(J), np.zeros(J))


def make(monotonic: float = 100.0) -> SimpleNamespace:
    world = StillWorld()
    return SimpleNamespace(world=world, driver=SimDriver(world, CommandWatchdog(ROBOT), monotonic))


def command(stamp: float, shift: float = 0.1) -> JointCommand:
    zero = np.zeros(J)
    return JointCommand(stamp, ROBOT.home + shift, zero, zero, ROBOT.kp, ROBOT.kd)


def run(made: SimpleNamespace, start: float, seconds: float) -> None:
    for k in range(round(seconds / 0.004) + 1):
        made.driver.advance(start + 0.004 * k)


def test_robot_time_passes_as_monotonic_time_does() -> None:
    made = make(100.0)
    begin = made.world.time
    run(made, 100.0, 1.0)
    assert made.world.time - begin == pytest.approx(1.0, abs=0.003)


def test_each_stream_is_emitted_at_exact_multiples_of_its_period() -> None:
    made, stamps = make(), []
    begin = made.world.time
    made.driver.streams = [Stream(steps_of(20.0), lambda: stamps.append(made.world.time - begin))]
    run(made, 100.0, 1.0)
    assert np.allclose(stamps, 0.05 * np.arange(1, len(stamps) + 1))
    assert len(stamps) == 20


def test_a_rate_that_does_not_divide_the_physics_rate_is_refused() -> None:
    assert steps_of(250.0) == 2
    with pytest.raises(ConfigError, match="a rate of 30 Hz does not divide the physics rate of 500 Hz"):
        steps_of(30.0)
    with pytest.raises(ConfigError, match="a rate of 0 Hz"):
        steps_of(0.0)


def test_a_fresh_command_acts_and_silence_brings_the_watchdog() -> None:
    made = make()
    run(made, 100.0, 0.1)
    made.driver.command(command(made.world.time), 100.1)
    run(made, 100.1, 0.05)
    assert np.allclose(made.world.applied[-1].position, ROBOT.home + 0.1)
    run(made, 100.16, 0.3)
    assert np.allclose(made.world.applied[-1].position, ROBOT.home, atol=1e-6)
    assert made.driver.watchdog.holding


def test_after_a_reset_nothing_commanded_before_it_moves_the_robot() -> None:
    made = make()
    old = command(made.world.time + 0.1)
    made.driver.command(old, 100.0)
    before = made.world.time
    scene = made.driver.reset(7)
    assert (scene.seed, scene.stamp) == (7, pytest.approx(before + RESET_LEAP))
    made.driver.command(old, 100.01)
    run(made, 100.01, 0.05)
    assert made.driver.late_commands == 1
    assert np.allclose(made.world.applied[-1].position, ROBOT.home)


def test_robot_time_goes_on_when_the_driver_is_started_again() -> None:
    """A simulator that came back with time 0 made every stamp of the others a stamp from the future."""
    first = make(100.0)
    run(first, 100.0, 2.0)
    assert make(103.0).world.time > first.world.time


def test_while_it_holds_it_carries_the_weight_of_the_robot() -> None:
    """Without that the neck sank by 0.1 rad after every reset, and rose again when the controller took over."""
    made = make()
    made.world.weight = np.linspace(-1.0, 1.0, J)
    run(made, 100.0, 0.04)
    assert np.array_equal(made.world.applied[-1].effort, made.world.weight)
    made.driver.command(command(200.0), 100.04)
    made.driver.advance(100.05)
    assert not made.world.applied[-1].effort.any()


def test_a_malformed_command_is_refused_with_its_reason() -> None:
    made = make()
    zero = np.zeros(J)
    bad = JointCommand(made.world.time + 1, np.full(J, np.nan), zero, zero, zero, zero)
    with pytest.raises(CommandError, match="is not a finite number"):
        made.driver.command(bad, 100.0)


def test_the_newest_instant_arrives_and_the_older_ones_are_counted() -> None:
    sender, receiver = snapshot_link()
    for k in range(3):
        assert send_instant(sender, SceneInstant(0.05 * k, 9, np.arange(130.0) + k))
    instant, skipped = newest_instant(receiver)
    assert instant is not None
    assert (instant.stamp, instant.seed, skipped) == (0.1, 9, 2)
    assert np.array_equal(instant.qpos, np.arange(130.0) + 2)
    sender.close()
    receiver.close()


def test_sending_never_waits_and_a_sender_that_ended_is_noticed() -> None:
    sender, receiver = snapshot_link()
    instant = SceneInstant(0.0, 0, np.zeros(130))
    assert not all(send_instant(sender, instant) for _ in range(10_000))
    sender.close()
    assert newest_instant(receiver)[0] is not None
    assert newest_instant(receiver)[0] is None
    receiver.close()
    other, gone = snapshot_link()
    gone.close()
    assert not send_instant(other, instant)
    other.close()
