"""Puts streams of different rates together into frames of one constant rate, and says what did not fit.

Frame k stands at `begin + k / fps`, robot time. Each camera gives the picture nearest to it; joints are interpolated
between the two measurements around the moment the first camera's picture was taken; `action` is the last command
that was applied before the next frame. Nothing is filled in silently: a picture that had to be repeated, or is
further off than half a period, marks the frame as a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .episode import FrameRow, RecordingContract
from .errors import DeviceError
from .values import Array, ImageArray, JointState

_KEPT = 1024  # joint states: four seconds at 250 Hz
_KEPT_PICTURES = 90  # a camera that runs ahead of the others is not kept for ever


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A table row and its pictures: camera -> (stamp s, (H, W, 3) uint8 RGB, is it a repeat)."""

    row: FrameRow
    pictures: dict[str, tuple[float, ImageArray, bool]]


class StreamError(DeviceError):
    """A stream can't be recorded any further: it changed its size, or its clock went back."""


class FrameGrid:
    """Streams in, frames out. Args: patience: how long a frame waits for a late stream, s of robot time.

    max_gap: how long pictures may be repeated before the recording is not worth going on with, s.
    """

    def __init__(self, contract: RecordingContract, patience: float = 0.4, max_gap: float = 2.0) -> None:
        self._contract, self._patience, self._max_gap = contract, patience, max_gap
        self._period = 1.0 / contract.fps
        self._size = {name: (height, width) for name, height, width in contract.cameras}
        self._pictures: dict[str, deque[tuple[float, ImageArray]]] = {name: deque() for name in self._size}
        self._used: dict[str, tuple[float, ImageArray]] = {}
        self._states: deque[JointState] = deque(maxlen=_KEPT)
        self._applied: deque[tuple[float, Array]] = deque(maxlen=_KEPT)
        self._owners: deque[tuple[float, str]] = deque(maxlen=_KEPT)
        self._pads = {name: i for i, name in enumerate(contract.tactile_pads)}
        self._touch: deque[tuple[float, Array]] = deque(maxlen=_KEPT)
        self._force = np.zeros(len(self._pads))
        self._latest = -np.inf
        self._begin: float | None = None
        self._number = 0
        self.task = ""

    @property
    def reference(self) -> str:
        """The camera that sets the time of a frame."""
        return self._contract.cameras[0][0]

    def on_picture(self, camera: str, stamp: float, pixels: ImageArray) -> None:
        """A picture (H, W, 3) uint8 RGB of `stamp`. Raises StreamError when its size changed or time went back."""
        height, width = self._size[camera]
        if pixels.shape != (height, width, 3):
            raise StreamError(
                f"{camera}/image_raw is {pixels.shape[1]}x{pixels.shape[0]} now; this data set holds {width}x{height} "
                f"(cameras in config/robots/{self._contract.robot}.yaml)"
            )
        waiting = self._pictures[camera]
        last = waiting[-1][0] if waiting else self._used[camera][0] if camera in self._used else -np.inf
        self._forward(f"{camera}/image_raw", stamp, last)
        if stamp == last:
            return
        waiting.append((stamp, pixels))
        if self._begin is None or len(waiting) > _KEPT_PICTURES:
            while len(waiting) > (3 if self._begin is None else _KEPT_PICTURES):
                waiting.popleft()

    def on_joints(self, state: JointState) -> None:
        """Measured joints. Raises StreamError when their clock went back."""
        self._forward("joint_states", state.stamp, self._states[-1].stamp if self._states else -np.inf)
        self._states.append(state)

    def on_applied(self, stamp: float, position: Array) -> None:
        """Position targets (J,) rad that the driver applied at `stamp`. Raises StreamError when time went back."""
        self._forward("applied_joint_commands", stamp, self._applied[-1][0] if self._applied else -np.inf)
        self._applied.append((stamp, position))

    def on_touch(self, stamp: float, names: Sequence[str], force: Array) -> None:
        """Forces (N,) N of the pads `names`; pads of other robots are refused with StreamError."""
        unknown = [name for name in names if name not in self._pads]
        if unknown:
            raise StreamError(f"tactile pad {unknown[0]!r} is unknown; {self._contract.robot} has {list(self._pads)}")
        self._forward("tactile", stamp, self._touch[-1][0] if self._touch else -np.inf, slack=0.1)
        self._force = self._force.copy()
        self._force[[self._pads[name] for name in names]] = force
        self._touch.append((stamp, self._force))

    def on_owner(self, stamp: float, owner: str) -> None:
        """Who moves the robot from `stamp` on."""
        self._owners.append((stamp, owner))

    def missing(self) -> list[str]:
        """The streams that have not come yet, by topic. No frame is made before all are there."""
        found = [f"{name}/image_raw" for name, kept in self._pictures.items() if not kept and name not in self._used]
        found += [] if self._states else ["joint_states"]
        found += [] if self._applied else ["applied_joint_commands"]
        return found + ([] if self._touch or not self._pads else ["tactile/left_hand, tactile/right_hand"])

    def ready(self) -> list[Frame]:
        """The frames that have become complete, in order. Raises StreamError when a gap grew beyond `max_gap`."""
        found: list[Frame] = []
        if self.missing():
            return found
        if self._begin is None:
            self._begin = self._pictures[self.reference][-1][0]
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _forward(self, topic: str, stamp: float, last: float, slack: float = 0.0) -> None:
        if not np.isfinite(stamp) or stamp < last - slack:
            raise StreamError(
                f"{topic} went back in time, from {last:.3f} s to {stamp:.3f} s; stamps must be robot time and grow "
                "(was the simulator or a driver restarted?)"
            )
        self._latest = max(self._latest, stamp)

    def _next(self) -> Frame | None:
        assert self._begin is not None
        due = self._begin + self._number * self._period
        if self._latest < due + self._patience and not self._complete(due):
            return None
        if not self._states or self._latest < due + self._period:
            return None
        pictures = {name: self._choose(name, due) for name in self._pictures}
        gap = any(repeat or abs(stamp - due) > 0.5 * self._period + 1e-6 for stamp, _, repeat in pictures.values())
        stamp, _, repeat = pictures[self.reference]
        self._number += 1
        return Frame(self._row(due if repeat else stamp, due + self._period, gap), pictures)

    def _complete(self, due: float) -> bool:
        for camera, waiting in self._pictures.items():
            newest = waiting[-1][0] if waiting else self._used[camera][0]
            if newest < due - 0.5 * self._period:
                return False
        end = due + self._period - 1e-6
        return bool(self._states[-1].stamp >= due and self._applied[-1][0] >= end)

    def _choose(self, camera: str, due: float) -> tuple[float, ImageArray, bool]:
        waiting = self._pictures[camera]
        while len(waiting) > 1 and abs(waiting[1][0] - due) <= abs(waiting[0][0] - due):
            waiting.popleft()
        fresh = waiting and waiting[0][0] < due + 0.5 * self._period
        if fresh or camera not in self._used:
            self._used[camera] = waiting.popleft()
        elif due - self._used[camera][0] > self._max_gap:
            raise StreamError(
                f"{camera}/image_raw brought no picture for {due - self._used[camera][0]:.1f} s "
                f"(allowed {self._max_gap:.1f} s, max_gap in config/recorder.yaml)"
            )
        stamp, pixels = self._used[camera]
        return stamp, pixels, not fresh

    def _row(self, at: float, end: float, gap: bool) -> FrameRow:
        before, after = self._states[-1], self._states[-1]
        for state in reversed(self._states):
            before = state
            if state.stamp <= at:
                break
            after = state
        span = after.stamp - before.stamp
        share = min(max((at - before.stamp) / span, 0.0), 1.0) if span > 0.0 else 0.0
        return FrameRow(
            capture_time=at,
            position=before.position + share * (after.position - before.position),
            velocity=before.velocity + share * (after.velocity - before.velocity),
            effort=before.effort + share * (after.effort - before.effort),
            tactile=_latest(self._touch, at) if self._touch else self._force,
            action=_latest(self._applied, end - 1e-6),
            intervention=bool(self._owners) and _latest(self._owners, at) == "teleop",
            gap=gap,
            task=self.task,
        )


def _latest(stream: deque, at: float):  # type: ignore[type-arg, no-untyped-def]
    """The newest value with a stamp not after `at`; the oldest one kept when all are newer."""
    for stamp, value in reversed(stream):
        if stamp <= at:
            return value
    return stream[0][1]
