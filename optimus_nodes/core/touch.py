"""How hard a hand squeezes: force limited by what its fingertips feel, and raised when the thing in it begins to slip.

The thumb stays stiff and the fingers yield: their targets are kept so near to where they are that springs and torque
limits give a share of the torque they have. The share follows the measured force; where nothing is felt it is what
the wanted force is of the force at full torque. A thing that pulls along the fingertips with nearly as much as
friction can hold (Johansson and Westling, 1984) makes the wanted force grow, up to the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .errors import CommandError, ConfigError
from .robot import RobotSpec
from .values import Array

SIDES = ("left", "right")
_START = 0.5  # of the limit: what a hand begins to squeeze with
_GAIN = 15.0  # 1/s, how fast the share follows the force
_RANGE = (0.25, 2.0)  # how far touch may take the share from what it would be without
_FELT = 0.1  # N
_SLIPPING = 0.7  # of what friction can hold
_HELD = 0.5  # of the wanted force: with less the fingers are still finding the thing
_FOLLOWED = 0.9  # of the wanted force: with less it is still on its way up
_TIGHTEN = 8.0  # 1/s, growth of the wanted force while the thing slips
_AT_ONCE = 200.0  # 1/s: as hard as the joint can
_LET_GO = 0.3  # s without touch after which the next thing is squeezed anew


@dataclass(frozen=True)
class TouchConfig:
    """Parameters `control.touch.*` of joint_control_node."""

    max_force: float = field(
        default=0.0, metadata={"doc": "What a hand squeezes with at most unless somebody says less; 0: any, N."}
    )
    friction: float = field(default=0.8, metadata={"doc": "Friction coefficient that fingertips can count on."})
    max_age: float = field(default=0.1, metadata={"doc": "Touch not heard for so long counts as not felt, s."})
    gentle_speed: float = field(
        default=1.5, metadata={"doc": "Speed of the joints of a hand whose force is limited, rad/s."}
    )

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and (value > 0.0 or (name == "max_force" and value == 0.0))):
                raise ConfigError(f"joint_control parameter touch.{name} is {value}; it must be above 0")


@dataclass(frozen=True, slots=True)
class HandStatus:
    """One hand: N allowed (0 any), N felt between thumb and fingers, and how often a thing began to slip."""

    limit: float
    felt: float
    slips: int


class Grip:
    """One hand. Times are robot time (s).

    Args: pads: names of its tactile pads, in the order in which forces come. full: N it squeezes with at full torque.
    """

    def __init__(self, config: TouchConfig, pads: tuple[str, ...], full: float) -> None:
        self._config, self._full = config, full
        self._thumb = [k for k, pad in enumerate(pads) if "thumb" in pad]
        self._fingers = [k for k, pad in enumerate(pads) if "thumb" not in pad and "palm" not in pad]
        self._heard = self._touched = -math.inf
        self._slipping = False
        self.felt, self.slips = 0.0, 0
        self._wanted = self._share = 0.0
        self._limit = config.max_force
        self._begin()

    @property
    def limited(self) -> bool:
        return 0.0 < self.limit < self._full

    @property
    def limit(self) -> float:
        """N it may squeeze with; 0: any."""
        return self._limit

    @limit.setter
    def limit(self, force: float) -> None:
        if force != self._limit:
            self._limit = force
            self._begin()

    def on_touch(self, now: float, force: Array, shear: Array | None) -> None:
        """Normal forces and, from pads that feel it, forces along their surface, each (P,) N."""
        dt, self._heard = min(max(now - self._heard, 0.0), 0.05), now
        self.felt = max(float(force[self._fingers].sum()), float(force[self._thumb].sum()))
        if not self.limited:
            return
        if self.felt > _FELT:
            self._touched = now
        elif now - self._touched > _LET_GO:
            self._begin()
            return
        if shear is not None:
            self._answer_slip(force, shear, dt)
        error = min(max((self._wanted - self.felt) / self._wanted, -2.0), 1.0)
        plain = self._wanted / self._full
        share = self._share * math.exp(_GAIN * dt * error)
        self._share = min(max(share, _RANGE[0] * plain), _RANGE[1] * plain)

    def share(self, now: float) -> float:
        """Of the fingers' torque, 0 to 1, that may be used."""
        if not self.limited:
            return 1.0
        if now - self._heard > self._config.max_age:  # numb: what the wanted force takes without feeling it
            return min(self._share, self._wanted / self._full)
        return min(self._share, 1.0)

    def _begin(self) -> None:
        self._wanted = _START * self._limit
        self._share = self._wanted / self._full

    def _answer_slip(self, force: Array, shear: Array, dt: float) -> None:
        pressed = np.array([float(force[pads].sum()) for pads in (self._thumb, self._fingers)])
        dragged = np.array([float(shear[pads].sum()) for pads in (self._thumb, self._fingers)])
        held = bool(pressed.min() > _HELD * self._wanted)
        slipping = held and bool(np.any(dragged > _SLIPPING * self._config.friction * pressed))
        self.slips += slipping and not self._slipping
        self._slipping = slipping
        if slipping and self.felt > _FOLLOWED * self._wanted:
            self._wanted = min(self._wanted * math.exp(_TIGHTEN * dt), self._limit)


