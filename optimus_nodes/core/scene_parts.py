"""What a scene is made of: places on the bench and loose things as a seed drew them. Base frame, metres."""

from __future__ import annotations

from dataclasses import dataclass

from .values import Array


@dataclass(frozen=True, slots=True)
class Region:
    """An upright rectangle on the bench: `name`, centre (x, y) m and full edges (x, y) m."""

    name: str
    centre: tuple[float, float]
    edges: tuple[float, float]

    def moved(self, x: float) -> Region:
        """The same, `x` m further ahead."""
        return Region(self.name, (self.centre[0] + x, self.centre[1]), self.edges)

    def contains(self, x: float, y: float) -> bool:
        """True when the point (x, y) m lies inside or on the border."""
        return bool(abs(x - self.centre[0]) <= self.edges[0] / 2 and abs(y - self.centre[1]) <= self.edges[1] / 2)

    def distance(self, x: float, y: float) -> float:
        """How far the point (x, y) m is from the rectangle, m; 0 inside."""
        out = (abs(v - c) - e / 2 for v, c, e in zip((x, y), self.centre, self.edges, strict=True))
        dx, dy = (max(d, 0.0) for d in out)
        return float((dx * dx + dy * dy) ** 0.5)


@dataclass(frozen=True, slots=True)
class BoxPlacement:
    """One loose box as the seed drew it: position (3,) m, `yaw` rad, `edges` (3,) m."""

    colour: str
    size_word: str
    position: Array
    yaw: float
    edges: Array

    @property
    def name(self) -> str:
        return f"box_{self.colour}"


@dataclass(frozen=True, slots=True)
class Distractor:
    """A loose thing no instruction speaks of: `shape` and `colour` of `bench_scene`, centre (3,) m, `edges` (3,) m."""

    shape: str
    colour: str
    position: Array
    edges: Array


@dataclass(frozen=True, slots=True)
class BenchDraw:
    """What the seed decides about the bar, button, drawer and distractors.

    `bar` (4,): x, y, z m and yaw rad. `button` and `drawer` (2,): x, y m of the button's middle and of the closed
    drawer's handle. `cap`: the button's colour. `drawer_open`: m at the start.
    """

    bar: Array
    button: Array
    cap: str
    drawer: Array
    drawer_open: float
    distractors: tuple[Distractor, ...]
