"""How near the robot may come to itself, where its hands may be, and how fast they may move.

Each of these is a gap g that must not become negative: between two links less `halt_distance`, between a hand and a
wall of the box. A joint at velocity v that brakes with a comes to rest after v^2 / 2a, so the gap ends at
    g + sum over the joints of  dg/dq v (|v| / 2a + T)
where T is the time in which a gap may shrink at most by itself (`slow_time`). Where that is below 0, the joints that
make the gap smaller are slowed down until it is 0; those that make it larger, and all others, go on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .errors import ConfigError
from .values import Array

_ROUNDING = 1e-9  # m
_HAND_SHARE = 0.85  # of the fastest a hand may be: joints do not gather speed in the same time
_DELAY = 0.01  # s until a joint brakes as it can
_PASSES = 5  # slowing a joint for one gap may take from another what kept it open
_BRAKING_SHARE = 0.7  # of a_max: room for what a gap's gradient changes on the way


@dataclass(frozen=True)
class SpaceConfig:
    """Parameters `control.space.*` of joint_control_node."""

    halt_distance: float = field(
        default=0.005, metadata={"doc": "Links that are no neighbours come no nearer to each other, m; 0: do not look."}
    )
    slow_time: float = field(
        default=0.05, metadata={"doc": "They approach by at most the way that is left in this time, s."}
    )
    box: tuple[float, ...] = field(
        default=(),
        metadata={"doc": "Where the hands may be: x y z at least, x y z at most, m in base_link; [] anywhere."},
    )
    hand_speed: float = field(
        default=0.0, metadata={"doc": "Fastest motion of a hand, m/s: 0.25 beside people who teach it; 0 any."}
    )

    def __post_init__(self) -> None:
        for name in ("halt_distance", "slow_time", "hand_speed"):
            value = getattr(self, name)
            if not (value >= 0.0 and math.isfinite(value)):
                raise ConfigError(f"joint_control parameter space.{name} is {value}; it must be 0 or more")
        if self.box and not (len(self.box) == 6 and all(a < b for a, b in zip(self.box[:3], self.box[3:]))):
            raise ConfigError(
                f"joint_control parameter space.box is {list(self.box)}; it must be x y z at least, then x y z at most"
            )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Pairs of links that are near each other in one posture: their `distances` (P,) m, the `gradients` (P, J) m/rad of
    these, and what a body calls the `pairs`."""

    distances: Array
    gradients: Array
    pairs: list[int]


class Body(Protocol):
    """Looks at postures of one robot."""

    hands: tuple[str, ...]

    def look(self, position: Array, motions: Array, margin: float) -> Surroundings:
        """What is at `position` (J,) rad; of the pairs those that one of `motions` (K, J) rad may bring nearer than
        `margin`, m."""

    def hand_motions(self) -> tuple[Array, Array]:
        """Of the posture looked at last: places of the hands (H, 3) m in base_link, and what each joint adds to their
        velocity, (H, 3, J) m/rad."""

    def names(self, pair: int) -> tuple[str, str]:
        """The two links of a pair."""


