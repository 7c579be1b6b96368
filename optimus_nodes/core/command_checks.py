"""Checks that every command passes before it can matter. Each refusal has a short reason and a full sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .errors import CommandError, ConfigError
from .robot import RobotSpec
from .values import ActionChunk, Array

REASONS = ("not_finite", "names", "length", "timing", "stale", "future", "owner", "emergency_stop", "not_ready")
_STEP_DT = (0.001, 1.0)  # s, the shortest and longest step of a chunk


class CommandChecks:
    """Knows one robot's joints; remembers lists of names, which senders repeat, and how new the last targets were."""

    def __init__(self, robot: RobotSpec, max_future: float) -> None:
        self._robot, self._max_future = robot, max_future
        self._order = {name: i for i, name in enumerate(robot.joint_names)}
        self._known: dict[tuple[str, ...], np.ndarray] = {}
        self._told: Array = np.full(len(robot.joint_names), -math.inf)  # stamp of each joint's last target, s

    def index(self, names: Sequence[str]) -> np.ndarray:
        """Where `names` stand in the joint order, shape (N,). Raises CommandError `names`."""
        key = tuple(names)
        if key in self._known:
            return self._known[key]
        unknown = [name for name in key if name not in self._order]
        if unknown:
            raise CommandError(
                "names", f"{self._robot.name} has no joint {unknown[0]!r}; the names are those of its URDF"
            )
        if len(set(key)) != len(key):
            twice = next(name for name in key if key.count(name) > 1)
            raise CommandError("names", f"joint {twice} is named {key.count(twice)} times; once is allowed")
        if not key:
            raise CommandError("names", "the command names no joint")
        if len(self._known) > 16:
            self._known.clear()
        self._known[key] = np.array([self._order[name] for name in key], dtype=np.intp)
        return self._known[key]

    def chunk(self, chunk: ActionChunk, now: float, max_age: float) -> np.ndarray:
        """Joint indices (N,) of a sound chunk. Raises CommandError otherwise."""
        index = self.index(chunk.names)
        if chunk.positions.ndim != 2 or chunk.positions.shape[1] != len(index) or len(chunk.positions) == 0:
            raise CommandError(
                "length", f"chunk positions have shape {chunk.positions.shape}, allowed is (steps, {len(index)})"
            )
        if not (math.isfinite(chunk.step_dt) and _STEP_DT[0] <= chunk.step_dt <= _STEP_DT[1]):
            raise CommandError("timing", f"chunk step_dt {chunk.step_dt} s is outside {_STEP_DT[0]} to {_STEP_DT[1]} s")
        self._finite(chunk.positions, chunk.names)
        self.age(chunk.stamp, now, max_age, "chunk")
        self.age(chunk.observation_stamp, now, math.inf, "chunk's observation")
        return index

    def target(self, names: Sequence[str], positions: Array) -> np.ndarray:
        """Joint indices (N,) of a sound posture target. Raises CommandError otherwise."""
        index = self.index(names)
        if positions.shape != (len(index),):
            raise CommandError("length", f"{len(index)} joints are named but positions have shape {positions.shape}")
        self._finite(positions[None, :], tuple(names))
        return index

    def hand(self, side: str, posture: str) -> tuple[np.ndarray, Array]:
        """Joint indices (N,) of a hand, "" both, and their rad in the posture. Raises CommandError `names`."""
        sides = [side] if side else ["left", "right"]
        try:
            index = np.concatenate([self._robot.group(f"{each}_hand") for each in sides])
            if not posture:
                return index, np.empty(0)
            rad = np.concatenate([self._robot.hand_posture(each, posture) for each in sides])
        except ConfigError as error:
            raise CommandError("names", str(error)) from error
        return index, np.clip(rad, self._robot.lower[index], self._robot.upper[index])

    def age(self, stamp: float, now: float, max_age: float, what: str) -> None:
        """Refuse a stamp (s) that is not a number, older than `max_age` s or in the future."""
        if not math.isfinite(stamp):
            raise CommandError("not_finite", f"{what} stamp is {stamp}")
        if now - stamp > max_age:
            raise CommandError("stale", f"{what} is {now - stamp:.3f} s old; at most {max_age:.3f} s is allowed")
        if stamp - now > self._max_future:
            raise CommandError(
                "future",
                f"{what} is stamped {stamp - now:.3f} s ahead of robot time; at most {self._max_future:.3f} s "
                "is allowed (is the sender on another clock?)",
            )

    def newer(self, index: np.ndarray, stamp: float) -> None:
        """Refuse a target stamped before another one that was taken for the same joint: it was overtaken on its way."""
        behind = float(np.max(self._told[index], initial=-math.inf)) - stamp
        if behind > 0.0:
            raise CommandError("stale", f"target was overtaken by one that is {behind:.3f} s newer")

    def told(self, index: np.ndarray, stamp: float) -> None:
        """A target of that stamp (s) was taken for these joints."""
        self._told[index] = stamp

    def forget(self) -> None:
        """Time begins anew: any target is newer than what was told before."""
        self._told[:] = -math.inf

    @staticmethod
    def _finite(rows: Array, names: tuple[str, ...]) -> None:
        if not math.isfinite(float(rows.sum(dtype=np.float64))):  # one pass; overflow counts as well
            bad = np.argwhere(~np.isfinite(rows))
            where = names[bad[0][1]] if len(bad) else "every joint"
            got = rows[tuple(bad[0])] if len(bad) else "too large"
            raise CommandError("not_finite", f"{where} target is {got}; it must be a finite number of radians")
