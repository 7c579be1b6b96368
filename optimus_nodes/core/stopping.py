"""How a joint comes to rest as soon as its acceleration and jerk limits allow, and how far it goes meanwhile.

From velocity v and acceleration a the stop takes the acceleration to -b with jerk -j, keeps it there for a while if b
is a_max, and takes it back to 0 with jerk +j, so that velocity and acceleration become 0 together:
    b^2 = min(a_max^2, j v + a^2 / 2)
This is for a joint whose velocity would be positive once its acceleration is gone, v + a |a| / (2 j) >= 0; for the
others all signs are reversed. See Biagiotti and Melchiorri, Trajectory Planning for Automatic Machines and Robots, 3.4.
"""

from __future__ import annotations

import numpy as np

from .values import Array

_STILL = 1e-9  # rad/s, rad/s^2


class Stopping:
    """Stops of J joints. `max_acceleration` (J,) rad/s^2, `max_jerk` (J,) rad/s^3."""

    def __init__(self, max_acceleration: Array, max_jerk: Array) -> None:
        self._most, self._jerk = max_acceleration, max_jerk
        self._half = 0.5 / max_jerk

    def reach(self, velocity: Array, acceleration: Array) -> tuple[Array, Array, Array]:
        """Bounds of the way until rest, least and most (J,) rad, and of the speed on it (J,) rad/s.

        They hold for whoever samples the stop in steps, p[k] = p[k-1] + v[k] dt: while the speed still rises
        such a path runs ahead, by less than the rise times the time it takes.
        """
        sign, v, a, brake = self._mirrored(velocity, acceleration)
        falling, holding, rising, low, end = self._phases(v, a, brake)
        first = ((a / 2.0 - self._jerk * falling / 6.0) * falling + v) * falling
        way = first + 0.5 * (low + end) * holding + end * rising / 3.0
        rise = np.maximum(a, 0.0)
        gain = rise * rise * self._half  # what the speed still gains
        least = np.minimum(np.minimum(v, 0.0) * rise / self._jerk, way)  # it may swing back first
        most = np.maximum(way + 2.0 * gain * rise / self._jerk, 0.0)
        flipped = sign < 0.0
        return np.where(flipped, -most, least), np.where(flipped, -least, most), np.maximum(np.abs(v), v + gain)

    def after(self, velocity: Array, acceleration: Array, dt: float) -> tuple[Array, Array]:
        """Velocity and acceleration of the stop after `dt` s, both (J,)."""
        sign, v, a, brake = self._mirrored(velocity, acceleration)
        falling, holding, rising, _, _ = self._phases(v, a, brake)
        falling = np.minimum(falling, dt)
        holding = np.minimum(holding, dt - falling)
        rising = np.minimum(rising, dt - falling - holding)
        v = v + (a - 0.5 * self._jerk * falling) * falling
        a = a - self._jerk * falling
        v = v + a * holding + (a + 0.5 * self._jerk * rising) * rising
        a = a + self._jerk * rising
        still = (np.abs(a) < _STILL) & (np.abs(v) < _STILL)
        return np.where(still, 0.0, sign * v), np.where(still, 0.0, sign * a)

    def _mirrored(self, velocity: Array, acceleration: Array) -> tuple[Array, Array, Array, Array]:
        """Signs that make all joints such as the formulas are for, both values with them, and b."""
        sign = np.where(velocity + acceleration * np.abs(acceleration) * self._half < 0.0, -1.0, 1.0)
        v, a = sign * velocity, sign * acceleration
        brake = np.sqrt(np.maximum(self._jerk * v + 0.5 * a * a, 0.0))
        return sign, v, a, np.maximum(np.minimum(brake, self._most), -a)

    def _phases(self, v: Array, a: Array, brake: Array) -> tuple[Array, Array, Array, Array, Array]:
        """How long the acceleration falls, stays and rises, s, and the speed before and after it stays, rad/s."""
        low = v + (a * a - brake * brake) * self._half
        end = brake * brake * self._half
        holding = np.maximum(low - end, 0.0) / np.maximum(brake, _STILL)
        return (a + brake) / self._jerk, holding, brake / self._jerk, low, end
