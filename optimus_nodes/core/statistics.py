"""How sure a success rate is."""

from __future__ import annotations

from math import sqrt


def wilson_interval(successes: int, episodes: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a rate (Wilson 1927), 95 % with the default `z`; (0, 1) without episodes."""
    if episodes == 0:
        return 0.0, 1.0
    rate, n = successes / episodes, float(episodes)
    centre = rate + z * z / (2 * n)
    spread = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))
