"""Stops that end where they say they do."""

from __future__ import annotations

import numpy as np
import pytest

from optimus_nodes.core.stopping import Stopping

pytestmark = pytest.mark.promise("P4")

MOST, JERK = 25.0, 2500.0
RNG = np.random.default_rng(3)
VELOCITY = np.concatenate([RNG.uniform(-4.0, 4.0, 300), RNG.uniform(-0.1, 0.1, 300), np.zeros(3)])
ACCELERATION = np.concatenate([RNG.uniform(-MOST, MOST, 600), (0.0, MOST, -MOST)])
STOPPING = Stopping(np.full(603, MOST), np.full(603, JERK))


def test_it_ends_at_rest_within_the_bounds_it_gave():
    least, most, fastest = STOPPING.reach(VELOCITY, ACCELERATION)
    for dt in (1e-4, 0.004, 0.3):
        position, v, a = np.zeros(603), VELOCITY, ACCELERATION
        for _ in range(int(0.5 / dt) + 1):
            before = a
            v, a = STOPPING.after(v, a, dt)
            position = position + v * dt
            assert np.all(np.abs(a - before) <= JERK * dt * (1 + 1e-9))
            assert np.all(np.abs(a) <= MOST * (1 + 1e-9))
            assert np.all(np.abs(v) <= fastest + 1e-9)
            assert np.all(position <= most + 1e-9) and np.all(position >= least - 1e-9)
        assert not v.any() and not a.any()


def test_the_way_is_the_one_of_the_formula_from_a_steady_speed():
    """From speed v without acceleration: v^2 / (2 a) + v a / (2 j), as long as a_max is reached."""
    _, most, fastest = STOPPING.reach(np.full(603, 2.0), np.zeros(603))
    assert most[0] == pytest.approx(2.0**2 / (2 * MOST) + 2.0 * MOST / (2 * JERK))
    assert fastest[0] == 2.0


def test_at_rest_it_stays():
    least, most, fastest = STOPPING.reach(np.zeros(603), np.zeros(603))
    assert not least.any() and not most.any() and not fastest.any()
