"""What every driver must do, as tests. For a driver of your own:

    from optimus_nodes.drivers.conformance import DriverConformance, Rig

    class MyRig(Rig): ...            # your driver, and the robot (or a stand-in for it) at the other end

    class TestMyDriver(DriverConformance):
        @pytest.fixture
        def rig(self): return MyRig()

A rig's clock may be stepped or real: the tests only ask it to `wait`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
import pytest

from ..core.driver import DriverDescription, RobotDriver
from ..core.driver_loop import RUNNING, DriverLoop, DriverLoopConfig
from ..core.errors import CommandError, ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array, JointCommand, JointState

TICK = 0.004  # s
NEAR = 0.02  # rad: how well a joint must get to where it is told to be, and stay out of others' business
_MOVED = 0.1  # rad
_SPEED = 0.5  # rad/s


class Rig(ABC):
    """A driver and the robot at the other end. Override what is abstract, and what of the figures is different."""

    robot: RobotSpec
    driver: RobotDriver
    rate_hz = 250.0  # of the measurements that the driver should give
    settle = 1.0  # s in which a joint goes 0.1 rad
    together = 6  # joints that may be moved at the same time without disturbing others much
    torque = True  # whether stiffness, damping and torque mean something to the robot

    @abstractmethod
    def clock(self) -> float:
        """What the driver stamps with, s."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Let time pass, for the robot too."""

    @abstractmethod
    def truth(self) -> Array:
        """Where the robot's joints really are, (J,) rad in the robot's order."""

    @abstractmethod
    def unplug(self) -> None:
        """The way to the robot is cut."""

    @abstractmethod
    def plug(self) -> None:
        """And whole again."""

    def robot_clock(self) -> float:
        """What joint states are stamped with, s: another clock where the robot has its own."""
        return self.clock()

    def see(self) -> JointState:
        """A measurement; the driver may need a moment for its first one."""
        for _ in range(500):
            if (state := self.driver.read()) is not None:
                return state
            self.wait(TICK)
        raise AssertionError("the driver has measured nothing in 2 s")


