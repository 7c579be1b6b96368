"""Turns the jumps of a hand-made target into a motion that starts and ends softly."""

from __future__ import annotations

import math

import numpy as np

from .values import Array


class TargetFollower:
    """A posture (J,) rad that follows `goal` like a critically damped spring, never faster than `max_speed` (J,)."""

    def __init__(self, max_speed: Array, rate: float = 25.0) -> None:
        """rate: 1/s; half a small step is made after 1.7 / rate seconds."""
        self._max_speed, self._rate = max_speed, rate
        self.goal: Array = np.zeros_like(max_speed)
        self._position: Array = np.zeros_like(max_speed)
        self._velocity: Array = np.zeros_like(max_speed)

    def restart(self, position: Array, velocity: Array) -> None:
        """Begin at a posture (J,) rad that moves with `velocity` (J,) rad/s; the goal is to stay there."""
        self.goal = position.copy()
        self._position, self._velocity = position.copy(), velocity.copy()

    def step(self, dt: float) -> Array:
        """The posture `dt` s later, shape (J,), rad. Exact for any dt."""
        decay = math.exp(-self._rate * dt)
        away = self._position - self.goal
        pull = (self._velocity + self._rate * away) * dt
        target = self.goal + (away + pull) * decay
        speed = (self._velocity - self._rate * pull) * decay
        longest = self._max_speed * dt
        change = np.clip(target - self._position, -longest, longest)
        self._velocity = np.clip(speed, -self._max_speed, self._max_speed)
        self._position = self._position + change
        return self._position