class SpaceLimits:
    """Slows the joints of one robot down. `slowed_by` says what for, since the last `share` or stop; "" for nothing."""

    def __init__(self, config: SpaceConfig, body: Body, max_acceleration: Array) -> None:
        """`max_acceleration`: (J,) rad/s^2. Raises: ConfigError when the robot has no hands to limit."""
        if (config.box or config.hand_speed) and not body.hands:
            raise ConfigError(
                "joint_control parameters space.box and space.hand_speed need a link left_grasp_frame or "
                "right_grasp_frame in the robot's URDF"
            )
        self._config, self._body = config, body
        self._braking = 0.5 / (_BRAKING_SHARE * max_acceleration)
        self._margin = config.halt_distance or -math.inf
        self._lower, self._upper = np.array(config.box[:3]), np.array(config.box[3:])
        self.slowed_by = ""

    def share(self, position: Array, velocity: Array, wanted: Array) -> Array:
        """How much of its `wanted` velocity each joint may have: (J,), 0 to 1.

        `position` (J,) rad and `velocity` (J,) rad/s are those it has now; `wanted` (J,) rad/s comes next.
        """
        self.slowed_by = ""
        share = np.ones_like(wanted)
        if not (wanted.any() or velocity.any()):
            return share
        inevitable = velocity * (np.abs(velocity) * self._braking + _DELAY)
        going_on = velocity * self._config.slow_time
        for _ in range(_PASSES):
            asked = self._until_rest(wanted * share)
            seen = self._body.look(position, np.stack([asked, inevitable]), self._margin)
            slower = self._slower(seen, wanted * share, (asked, inevitable, going_on))
            if slower is None:
                return self._slower_hands(wanted, share)
            share *= slower
        return np.zeros_like(wanted)

    def _until_rest(self, velocity: Array) -> Array:
        return velocity * (np.abs(velocity) * self._braking + self._config.slow_time)

    def _slower(self, seen: Surroundings, moving: Array, motions: tuple[Array, Array, Array]) -> Array | None:
        """By how much each joint must slow down further, so that no gap is used up; None when none would be.

        Of each joint the worst counts: what is asked of it, what it does while it brakes, and, for those that open the
        gap, no more than what they do soon, since a gradient does not hold for long.
        """
        gaps, gradients = self._gaps(seen)
        left = np.maximum(gaps, 0.0)
        asked = gradients * motions[0]  # how each joint changes each gap
        ways = np.minimum(np.minimum(asked, gradients * motions[1]), gradients * motions[2])
        short = (left + ways.sum(axis=1) < -_ROUNDING) & (asked < -_ROUNDING).any(axis=1)
        if not short.any():
            return None
        slower = np.ones_like(moving)
        for k in np.flatnonzero(short):
            closing = asked[k] < 0.0
            steady = -self._config.slow_time * gradients[k][closing].dot(moving[closing])
            braking = -asked[k][closing].sum() - steady
            slower[closing] = np.minimum(slower[closing], _share(braking, steady, left[k] + ways[k][~closing].sum()))
        self.slowed_by = self._reason(seen, int(np.argmin(np.where(short, gaps, np.inf))))
        return slower

    def _gaps(self, seen: Surroundings) -> tuple[Array, Array]:
        gaps, gradients = seen.distances - self._config.halt_distance, seen.gradients
        if not self._config.box:
            return gaps, gradients
        places, velocities = self._body.hand_motions()
        walls = velocities.reshape(-1, velocities.shape[-1])
        return (
            np.concatenate([gaps, (places - self._lower).ravel(), (self._upper - places).ravel()]),
            np.concatenate([gradients, walls, -walls]),
        )

    def _reason(self, seen: Surroundings, gap: int) -> str:
        if gap < len(seen.pairs):
            first, second = self._body.names(seen.pairs[gap])
            return f"{first} and {second} are {100.0 * seen.distances[gap]:.1f} cm apart"
        wall = gap - len(seen.pairs)
        return f"{self._body.hands[wall // 3 % len(self._body.hands)]} is at the {'xyz'[wall % 3]} limit of its box"

    def too_fast(self, velocity: Array) -> bool:
        """Whether a hand would be faster than it may be at `velocity` (J,) rad/s, where `share` was asked last."""
        return bool(self._config.hand_speed) and float(self._speeds(velocity).max()) > self._config.hand_speed

    def _slower_hands(self, wanted: Array, share: Array) -> Array:
        """All joints slower, so that no hand is faster than it may be."""
        if not self._config.hand_speed:
            return share
        speeds = self._speeds(wanted * share)
        fastest = float(speeds.max()) / (_HAND_SHARE * self._config.hand_speed)
        if fastest > 1.0:
            share /= fastest
            self.slowed_by = self.slowed_by or f"{self._body.hands[int(speeds.argmax())]} may not be faster"
        return share

    def _speeds(self, velocity: Array) -> Array:
        speeds: Array = np.linalg.norm(self._body.hand_motions()[1] @ velocity, axis=1)
        return speeds


def _share(braking: float, steady: float, left: float) -> float:
    """The share s of a velocity for which s^2 `braking` + s `steady` = `left`, 0 where nothing is left."""
    if left <= 0.0:
        return 0.0
    return min(1.0, 2.0 * left / (steady + math.sqrt(steady * steady + 4.0 * braking * left)))
