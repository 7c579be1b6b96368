"""Where a person or the planner wants the joints: single joints from message to message, and hands that hold on."""

from __future__ import annotations

import math

import numpy as np

from .values import Array

RATE = 20.0  # 1/s: a joint is two thirds of the way to its target after 0.1 s
HAND_TIME = 2.0  # s that a hand has to come into a posture


class JointTargets:
    """Targets (J,) rad. `hand_until`: monotonic time (s) until which a hand command lasts by itself, -inf without."""

    def __init__(self, home: Array) -> None:
        self._goal: Array = home.copy()
        self._soft: Array = home.copy()
        self._grip: Array = np.full(len(home), np.nan)  # what hands were told to take, and keep holding
        self.hand_until = -math.inf

    def begin(self, halt: Array) -> None:
        """A new owner begins where the joints come to rest (J,) rad; a hand goes on holding what it holds."""
        self._soft = halt
        self._goal = np.where(np.isnan(self._grip), halt, self._grip)
        self.hand_until = -math.inf

    def point(self, index: np.ndarray, positions: Array) -> None:
        """Targets (N,) rad for joints (N,)."""
        self._goal[index] = positions
        self._grip[index], self.hand_until = np.nan, -math.inf

    def hand(self, index: np.ndarray, posture: Array, monotonic: float) -> None:
        """A posture (N,) rad for the joints (N,) of a hand, to be held."""
        self._goal[index] = self._grip[index] = posture
        self.hand_until = monotonic + HAND_TIME

    def let_go(self) -> None:
        """No hand holds anything any more, or is on its way to."""
        self._grip[:], self.hand_until = np.nan, -math.inf

    def after(self, dt: float) -> Array:
        """Where the joints should be going, `dt` s later: softly towards the targets, (J,) rad."""
        self._soft += (self._goal - self._soft) * (1.0 - math.exp(-RATE * dt))
        return self._soft
