"""What the judges look at besides the scene: where the robot's hands really are, and whether one waved."""

from __future__ import annotations

from dataclasses import dataclass, field

from .values import Array

STROKE = 0.05  # m of sideways motion that count as half a swing


@dataclass(frozen=True, slots=True)
class Body:
    """The truth about the arms. Empty where nobody told it.

    `posture_error` (N,): rad, the arm joints' distance from home. By side: `hands`, the middle of the grasp, and
    `fingertips`, the tip of the index finger, (3,) m in the base frame; `shoulders`: the shoulder's height, m.
    """

    posture_error: Array | None = None
    hands: dict[str, Array] = field(default_factory=dict)
    fingertips: dict[str, Array] = field(default_factory=dict)
    shoulders: dict[str, float] = field(default_factory=dict)


class WaveCounter:
    """Counts how often one hand swung sideways, there and back, while it was above its shoulder."""

    def __init__(self) -> None:
        self._low = self._high = 0.0
        self._direction = self._strokes = 0
        self._up = False

    @property
    def swings(self) -> int:
        """Whole swings so far."""
        return self._strokes // 2

    def see(self, side: str, body: Body) -> None:
        """One frame. Below the shoulder nothing counts, and what was counted stays."""
        if side not in body.hands:
            return
        y, z = float(body.hands[side][1]), float(body.hands[side][2])
        if z <= body.shoulders[side]:
            self._up = False
            return
        if not self._up:
            self._up, self._low, self._high, self._direction = True, y, y, 0
        self._low, self._high = min(self._low, y), max(self._high, y)
        if self._direction <= 0 and y - self._low >= STROKE:
            self._strokes, self._direction, self._high = self._strokes + 1, 1, y
        elif self._direction >= 0 and self._high - y >= STROKE:
            self._strokes, self._direction, self._low = self._strokes + 1, -1, y
