"""The driver without a robot does all that a driver must do."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import fake_robot

from optimus_nodes.core.driver import DriverDescription
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.values import Array
from optimus_nodes.drivers.conformance import DriverConformance, Rig, hold
from optimus_nodes.drivers.mock_driver import MockDriver, MockOptions


class Unpluggable(MockDriver):
    """With a cable."""

    plugged = True

    def connect(self) -> DriverDescription:
        if not self.plugged:
            raise DeviceError("no cable")
        return super().connect()

    def read(self):
        if not self.plugged:
            raise DeviceError("no cable")
        return super().read()


class MockRig(Rig):
    torque = False

    def __init__(self) -> None:
        self.robot, self.now = fake_robot(8), 100.0
        self.driver = Unpluggable(self.robot, MockOptions(), self.clock)

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def truth(self) -> Array:
        return self.driver._position.copy()

    def unplug(self) -> None:
        self.driver.plugged = False

    def plug(self) -> None:
        self.driver.plugged = True


class TestMockDriver(DriverConformance):
    @pytest.fixture
    def rig(self) -> MockRig:
        return MockRig()


def test_it_is_no_faster_than_the_robot() -> None:
    rig = MockRig()
    rig.driver.connect()
    rig.driver.write(hold(rig.robot, np.ones(8)))
    rig.wait(0.1)
    assert np.allclose(rig.see().position, 0.4) and np.allclose(rig.see().velocity, 4.0)


def test_who_reads_as_often_as_it_measures_gets_each_measurement() -> None:
    """Reads that came a little early got none, so that a joint controller had every other one only."""
    rig, noise = MockRig(), np.random.default_rng(0)
    driver, began = MockDriver(rig.robot, MockOptions(rate_hz=1000.0), rig.clock), rig.now
    driver.connect()
    stamps = []
    for k in range(1, 1001):
        rig.now = began + 1e-3 * k + noise.uniform(-1e-4, 1e-4)
        stamps.append(driver.read().stamp)
    assert len(set(stamps)) == 1000
    for k in range(1, 1001):
        rig.now = began + 1.0 + 0.25e-3 * k
        stamps.append(driver.read().stamp)
    assert len(set(stamps)) == pytest.approx(1250, abs=2), "and who reads more often gets no more than there are"
