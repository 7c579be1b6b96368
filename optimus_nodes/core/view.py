"""What a planner's eyes are given, and the port they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .values import Array, ImageArray
from .world import World


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A picture, where it was taken from, and what of the robot itself is in it.

    `image` (H, W, 3) uint8 RGB. `K` (3, 3): intrinsics, pixels. `camera` (4, 4): pose of the optical frame (z forward,
    x right, y down; REP 103) in the base frame, m. `limbs`: a line (N, 3) m down each arm, by side, that ends in
    the middle of the hand's grasp. `touch`: N on each hand.
    """

    image: ImageArray
    K: Array
    camera: Array
    limbs: Mapping[str, Array] = field(default_factory=dict)
    touch: Mapping[str, float] = field(default_factory=dict)


class Eyes(Protocol):
    """Describes what is in sight."""

    def look(self, view: View) -> World: ...
