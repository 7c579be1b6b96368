"""Where an upright box stands whose outline in a picture is known: by trying how it would look.

The outline of a box that stands on a known height tells its place and its size at once: its lower edge where, its
extent how large. Pixels that something else may cover count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.values import Array
from ..core.view import View

Mask = NDArray[np.uint8]
_CORNERS = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])
_STEPS = (0.010, 0.004, 0.0015)  # m, of the search
_TURN = 12.0  # rad of yaw tried for each m of way


class Projector:
    """From the base frame to pixels and back."""

    def __init__(self, view: View) -> None:
        self._K, self._eye = view.K, view.camera[:3, 3]
        self._turn = view.camera[:3, :3]
        self._inverse = np.linalg.inv(view.K)
        self.height, self.width = view.image.shape[:2]

    def pixels(self, points: Array) -> Array:
        """Pixels (N, 2) of the points (N, 3) m in front of the camera."""
        seen = (points - self._eye) @ self._turn @ self._K.T
        depth = np.maximum(seen[:, 2:], 1e-6)
        return np.asarray(seen[:, :2] / depth)

    def on_plane(self, pixel: Array, height: float) -> Array:
        """The point (3,) m at `height` m that the pixel (2,) shows."""
        ray = self._turn @ self._inverse @ np.array([*pixel, 1.0])
        return np.asarray(self._eye + ray * ((height - self._eye[2]) / ray[2]))


@dataclass(frozen=True, slots=True)
class Stance:
    """An upright box: middle of its underside (x, y), m, `bottom` height m, `yaw` rad, `edges` (3,) m; how well it fits
    the outline, 0 to 1 (intersection over union)."""

    x: float
    y: float
    bottom: float
    yaw: float
    edges: tuple[float, float, float]
    fit: float = 0.0

    def corners(self) -> Array:
        """Its eight corners (8, 3) m."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        turn = np.array([(c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)])
        return np.asarray((_CORNERS * self.edges) @ turn.T + (self.x, self.y, self.bottom))


def outline(stance: Stance, projector: Projector, origin: tuple[int, int], size: tuple[int, int]) -> Mask:
    """How the box looks in the window of `size` (rows, columns) whose upper left pixel is `origin` (x, y)."""
    found = np.zeros(size, np.uint8)
    points = np.round((projector.pixels(stance.corners()) - origin) * 16.0).astype(np.int32)  # a sixteenth of a pixel
    cv2.fillConvexPoly(found, cv2.convexHull(points), 1, shift=4)
    return found


def settle(
    mask: Mask, covered: Mask, projector: Projector, bottom: float, edges: tuple[float, float, float]
) -> Stance:
    """The stance at height `bottom` whose outline fits `mask` best. `covered`: pixels where something may hide it."""
    window = _window(mask, 24)
    origin, size = (window[1].start, window[0].start), (mask[window].shape[0], mask[window].shape[1])
    seen, known = mask[window], (covered[window] == 0) | (mask[window] > 0)
    rows, columns = np.nonzero(mask)
    middle = projector.on_plane(np.array([columns.mean(), rows.mean()]), bottom + edges[2] / 2)

    def judged(stance: Stance) -> Stance:
        drawn = outline(stance, projector, origin, size)
        both = int(np.count_nonzero(drawn & seen))
        either = int(np.count_nonzero((drawn | seen) & known))
        return replace(stance, fit=both / max(either, 1))

    best = judged(Stance(float(middle[0]), float(middle[1]), bottom, 0.0, edges))
    for step in _STEPS:
        improved = True
        while improved:
            tries = [judged(one) for one in _around(best, step)]
            better = max(tries, key=lambda one: one.fit)
            improved = better.fit > best.fit
            best = better if improved else best
    return best


def _around(stance: Stance, step: float) -> list[Stance]:
    return [
        *(replace(stance, x=stance.x + dx, y=stance.y + dy) for dx in (-step, 0.0, step) for dy in (-step, 0.0, step)),
        *(replace(stance, yaw=stance.yaw + turn) for turn in (-_TURN * step, _TURN * step)),
    ]


def _window(mask: Mask, room: int) -> tuple[slice, slice]:
    """The part of the picture around what is set, with `room` pixels more on each side."""
    rows, columns = np.nonzero(mask)
    top, left = max(int(rows.min()) - room, 0), max(int(columns.min()) - room, 0)
    return slice(top, int(rows.max()) + room + 1), slice(left, int(columns.max()) + room + 1)
