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
