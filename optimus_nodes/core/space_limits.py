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
_HOLDS = 0.004  # s for which what was seen holds, unless much else is asked: as at 250 Hz
_MUCH = 0.1  # rad/s
_AT_ONCE = 32  # pairs of links, the nearest first: who is slowed down for them is seldom too fast for the others
_PASSES = 16  # slowing a joint for one gap may take from another what kept it open
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

    def __add__(self, more: Surroundings) -> Surroundings:
        return Surroundings(
            np.concatenate([self.distances, more.distances]),
            np.concatenate([self.gradients, more.gradients]),
            self.pairs + more.pairs,
        )


class Body(Protocol):
    """Looks at postures of one robot."""

    hands: tuple[str, ...]

    def stand(self, position: Array, motion: Array) -> None:
        """Speak of the posture `position` (J,) rad from now on; `motion` (J,) rad happens to it in any case."""

    def nearest(self, motion: Array, margin: float, count: int) -> Surroundings:
        """Of the pairs that `motion` (J,) rad and the one of `stand` together may bring nearer than `margin`, m, the
        `count` nearest that were not told of since."""

    def hand_motions(self) -> tuple[Array, Array]:
        """Of the posture of `stand`: places of the hands (H, 3) m in base_link, and what each joint adds to their
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
        self._all_off = not (config.halt_distance or config.box or config.hand_speed)
        self._asked = self._wanted = self._share = np.zeros_like(max_acceleration)
        self.rest()

    def rest(self) -> None:
        """Nothing is asked of the joints."""
        self.slowed_by, self._seen_for, self._dt = "", math.inf, 0.0

    def share(self, position: Array, velocity: Array, wanted: Array, dt: float) -> Array:
        """How much of its `wanted` velocity each joint may have: (J,), 0 to 1.

        `position` (J,) rad and `velocity` (J,) rad/s are those it has now; `wanted` (J,) rad/s comes next, for `dt` s.
        """
        if self._seen_for + 0.5 * dt > _HOLDS or np.abs(wanted - self._asked).max() > _MUCH:
            self._look(position, velocity, wanted)
        self._seen_for, self._wanted, self._dt = self._seen_for + dt, wanted, dt
        return self._share

    def look_ahead(self, position: Array, velocity: Array) -> None:
        """See now what the next `share` needs, at the `position` and `velocity` it will be given. There is time for it
        once a command has been sent."""
        if _HOLDS - 0.5 * self._dt < self._seen_for < math.inf:
            self._look(position, velocity, self._wanted)

    def _look(self, position: Array, velocity: Array, wanted: Array) -> None:
        self._seen_for, self._asked = 0.0, wanted
        self._share = self._share_now(position, velocity, wanted)

    def _share_now(self, position: Array, velocity: Array, wanted: Array) -> Array:
        self.slowed_by = ""
        share = np.ones_like(wanted)
        if self._all_off or not (wanted.any() or velocity.any()):
            return share
        inevitable = velocity * (np.abs(velocity) * self._braking + _DELAY)
        going_on = velocity * self._config.slow_time
        self._body.stand(position, inevitable)
        seen = Surroundings(np.empty(0), np.empty((0, len(wanted))), [])
        for _ in range(_PASSES):
            asked = self._until_rest(wanted * share)
            more = self._body.nearest(asked, self._margin, _AT_ONCE)
            seen += more
            slower = self._slower(seen, wanted * share, (asked, inevitable, going_on))
            if slower is not None:
                share *= slower
            elif len(more.pairs) < _AT_ONCE:
                return self._slower_hands(wanted, share)
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
        anyway = np.minimum(gradients * motions[1], gradients * motions[2])
        ways = np.minimum(asked, anyway)
        short = (left + ways.sum(axis=1) < -_ROUNDING) & (asked < -_ROUNDING).any(axis=1)
        if not short.any():
            return None
        slower = np.ones_like(moving)
        for k in np.flatnonzero(short):
            helps = (asked[k] < 0.0) & (asked[k] <= anyway[k])
            if not helps.any():  # braking alone takes more than is left: now nothing may move what is near each other
                slower[gradients[k] != 0.0] = 0.0
                continue
            steady = -self._config.slow_time * gradients[k][helps].dot(moving[helps])
            braking = -asked[k][helps].sum() - steady
            closing = asked[k] < 0.0
            slower[closing] = np.minimum(slower[closing], _share(braking, steady, left[k] + ways[k][~helps].sum()))
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
