"""The last few hundred values of a measurement, and their percentiles."""

from __future__ import annotations

import numpy as np


class Samples:
    """Ring of the last `size` values: adding is cheap, percentiles are worked out when asked for."""

    def __init__(self, size: int = 1024) -> None:
        self._values = np.zeros(size)
        self.count = 0

    def add(self, value: float) -> None:
        self._values[self.count % len(self._values)] = value
        self.count += 1

    def percentile(self, percent: float) -> float:
        """That percentile (0 to 100) of the values still held; 0 when there are none."""
        held = min(self.count, len(self._values))
        return float(np.percentile(self._values[:held], percent)) if held else 0.0
