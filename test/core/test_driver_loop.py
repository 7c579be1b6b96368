"""A driver is run so that only the configured robot moves, and only by what was commanded since it was there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from fakes import at_rest, fake_robot

from optimus_nodes.core.driver import DriverDescription, parse_options
from optimus_nodes.core.driver_loop import CONNECTING, RUNNING, DriverLoop, DriverLoopConfig
from optimus_nodes.core.errors import CommandError, ConfigError, DeviceError
from optimus_nodes.core.values import JointCommand, JointState

pytestmark = pytest.mark.promise("P6")

ROBOT = fake_robot(2)
TICK = 0.004


class FakeDriver:
    """Remembers what it was told; measures 10 ms before it is asked."""

    def __init__(self) -> None:
        self.description = DriverDescription("fake", ROBOT.joint_names, ROBOT.urdf_sha256)
        self.position = np.array([0.1, -0.1])
        self.told: list[JointCommand] = []
        self.calls: list[str] = []
        self.broken = ""
        self.silent = False
        self.measured: Callable[[float], JointState | None] = lambda now: at_rest(self.position, now - 0.01)
        self.now = 0.0

    def connect(self) -> DriverDescription:
        self.calls.append("connect")
        self._fail("connect")
        return self.description

    def read(self) -> JointState | None:
        self._fail("read")
        return None if self.silent else self.measured(self.now)

    def write(self, command: JointCommand) -> None:
        self._fail("write")
        self.told.append(command)

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")

    def _fail(self, where: str) -> None:
        if self.broken == where:
            raise DeviceError(f"{where} failed")


class Stepped:
    def __init__(self, **config: object) -> None:
        self.driver = FakeDriver()
        self.loop = DriverLoop(self.driver, ROBOT, DriverLoopConfig(**config))
        self.now = 5.0

    def go_on(self, seconds: float) -> list[JointState]:
        states = []
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self.driver.now = self.now
            states.append(self.loop.step(self.now, self.now + 1000.0))
        return [state for state in states if state is not None]

    def command(self, **changes: object) -> JointCommand:
        still = np.zeros(2)
        values = JointCommand(self.now + 1000.0, np.full(2, 0.4), still, still, ROBOT.kp, ROBOT.kd)
        sent = replace(values, **changes)
        self.loop.command(sent, self.now)
        return sent


@pytest.fixture
def running() -> Stepped:
    stepped = Stepped()
    stepped.go_on(0.1)
    assert stepped.loop.phase == RUNNING
    return stepped


def test_before_it_is_connected_nothing_can_be_commanded() -> None:
    stepped = Stepped()
    with pytest.raises(CommandError, match="no robot is connected: not connected yet"):
        stepped.command()


def test_states_are_stamped_in_the_clock_of_the_nodes(running: Stepped) -> None:
    states = running.go_on(0.02)
    assert states[-1].stamp == pytest.approx(running.now + 1000.0 - 0.01)
    assert running.loop.figures(running.now)["measured_to_commanded_p50_ms"] == pytest.approx(10.0)


def test_it_stands_until_it_is_commanded_and_then_does_what_it_is_told(running: Stepped) -> None:
    assert np.array_equal(running.driver.told[-1].position, running.driver.position)
    sent = running.command()
    running.go_on(TICK)
    assert running.driver.told[-1] is sent is running.loop.applied


def test_silence_holds_it_where_it_is(running: Stepped) -> None:
    running.command()
    running.go_on(0.11)
    figures = running.loop.figures(running.now)
    assert figures["watchdog_holds"] and figures["watchdog_trips"] == 1
    assert np.array_equal(running.driver.told[-1].position, running.driver.position)


def test_a_measurement_that_comes_twice_is_told_once_but_commands_go_on(running: Stepped) -> None:
    last = running.driver.measured(running.now)
    running.driver.measured = lambda now: last
    running.go_on(TICK)
    before = len(running.driver.told)
    assert running.go_on(5 * TICK) == []
    assert len(running.driver.told) == before + 5


def test_numbers_that_are_none_are_not_measurements(running: Stepped) -> None:
    bad = [np.array([np.nan, 0.0]), np.array([np.inf, 0.0]), np.zeros(3)]
    for position in bad:
        running.driver.measured = lambda now, p=position: JointState(now, p, np.zeros_like(p), np.zeros_like(p))
        assert running.go_on(TICK) == []
    assert running.loop.figures(running.now)["bad_states"] == 3


@pytest.mark.parametrize("how", ["read", "write", "silence"])
def test_a_lost_robot_is_looked_for_and_does_not_go_on_by_itself(running: Stepped, how: str) -> None:
    running.command()
    if how == "silence":
        running.driver.silent = True
    else:
        running.driver.broken = how
    running.go_on(0.15)
    assert running.loop.phase == CONNECTING and running.driver.calls[-1] == "close"
    assert ("no measurement for 0.1" if how == "silence" else f"{how} failed") in running.loop.problem
    running.driver.broken, running.driver.silent = "", False
    running.driver.told.clear()
    running.go_on(1.0)
    assert running.loop.phase == RUNNING and running.loop.connections == 2
    assert all(np.array_equal(told.position, running.driver.position) for told in running.driver.told)


def test_a_robot_that_does_not_answer_is_asked_less_and_less_often() -> None:
    stepped = Stepped()
    stepped.driver.broken = "connect"
    stepped.go_on(20.0)
    assert 5 < stepped.driver.calls.count("connect") < 12
    assert stepped.loop.problem == "connect failed"


@pytest.mark.promise("P8")
def test_while_the_emergency_stop_is_pressed_no_command_reaches_the_joints(running: Stepped) -> None:
    running.command(effort=np.array([3.0, -3.0]))
    running.go_on(TICK)
    running.loop.emergency_stop(True)
    for _ in range(20):
        running.command()
        running.go_on(TICK)
        assert np.array_equal(running.driver.told[-1].position, running.driver.position)
        assert np.array_equal(running.driver.told[-1].effort, (3.0, -3.0))  # it does not sink
    running.loop.emergency_stop(False)
    running.go_on(TICK)
    assert np.array_equal(running.driver.told[-1].position, running.driver.position), "a command of meanwhile"
    sent = running.command()
    running.go_on(TICK)
    assert running.driver.told[-1] is sent


def test_the_emergency_stop_may_make_it_limp() -> None:
    stepped = Stepped(on_emergency="damp")
    stepped.go_on(0.1)
    stepped.loop.emergency_stop(True)
    stepped.go_on(TICK)
    assert not stepped.driver.told[-1].kp.any() and stepped.driver.told[-1].kd.any()


@pytest.mark.promise("P13")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joint_names": ("j0", "j7")}, r"has \['j1'\] that it has not; it has \['j7'\] that are not in config/robots"),
        ({"joint_names": ("j0", "j1", "j2")}, r"it has \['j2'\] that are not in config/robots/fake.yaml"),
        ({"urdf_sha256": "ab" * 32}, r"another URDF \(sha256 abababababab\) than .* config/robots/fake.yaml names"),
    ],
)
def test_another_robot_is_refused_and_left_alone(changes: dict[str, object], message: str) -> None:
    stepped = Stepped()
    stepped.driver.description = replace(stepped.driver.description, **changes)
    with pytest.raises(ConfigError, match=message):
        stepped.go_on(0.1)
    assert stepped.driver.calls == ["connect", "stop", "close"] and not stepped.driver.told


@pytest.mark.promise("P13")
def test_a_joint_that_is_found_where_it_cannot_be_is_not_moved() -> None:
    stepped = Stepped()
    stepped.driver.position = np.array([0.0, -2.4])
    with pytest.raises(ConfigError, match=r"j1 is measured at -2.40 rad, 0.40 rad outside its limits -2 to 2: cali"):
        stepped.go_on(0.1)
    assert not stepped.driver.told and stepped.driver.calls[-2:] == ["stop", "close"]


def test_the_end_leaves_the_robot_to_itself(running: Stepped) -> None:
    running.loop.close()
    assert running.driver.calls[-2:] == ["stop", "close"]
    with pytest.raises(CommandError, match="no robot is connected: ended"):
        running.command()


@pytest.mark.parametrize("name", ["command_timeout", "max_state_age", "start_tolerance"])
def test_times_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"parameter {name} of driver_node is 0; it must be above 0"):
        DriverLoopConfig(**{name: 0})


def test_a_reaction_that_the_robot_has_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="parameter on_emergency asks for a crouch, but config/robots/fake.yaml"):
        DriverLoop(FakeDriver(), replace(ROBOT, crouch=None), DriverLoopConfig(on_emergency="crouch"))


@dataclass(frozen=True)
class Options:
    port: str = "eth0"
    rate_hz: float = 500.0
    legs: bool = True


def test_options_are_read_as_what_they_are() -> None:
    assert parse_options(Options, ["rate_hz=250", "legs=false", "port=a=b"], "g") == Options("a=b", 250.0, False)
    with pytest.raises(ConfigError, match="has no option 'speed=3'; it takes port=eth0, rate_hz=500.0, legs=True"):
        parse_options(Options, ["speed=3"], "g")
    with pytest.raises(ConfigError, match="driver g: option rate_hz is 'fast'; it must be of type float"):
        parse_options(Options, ["rate_hz=fast"], "g")
