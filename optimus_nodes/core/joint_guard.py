"""Position, velocity, acceleration and jerk limits for all joints at once.

The guard owns the commanded posture. Each step moves it towards a target by
    p[k] = p[k-1] + v[k] dt,   |v[k]| <= v_max,   |a[k]| = |v[k] - v[k-1]| / dt <= a_max,
    |a[k] - a[k-1]| <= j_max (dt[k] + dt[k-1]) / 2,
and takes it only if the joint can still come to rest within its limits afterwards (`stopping.py`). If it could not, the
joint goes on with the stop that was possible before: from every state there is one, however irregular the steps are.
A target that moves within the limits is followed exactly. Before all that, `space_limits.py` slows down what would
bring the robot too near to itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .robot import RobotSpec
from .space_limits import SpaceLimits
from .stopping import Stopping
from .values import Array

_BRAKING_SHARE = 0.99  # of a_max when braking before a position limit: seldom is the last possible stop needed
_APPROACH_SHARE = 0.8  # of a_max when closing in on a target: room for the target's own acceleration
_ROUNDING = 1.0 + 1e-9


class JointGuard:
    """The commanded posture of one robot: `position` (J,) rad and `velocity` (J,) rad/s, always within limits."""

    position: Array
    velocity: Array

    def __init__(
        self,
        robot: RobotSpec,
        velocity_scale: float = 1.0,
        acceleration_scale: float = 1.0,
        space: SpaceLimits | None = None,
    ) -> None:
        self._lower, self._upper = robot.lower.copy(), robot.upper.copy()
        self._max_velocity = robot.max_velocity * velocity_scale
        self._max_acceleration = robot.max_acceleration * acceleration_scale
        self._max_jerk = robot.max_jerk
        self._push_time = self._max_acceleration / self._max_jerk
        self._approach = _APPROACH_SHARE * self._max_acceleration
        self._braking = _BRAKING_SHARE * self._max_acceleration
        self._space = space
        self._stopping = Stopping(self._max_acceleration, self._max_jerk)
        self.restart(robot.home)

    def restart(self, position: Array, velocity: Array | None = None) -> None:
        """Begin anew from `position` (J,) rad, at rest or with `velocity` (J,) rad/s.

        A start outside the position limits is kept and only left inwards.
        """
        if self._space is not None:
            self._space.rest()
        still = np.zeros_like(position)
        self.position = position.copy()
        self.velocity = still if velocity is None else np.clip(velocity, -self._max_velocity, self._max_velocity)
        self._mean = self._momentary = still  # acceleration over the last step, and at its end if it is part of a stop
        self._target_velocity = still
        self._last_dt = 0.0

    def step(self, target: Array, target_velocity: Array, dt: float) -> Array:
        """Move one step towards a moving target and return the new posture, shape (J,), rad.

        Args: target: (J,) rad, where the joints should be after this step. target_velocity: (J,) rad/s, how fast
        the target itself moved during this step. dt: length of the step, s, > 0.
        """
        inside = np.clip(target, self._lower, self._upper)
        moving = np.where(inside == target, target_velocity, 0.0)
        np.clip(moving, -self._max_velocity, self._max_velocity, out=moving)
        gap = inside - self.position
        gap -= moving * dt
        return self._move(moving + np.copysign(self._closing_speed(np.abs(gap), dt), gap), moving, dt)

    def approach(self, goal: Array, dt: float, rate: float | Array, max_speed: Array) -> Array:
        """Move one step towards a standing goal (J,) rad, softly: speed <= `rate` times the way left.

        `rate`: 1/s, one or (J,). Never faster than `max_speed` (J,) rad/s and never past the goal. Returns the new
        posture, (J,) rad.
        """
        gap = np.clip(goal, self._lower, self._upper) - self.position
        way = np.abs(gap)
        speed = np.minimum(np.minimum(self._closing_speed(way, dt), way * rate), max_speed)
        return self._move(np.copysign(speed, gap), np.zeros_like(gap), dt)

    def stop(self, dt: float) -> Array:
        """Brake as hard as the limits allow; at rest the posture stays. Returns it, shape (J,), rad."""
        if self._space is not None:
            self._space.rest()
        if not self.velocity.any() and not self._momentary.any():
            self._mean, self._last_dt = self._momentary, dt
            return self.position
        self._target_velocity = np.zeros_like(self.velocity)
        velocity, self._momentary = self._stopping.after(self.velocity, self._momentary, dt)
        return self._take(velocity, dt)

    def look_ahead(self) -> None:
        """Do before the next step what can be done for it already."""
        if self._space is not None:
            self._space.look_ahead(self.position, self.velocity)

    def _closing_speed(self, way: Array, dt: float) -> Array:
        """How fast a joint may be that shall come to rest after `way` (J,) rad, not before."""
        return _highest(way, self._approach, dt + self._push_time)

    def _move(self, wanted: Array, target_velocity: Array, dt: float) -> Array:
        """Take the step at the wanted velocity (J,), or as near to it as the limits allow, or go on with a stop."""
        ways = np.array((self._upper - self.position, self.position - self._lower))
        high, low = np.minimum(_highest(ways, self._braking, dt + self._push_time), self._max_velocity)
        wanted = np.clip(wanted, -low, high)
        if self._space is not None:
            share = self._space.share(self.position, self.velocity, wanted, dt)
            wanted, target_velocity = wanted * share, target_velocity * share
        acceleration = self._towards(wanted, target_velocity, dt)
        velocity = self.velocity + acceleration * dt
        np.copyto(velocity, wanted, where=np.abs(velocity - wanted) < 1e-12)
        safe = self._can_stop_after(velocity, acceleration, dt)
        if self._space is not None and self._space.too_fast(velocity):
            safe[:] = False
        if not safe.all():
            stopping, momentary = self._stopping.after(self.velocity, self._momentary, dt)
            velocity, acceleration = np.where(safe, velocity, stopping), np.where(safe, acceleration, momentary)
        self._momentary = acceleration
        return self._take(velocity, dt)

    def _towards(self, wanted: Array, target_velocity: Array, dt: float) -> Array:
        """The acceleration of this step: the target's own, and what brings the velocity to the wanted one."""
        own = (target_velocity - self._target_velocity) / dt
        self._target_velocity = target_velocity
        late = wanted - self.velocity - own * dt
        gaps = np.array((np.abs(late), self._max_velocity - self.velocity, self._max_velocity + self.velocity))
        towards, most, least = np.minimum(_highest(gaps, self._max_jerk, dt), self._max_acceleration)
        acceleration: Array = own + np.copysign(towards, late)
        np.clip(acceleration, -least, most, out=acceleration)
        change = self._max_jerk * (0.5 * (dt + self._last_dt))
        np.clip(acceleration, self._mean - change, self._mean + change, out=acceleration)
        return acceleration

    def _can_stop_after(self, velocity: Array, acceleration: Array, dt: float) -> NDArray[np.bool_]:
        """Whether each joint (J,) could come to rest within its limits after a step at that velocity."""
        position = self.position + velocity * dt
        least, most, fastest = self._stopping.reach(velocity, acceleration)
        above = position + most <= np.maximum(self._upper, self.position)
        below = position + least >= np.minimum(self._lower, self.position)
        safe: NDArray[np.bool_] = above & below & (fastest <= self._max_velocity * _ROUNDING)
        return safe

    def _take(self, velocity: Array, dt: float) -> Array:
        self._mean, self._last_dt = (velocity - self.velocity) / dt, dt
        self.velocity = velocity
        self.position = self.position + velocity * dt
        return self.position


def _highest(way: Array, change: Array, time: Array | float) -> Array:
    """The highest rate r (..., J) with r `time` + r^2 / (2 `change`) <= `way`: falling by `change` it ends at the goal.

    Of a speed before a way that is left, or of an acceleration before a speed; 0 where nothing is left.
    """
    lag = change * time
    twice = 2.0 * change * np.maximum(way, 0.0)
    rate: Array = twice / (np.sqrt(twice + lag * lag) + lag)
    return rate
