"""Position, velocity, acceleration and braking-distance limits for all joints at once.

The guard owns the commanded posture. Each step moves it towards a target by
    p[k] = p[k-1] + v[k] dt,   |v[k]| <= v_max,   |v[k] - v[k-1]| <= a_max dt,
and chooses v[k] so that the joint can still stop before its position limit:
    v dt + v^2 / (2 a_max) <= distance to the limit before the step.
Braking in steps of any length needs less way than v^2 / (2 a_max), so the condition holds for the next
step too, however irregular the steps are. A target that moves within the limits is followed exactly.
"""

from __future__ import annotations

import numpy as np

from .robot import RobotSpec
from .values import Array

_BRAKING_SHARE = 0.999  # of a_max when braking before a position limit: room for rounding
_APPROACH_SHARE = 0.8  # of a_max when closing in on a target: room for the target's own acceleration


class JointGuard:
    """The commanded posture of one robot: `position` (J,) rad and `velocity` (J,) rad/s, always within limits."""

    def __init__(self, robot: RobotSpec, velocity_scale: float = 1.0, acceleration_scale: float = 1.0) -> None:
        self._lower, self._upper = robot.lower.copy(), robot.upper.copy()
        self._max_velocity = robot.max_velocity * velocity_scale
        self._max_acceleration = robot.max_acceleration * acceleration_scale
        self._brake = self._max_acceleration * _BRAKING_SHARE
        self._approach = self._max_acceleration * _APPROACH_SHARE
        self.position: Array = robot.home.copy()
        self.velocity: Array = np.zeros(len(robot.joint_names))
        self._use_dt(0.004)

    def restart(self, position: Array, velocity: Array | None = None) -> None:
        """Begin anew from `position` (J,) rad, at rest or with `velocity` (J,) rad/s.

        A start outside the position limits is kept and only left inwards.
        """
        self.position = position.copy()
        self.velocity = np.zeros_like(position) if velocity is None else velocity.copy()
        np.clip(self.velocity, -self._max_velocity, self._max_velocity, out=self.velocity)

    def step(self, target: Array, target_velocity: Array, dt: float) -> Array:
        """Move one step towards a moving target and return the new posture, shape (J,), rad.

        Args: target: (J,) rad, where the joints should be after this step. target_velocity: (J,) rad/s, how fast
        the target itself moved during this step. dt: length of the step, s, > 0.
        """
        self._use_dt(dt)
        inside = np.clip(target, self._lower, self._upper)
        moving = np.where(inside == target, target_velocity, 0.0)
        np.clip(moving, -self._max_velocity, self._max_velocity, out=moving)
        gap = inside - self.position
        gap -= moving * dt
        moving += np.copysign(self._closing_speed(np.abs(gap)), gap)
        return self._move(moving, dt)

    def approach(self, goal: Array, dt: float, rate: float, max_speed: Array) -> Array:
        """Move one step towards a standing goal (J,) rad, softly: speed <= `rate` (1/s) times the way left.

        Never faster than `max_speed` (J,) rad/s and never past the goal. Returns the new posture, (J,) rad.
        """
        self._use_dt(dt)
        gap = np.clip(goal, self._lower, self._upper) - self.position
        way = np.abs(gap)
        speed = np.minimum(np.minimum(self._closing_speed(way), way * rate), max_speed)
        return self._move(np.copysign(speed, gap), dt)

    def stop(self, dt: float) -> Array:
        """Brake as hard as the limits allow; at rest the posture stays. Returns it, shape (J,), rad."""
        if not self.velocity.any():
            return self.position
        self._use_dt(dt)
        return self._move(np.zeros_like(self.velocity), dt)

    def _use_dt(self, dt: float) -> None:
        if getattr(self, "_dt", None) == dt:
            return
        self._dt = dt
        self._max_change = self._max_acceleration * dt
        self._approach_change = self._approach * dt
        self._approach_way = 8.0 / (self._approach_change * dt)
        self._brake_change = self._brake * dt
        self._brake_square = self._brake_change**2
        self._brake_twice = 2.0 * self._brake

    def _closing_speed(self, way: Array) -> Array:
        """Highest speed from which steps that each lose `a dt` come to rest exactly at `way` (J,) rad.

        With n more steps after this one the way is dt ((n+1) v - a dt n (n+1) / 2); solved for v.
        """
        eight = way * self._approach_way
        n = np.sqrt(eight + 1.0)
        n -= 1.0
        n *= 0.5
        np.floor(n, out=n)
        eight *= 0.125
        eight /= n + 1.0
        n *= 0.5
        eight += n
        eight *= self._approach_change
        return eight

    def _stopping_speed(self, way: Array) -> Array:
        """Highest speed v with v dt + v^2 / (2 a) <= `way` (J,) rad; 0 where there is no way left."""
        speed = np.maximum(way, 0.0)
        speed *= self._brake_twice
        speed += self._brake_square
        np.sqrt(speed, out=speed)
        speed -= self._brake_change
        return speed

    def _move(self, wanted: Array, dt: float) -> Array:
        """Bring the wanted velocity (J,) within the limits and take the step."""
        high = np.minimum(self._stopping_speed(self._upper - self.position), self._max_velocity)
        low = np.minimum(self._stopping_speed(self.position - self._lower), self._max_velocity)
        np.negative(low, out=low)
        velocity = np.clip(wanted, low, high)
        np.clip(velocity, self.velocity - self._max_change, self.velocity + self._max_change, out=velocity)
        self.velocity = velocity
        self.position = self.position + velocity * dt
        return self.position
