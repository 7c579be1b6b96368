"""The simulated robot does all that a driver must do."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import SimRig

from optimus_nodes.drivers.conformance import DriverConformance


class TestSimulatedDriver(DriverConformance):
    @pytest.fixture
    def rig(self) -> SimRig:
        return SimRig("optimus")


def test_the_rig_keeps_time() -> None:
    rig = SimRig("optimus")
    begin = rig.clock()
    rig.wait(0.1)
    assert rig.clock() - begin == pytest.approx(0.1, abs=0.003)
    assert np.isfinite(rig.truth()).all()
