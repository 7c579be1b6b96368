"""The driver of Gazebo against a stand-in that speaks Gazebo's own transport and has its controller's law."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from fakes import fake_robot, no_gravity

from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.core.gazebo_names import joint_state_topic, trajectory_topic
from optimus_nodes.core.values import Array
from optimus_nodes.drivers import gz_messages
from optimus_nodes.drivers.conformance import DriverConformance, RealTimeRig, hold
from optimus_nodes.drivers.gz_transport import GzTransport
from optimus_nodes.drivers.known import make_driver
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros.gazebo_driver import GazeboDriver, GazeboOptions

pytestmark = pytest.mark.alone

INERTIA, STEP, LOOPBACK = 0.05, 0.002, "127.0.0.1"  # kg·m², s
ROBOT = replace(fake_robot(12), kp=np.full(12, 40.0), kd=np.full(12, 2.0))
START = 17.0  # s of simulated time


class SimulatedGazebo:
    """A model whose joints are flywheels, damped by kd and moved by a JointTrajectoryController of stiffness kp."""

    def __init__(self, partition: str) -> None:
        self.q, self.dq = np.zeros(12), np.zeros(12)
        self.target, self.effort = np.zeros(12), np.zeros(12)
        self.names = ROBOT.joint_names[::-1]
        self.plugged, self.heard = True, 0
        self._steps, self._begun = 0, time.monotonic()
        self._link = GzTransport(partition, LOOPBACK)
        self._link.advertise(joint_state_topic(ROBOT.name), "Model")
        self._link.subscribe(trajectory_topic(ROBOT.name), "JointTrajectory", self._on_trajectory)

    def step(self) -> None:
        while self._begun + self._steps * STEP < time.monotonic():
            self._steps += 1
            torque = ROBOT.kp * (self.target - self.q) + self.effort
            self.dq = (self.dq + STEP * torque / INERTIA) / (1.0 + STEP * ROBOT.kd / INERTIA)
            self.q = self.q + STEP * self.dq
        if self.plugged:
            self._link.publish(joint_state_topic(ROBOT.name), self._state().SerializeToString())

    @property
    def time(self) -> float:
        return START + self._steps * STEP

    def close(self) -> None:
        self._link.close()

    def _state(self) -> gz_messages.Any:
        sim = self.time
        stamp = gz_messages.make("Time", sec=int(sim), nsec=round((sim - int(sim)) * 1e9) % 1_000_000_000)
        found = dict(zip(ROBOT.joint_names, zip(self.q.tolist(), self.dq.tolist())))
        joints = []
        for name in self.names:
            axis = gz_messages.make("Axis", position=found[name][0], velocity=found[name][1])
            joints.append(gz_messages.make("Joint", name=name, axis1=axis))
        return gz_messages.make("Model", header=gz_messages.make("Header", stamp=stamp), name="fake", joint=joints)

    def _on_trajectory(self, data: bytes) -> None:
        message = gz_messages.read("JointTrajectory", data)
        if self.plugged:
            self.heard += 1
            order = ROBOT.index(message.joint_names)
            self.target[order], self.effort[order] = message.points[0].positions, message.points[0].effort


class GazeboRig(RealTimeRig):
    robot = ROBOT
    settle, together = 0.5, 12
    rate_hz = 80.0  # robot and driver share a process, on a machine that others use

    def __init__(self) -> None:
        self.partition = uuid.uuid4().hex
        self.gazebo = SimulatedGazebo(self.partition)
        options = GazeboOptions(partition=self.partition, ip=LOOPBACK, flavour="gz")
        self.driver = GazeboDriver(ROBOT, options, gravity=no_gravity)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            self.gazebo.step()
            time.sleep(2 * STEP)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self.driver.close()
        self.gazebo.close()

    def robot_clock(self) -> float:
        return self.gazebo.time

    def truth(self) -> Array:
        return self.gazebo.q.copy()

    def unplug(self) -> None:
        self.gazebo.plugged = False

    def plug(self) -> None:
        self.gazebo.plugged = True


@pytest.fixture
def rig() -> Iterator[GazeboRig]:
    started = GazeboRig()
    yield started
    started.end()


class TestGazebo(DriverConformance):
    @pytest.fixture
    def rig(self) -> Iterator[GazeboRig]:
        started = GazeboRig()
        yield started
        started.end()


def test_its_time_is_the_simulations(rig: GazeboRig) -> None:
    rig.driver.connect()
    rig.see()
    first = rig.driver.robot_time
    rig.wait(0.2)
    rig.driver.read()
    assert first > START
    assert 0.05 < rig.driver.robot_time - first < 1.0


def test_other_gains_are_expressed_in_target_and_effort(rig: GazeboRig) -> None:
    """Soft and undamped: torque = kp (p - q) + kd (v - dq) + effort with the gains that were commanded."""
    rig.driver.connect()
    state = rig.see()
    command = replace(hold(ROBOT, np.full(12, 0.4)), kp=0.25 * ROBOT.kp, kd=0.5 * ROBOT.kd, velocity=np.full(12, 0.1))
    rig.driver.write(command)
    rig.wait(0.1)
    torque = ROBOT.kp * (rig.gazebo.target - state.position) - ROBOT.kd * state.velocity + rig.gazebo.effort
    wanted = 0.25 * ROBOT.kp * (0.4 - state.position) + 0.5 * ROBOT.kd * (0.1 - state.velocity)
    assert torque == pytest.approx(wanted, abs=0.05)


def test_a_robot_that_is_stopped_carries_its_weight(rig: GazeboRig) -> None:
    rig.driver._gravity = lambda position: np.full(12, 3.0)
    rig.driver.connect()
    position = rig.see().position
    rig.driver.stop()
    rig.wait(0.1)
    assert rig.gazebo.target == pytest.approx(position, abs=0.01)
    assert rig.gazebo.effort == pytest.approx(np.full(12, 3.0))


def test_a_robot_that_still_moves_is_not_taken_over(rig: GazeboRig) -> None:
    rig.gazebo.target[:] = 1.0
    rig.wait(0.05)
    rig.driver.connect()
    assert np.abs(rig.gazebo.dq).max() < 0.1
    assert rig.gazebo.q == pytest.approx(np.ones(12), abs=0.1)


def test_without_gazebo_it_says_what_it_listened_to() -> None:
    known, _ = load_robot("optimus")
    driver = make_driver("gazebo", [f"ip={LOOPBACK}", f"partition={uuid.uuid4().hex}", "flavour=gz"], known)
    with pytest.raises(DeviceError, match="no joint states on Gazebo's topic /model/optimus/joint_states: is Gazebo "):
        driver.connect()


def test_an_unknown_flavour_is_refused() -> None:
    with pytest.raises(ConfigError, match="no flavour 'classic' of Gazebo; allowed: gz"):
        make_driver("gazebo", ["flavour=classic"], ROBOT)