class Hands:
    """Both hands of a robot, as the joint controller has them. A robot without pads or hands is never limited."""

    def __init__(self, robot: RobotSpec, config: TouchConfig) -> None:
        self._config, half = config, len(robot.tactile_pads) // 2
        known = robot.hands is not None and robot.hands.squeeze > 0.0 and half > 0
        self._hands: dict[str, _Hand] = {}
        for side, pads in zip(SIDES, (robot.tactile_pads[:half], robot.tactile_pads[half:]), strict=True):
            if known and f"{side}_hand" in robot.groups:
                assert robot.hands is not None
                self._hands[side] = _Hand(robot, side, Grip(config, pads, robot.hands.squeeze), config.gentle_speed)
        if config.max_force > 0.0 and not self._hands:
            raise ConfigError(
                f"joint_control parameter touch.max_force is {config.max_force}, but config/robots/{robot.name}.yaml "
                "names no tactile_pads, or no `squeeze` of the hands"
            )

    @property
    def limited(self) -> bool:
        """Whether any hand's force is limited: only then touch matters."""
        return any(hand.grip.limited for hand in self._hands.values())

    def check(self, force: float) -> None:
        """Raises CommandError when the force is no number from 0 up, or the robot can't limit it."""
        if not (math.isfinite(force) and force >= 0.0):
            raise CommandError("not_finite", f"force of the hands is {force}; it must be 0 N or more")
        if force > 0.0 and not self._hands:
            raise CommandError("names", "this robot feels nothing: the force of its hands can't be limited")

    def limit(self, side: str, force: float) -> None:
        """From now on `side` ("left", "right", "" both) squeezes with `force` N at most; 0: as the parameter says."""
        self.check(force)
        asked = [value for value in (force, self._config.max_force) if value > 0.0]
        for each, hand in self._hands.items():
            if side in ("", each):
                hand.grip.limit = min(asked, default=0.0)

    def on_touch(self, side: str, now: float, force: Array, shear: Array | None = None) -> None:
        """What the pads of `side` feel at robot time `now`, (P,) N, in the robot's order.

        Raises: CommandError when a number is not finite; it then counts as not heard.
        """
        if not np.isfinite(force).all() or (shear is not None and not np.isfinite(shear).all()):
            raise CommandError("not_finite", f"a force on the pads of the {side} hand is not a finite number")
        if side in self._hands:
            self._hands[side].grip.on_touch(now, force, shear)

    def within(self, target: Array, commanded: Array, measured: Array, now: float) -> Array:
        """`target` (J,) rad, but limited hands close slowly, and their fingers with a share of their torque.

        `commanded`, `measured`: where the joints were told to be, and are, (J,) rad.
        """
        target = target.copy()
        for hand in self._hands.values():
            if hand.grip.limited:
                joints, way = hand.joints, hand.way
                furthest = commanded[joints] * way + hand.braking
                np.minimum(furthest, measured[joints] * way + hand.reach * hand.grip.share(now), out=furthest)
                target[joints] = way * np.minimum(target[joints] * way, furthest)
        return target

    def pace(self, rate: float, speed: Array) -> tuple[Array, Array]:
        """How soon each joint (J,) brakes before its target, 1/s, and how fast it may be, rad/s.

        `rate`, `speed`: for joints of hands that are not limited, which need no targets as near as others have.
        """
        rates, speeds = np.full(len(speed), rate), speed.copy()
        for hand in self._hands.values():
            if hand.grip.limited:
                rates[hand.joints] = _AT_ONCE
                speeds[hand.joints] = np.minimum(speeds[hand.joints], self._config.gentle_speed)
        return rates, speeds

    def status(self) -> dict[str, HandStatus]:
        """By side."""
        return {
            side: HandStatus(hand.grip.limit, hand.grip.felt, hand.grip.slips) for side, hand in self._hands.items()
        }


class _Hand:
    """The joints of one hand that close it: `way` is 1 where that is upwards, else -1.

    `reach`: rad ahead of the measured joint at which its torque is used up; infinite for the thumb, which does not
    yield. `braking`: rad that a joint takes to come to rest from the speed at which a limited hand closes.
    """

    def __init__(self, robot: RobotSpec, side: str, grip: Grip, speed: float) -> None:
        way = np.sign(robot.hand_posture(side, "closed") - robot.hand_posture(side, "open"))
        joints = robot.group(f"{side}_hand")
        self.braking = 0.5 * speed**2 / robot.max_acceleration[joints].min()
        self.grip, self.joints, self.way = grip, joints[way != 0.0], way[way != 0.0]
        self.reach: Array = robot.max_effort[self.joints] / np.maximum(robot.kp[self.joints], 1e-9)
        self.reach[["thumb" in robot.joint_names[k] for k in self.joints]] = np.inf
