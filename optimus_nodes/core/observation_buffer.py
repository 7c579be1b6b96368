"""Puts one observation together from streams that come at their own rates.

The head picture sets the time: joints are taken at its stamp, the wrist pictures and touch are the newest.
Whatever is missing or too old is named; nothing is guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from .errors import CommandError
from .robot import RobotSpec
from .values import Array, ImageArray, JointState, Observation

KEPT_STATES = 256  # a second at 250 Hz


class ObservationBuffer:
    """Newest inputs of a policy that needs the pictures of `cameras`, the first of which sets the time.

    Inputs further than `max_age` s from the first camera's picture count as missing. `monotonic`: when an input
    arrived, s on a clock that never stops, to notice silence even when robot time stands still.
    """

    def __init__(self, robot: RobotSpec, cameras: Sequence[str], max_age: float = 0.3) -> None:
        self.cameras, self.max_age = tuple(cameras), max_age
        self._pads = {name: i for i, name in enumerate(robot.tactile_pads)}
        self._pictures: dict[str, tuple[float, ImageArray]] = {}
        self._states: deque[JointState] = deque(maxlen=KEPT_STATES)
        self._force = np.zeros(len(self._pads))
        self._felt = np.full(len(self._pads), -np.inf)
        self._seen_at = self._moved_at = 0.0

    def on_picture(self, camera: str, stamp: float, pixels: ImageArray, monotonic: float = 0.0) -> None:
        """A picture (H, W, 3) uint8 RGB taken at `stamp`."""
        self._pictures[camera] = (stamp, pixels)
        if camera == self.cameras[0]:
            self._seen_at = monotonic

    def on_joints(self, state: JointState, monotonic: float = 0.0) -> None:
        """Measured joints. A stamp that goes back starts anew: the clock was reset."""
        if self._states and state.stamp < self._states[-1].stamp:
            self._states.clear()
            self._felt[:] = -np.inf
        self._states.append(state)
        self._moved_at = monotonic

    def on_touch(self, stamp: float, names: Sequence[str], force: Array) -> None:
        """Forces (N,) N of the pads `names`. Raises CommandError for a pad the robot does not have."""
        unknown = [name for name in names if name not in self._pads]
        if unknown:
            raise CommandError("names", f"tactile pad {unknown[0]!r} is unknown; the robot has {sorted(self._pads)}")
        index = [self._pads[name] for name in names]
        self._force[index], self._felt[index] = force, stamp

    def missing(self, monotonic: float | None = None) -> str:
        """What keeps an observation from being made, in words; empty when nothing does.

        With `monotonic`, silence of the first camera and of the joints counts too.
        """
        head = self.cameras[0]
        if head not in self._pictures:
            return f"no picture from camera {head} yet"
        stamp = self._pictures[head][0]
        if monotonic is not None and monotonic - self._seen_at > self.max_age:
            return f"no picture from camera {head} for {monotonic - self._seen_at:.1f} s"
        for camera in self.cameras[1:]:
            if camera not in self._pictures:
                return f"no picture from camera {camera} yet"
            if self._late(stamp, self._pictures[camera][0]):
                return self._old(f"the picture of camera {camera}", stamp - self._pictures[camera][0])
        if not self._states:
            return "no joint_states yet"
        if monotonic is not None and monotonic - self._moved_at > self.max_age:
            return f"no joint_states for {monotonic - self._moved_at:.1f} s"
        if self._late(stamp, self._states[-1].stamp):
            return self._old("joint_states", stamp - self._states[-1].stamp)
        for name, i in self._pads.items():
            if not np.isfinite(self._felt[i]):
                return f"no touch from pad {name} yet"
            if self._late(stamp, float(self._felt[i])):
                return self._old(f"touch of pad {name}", stamp - float(self._felt[i]))
        return ""

    def observe(self, sentence: str) -> Observation:
        """The observation at the stamp of the first camera's picture. Raises LookupError when `missing`."""
        reason = self.missing()
        if reason:
            raise LookupError(reason)
        stamp = self._pictures[self.cameras[0]][0]
        position, velocity = self._joints_at(stamp)
        images = {camera: self._pictures[camera][1] for camera in self.cameras}
        return Observation(stamp, images, position, velocity, self._force.copy(), sentence)

    def _joints_at(self, stamp: float) -> tuple[Array, Array]:
        after = self._states[-1]
        for before in reversed(self._states):
            if before.stamp <= stamp:
                gap = after.stamp - before.stamp
                share = (stamp - before.stamp) / gap if after.stamp > stamp and gap > 0.0 else 0.0
                position = before.position + share * (after.position - before.position)
                return position, before.velocity + share * (after.velocity - before.velocity)
            after = before
        return after.position.copy(), after.velocity.copy()

    def _late(self, stamp: float, other: float) -> bool:
        return abs(stamp - other) > self.max_age

    def _old(self, what: str, age: float) -> str:
        side = "older" if age > 0.0 else "newer"
        return f"{what} is {abs(age):.2f} s {side} than the picture of {self.cameras[0]} (allowed {self.max_age:.2f} s)"