class RealTimeRig(Rig):
    """One whose robot, or stand-in, goes by the clock on the wall."""

    def clock(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


def hold(robot: RobotSpec, position: Array, stamp: float = 0.0, effort: Array | None = None) -> JointCommand:
    """A command to stand stiffly at `position` (J,) rad."""
    still = np.zeros_like(position)
    return JointCommand(stamp, position, still, still if effort is None else effort, robot.kp, robot.kd)


class Run:
    """A rig that is run by a DriverLoop, and a controller that commands it every tick while `goal` is set."""

    def __init__(self, rig: Rig, **config: object) -> None:
        self.rig = rig
        self.loop = DriverLoop(rig.driver, rig.robot, DriverLoopConfig(**config))  # type: ignore[arg-type]
        self.goal: Array | None = None
        self.states: list[JointState] = []
        self._effort = np.zeros_like(rig.robot.home)  # what carries the robot where it begins

    def go_on(self, seconds: float) -> None:
        end = self.rig.clock() + seconds
        while self.rig.clock() < end - 1e-9:
            now = self.rig.clock()
            state = self.loop.step(now, now)
            if state is not None:
                self.states.append(state)
                if self.goal is not None:
                    self.loop.command(hold(self.rig.robot, self.goal, state.stamp, self._effort), now)
            self.rig.wait(TICK)

    def start(self) -> None:
        """Until the first measurement, then stand still."""
        for _ in range(1000):
            self.go_on(TICK)
            if self.states:
                self._effort = self.states[-1].effort if self.rig.torque else self._effort
                self.goal = self.states[-1].position.copy()
                self.go_on(0.2)
                return
        raise AssertionError(f"no measurement in 4 s: {self.loop.problem}")

    def move(self, seconds: float) -> None:
        """Command half the joints on at `_SPEED`, those that have room."""
        assert self.goal is not None
        room = self.rig.robot.upper - self.goal > 1.0
        room[::2] = False
        for _ in range(round(seconds / TICK)):
            self.goal = self.goal + room * _SPEED * TICK
            self.go_on(TICK)


class DriverConformance:
    """Inherit, and give a fixture `rig`."""

    @pytest.fixture
    def run(self, rig: Rig) -> Run:
        running = Run(rig)
        running.start()
        return running

    def test_it_says_which_robot_it_is_connected_to(self, rig: Rig) -> None:
        description = rig.driver.connect()
        assert description.hardware
        assert set(description.joint_names) in (set(), set(rig.robot.joint_names))
        assert description.urdf_sha256 in ("", rig.robot.urdf_sha256)

    def test_it_measures_every_joint_at_its_place(self, rig: Rig) -> None:
        rig.driver.connect()
        state = rig.see()
        assert state.position.shape == state.velocity.shape == state.effort.shape == rig.robot.home.shape
        assert np.abs(state.position - rig.truth()).max() < NEAR

    def test_the_robot_stands_as_it_did_until_it_is_commanded(self, rig: Rig) -> None:
        before = rig.truth()
        rig.driver.connect()
        rig.see()
        rig.wait(0.1)
        assert np.abs(rig.truth() - before).max() < NEAR

    def test_each_joint_goes_where_it_is_told_and_no_other_does(self, run: Run) -> None:
        """Names, order, units and signs of positions, both ways. Few at a time, as arms carry each other."""
        rig, robot, count = run.rig, run.rig.robot, len(run.rig.robot.joint_names)
        start = run.states[-1].position.copy()
        up = np.where(robot.upper - start > 2 * _MOVED, _MOVED, -_MOVED)
        for first in range(0, count, rig.together):
            told = np.arange(first, min(first + rig.together, count))
            for way in (up, -up):  # the other way round for those that something is in the way of
                before = rig.truth()
                run.goal = start.copy()
                run.goal[told] += way[told]
                run.go_on(rig.settle)
                true = rig.truth() - before
                assert np.abs(run.states[-1].position - rig.truth()).max() < NEAR
                assert np.abs(np.delete(true, told)).max(initial=0.0) < 0.5 * _MOVED
                told = told[true[told] * np.sign(way[told]) < 0.5 * _MOVED]
                run.goal = start
                run.go_on(rig.settle)
            assert not len(told), f"{[robot.joint_names[k] for k in told]} did not go where they were told to"

    def test_velocities_are_those_of_the_positions(self, run: Run) -> None:
        start, begun = run.states[-1].position.copy(), len(run.states)
        joint = len(start) // 2
        run.goal = start.copy()
        run.goal[joint] += _MOVED if run.rig.robot.upper[joint] - start[joint] > 2 * _MOVED else -_MOVED
        run.go_on(run.rig.settle)
        states = run.states[begun:]
        times = np.array([state.stamp for state in states])
        speeds = np.array([state.velocity[joint] for state in states])
        way = float(np.sum(0.5 * (speeds[1:] + speeds[:-1]) * np.diff(times)))
        assert way == pytest.approx(states[-1].position[joint] - states[0].position[joint], abs=0.3 * _MOVED)

    def test_stamps_say_when_it_was_measured(self, run: Run) -> None:
        begun = len(run.states)
        run.go_on(0.5)
        stamps = np.array([state.stamp for state in run.states[begun:]])
        assert np.all(np.diff(stamps) > 0.0)
        assert abs(run.rig.robot_clock() - stamps[-1]) < 0.05
        assert len(stamps) > 0.7 * min(run.rig.rate_hz, 1.0 / TICK) * 0.5

    def test_silence_holds_the_joints_within_a_quarter_of_a_second(self, run: Run) -> None:
        run.move(0.2)
        run.goal = None
        run.go_on(0.25)
        held = run.rig.truth()
        run.go_on(0.5)
        assert run.loop.figures(run.rig.clock())["watchdog_holds"]
        assert np.abs(run.rig.truth() - held).max() < 2.5 * NEAR

    def test_the_emergency_stop_holds_the_joints_whatever_is_commanded(self, run: Run) -> None:
        run.move(0.2)
        run.loop.emergency_stop(True)
        for _ in range(10):
            run.move(0.025)
        held = run.rig.truth()
        run.move(0.1)
        assert np.abs(run.rig.truth() - held).max() < 2.5 * NEAR
        run.goal = None
        run.loop.emergency_stop(False)
        run.go_on(0.3)
        assert np.abs(run.rig.truth() - held).max() < 2.5 * NEAR, "it went on by itself"

    def test_a_cut_way_is_noticed_and_nothing_goes_on_by_itself_when_it_is_whole_again(self, run: Run) -> None:
        run.go_on(0.1)
        run.rig.unplug()
        run.goal = None
        run.go_on(0.5)
        assert run.loop.phase != RUNNING and run.loop.problem
        with pytest.raises(CommandError, match="no robot is connected"):
            run.loop.command(hold(run.rig.robot, run.rig.robot.home), run.rig.clock())
        run.rig.plug()
        before, begun = run.rig.truth(), len(run.states)
        run.go_on(2.0)
        assert run.loop.phase == RUNNING and run.loop.connections == 2
        assert len(run.states) > begun
        assert np.abs(run.rig.truth() - before).max() < 2.5 * NEAR

    def test_another_robot_is_refused(self, rig: Rig) -> None:
        description = rig.driver.connect()
        if description.urdf_sha256:
            other = replace(rig.robot, urdf_sha256="f" * 64)
            expected = "another URDF"
        else:
            other = replace(rig.robot, joint_names=("other_joint", *rig.robot.joint_names[1:]))
            expected = "other joints"
        if description == DriverDescription(description.hardware):
            pytest.skip("this robot says nothing of itself")
        rig.driver.close()
        loop = DriverLoop(rig.driver, other, DriverLoopConfig())
        with pytest.raises(ConfigError, match=expected):
            for _ in range(1000):
                loop.step(rig.clock(), rig.clock())
                rig.wait(TICK)

    def test_stop_and_close_may_be_called_at_any_time(self, rig: Rig) -> None:
        rig.driver.stop()
        rig.driver.close()
        rig.driver.connect()
        rig.see()
        rig.driver.stop()
        rig.driver.close()
        rig.driver.close()
        rig.driver.connect()
        rig.see()
