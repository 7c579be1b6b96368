"""What config/robots/<name>.yaml may say besides: how the hands are held, what they can do, where benches stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from ..core.robot import FINGERS, HandSpec, RobotSpec
from ..core.tasks_suite import BENCH_TASKS

_HANDS = {"shoulder": 2, "pinch": 3}
_BENCH = ("nearer", "higher")


def hands(data: Any, robot: RobotSpec, path: Path) -> HandSpec | None:
    """The entry `hands`, checked against the robot's joints. Raises ConfigError."""
    if data is None:
        return None
    where = f"{path}: hands"
    if not isinstance(data, Mapping) or set(data) - {"squeeze"} != {"postures", "tilt", *_HANDS}:
        raise ConfigError(
            f"{where} must have postures, tilt, shoulder and pinch, and may have squeeze; it has {_keys(data)}"
        )
    points = {key: _numbers(data[key], count, f"{where}: {key}") for key, count in _HANDS.items()}
    tilt = _numbers([data["tilt"]], 1, f"{where}: tilt")[0]
    squeeze = _numbers([data.get("squeeze", 0.0)], 1, f"{where}: squeeze")[0]
    if squeeze < 0.0:
        raise ConfigError(f"{where}: squeeze is {squeeze} N; it must be 0, for nobody knows, or more")
    postures = data["postures"]
    if not isinstance(postures, Mapping) or not {"open", "closed"} <= set(postures):
        raise ConfigError(f"{where}: postures must have open and closed at least; they are {_keys(postures)}")
    for name, table in postures.items():
        _check_posture(table, robot, f"{where}: posture {name}")
    shoulder, pinch = points["shoulder"], points["pinch"]
    return HandSpec(postures, (shoulder[0], shoulder[1]), tilt, (pinch[0], pinch[1], pinch[2]), squeeze)


def tasks(data: Any, path: Path) -> tuple[str, ...]:
    """The entry `tasks`. Raises ConfigError."""
    unknown = [name for name in data if name not in BENCH_TASKS] if isinstance(data, list) else [data]
    if unknown:
        raise ConfigError(f"{path}: tasks names {unknown[0]!r}; there are {', '.join(BENCH_TASKS)}")
    return tuple(data)


def bench(data: Any, path: Path) -> tuple[float, float]:
    """The entry `bench`, m. Raises ConfigError."""
    if not isinstance(data, Mapping) or set(data) != set(_BENCH):
        raise ConfigError(f"{path}: bench must have nearer and higher, m; it has {_keys(data)}")
    nearer, higher = _numbers([data[key] for key in _BENCH], 2, f"{path}: bench")
    return nearer, higher


def _check_posture(table: Any, robot: RobotSpec, where: str) -> None:
    theirs = [k for side in ("left", "right") for k in robot.group(f"{side}_hand")]
    joints = [robot.joint_names[k].removesuffix("_joint") for k in theirs]
    plain = {joint.partition("_")[2] for joint in joints}
    general = {f"finger_{joint.partition('_')[2]}" for joint in plain if joint.partition("_")[0] in FINGERS}
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} is {table!r}; it must be names of joints and their rad")
    for name, angle in table.items():
        if name not in {*joints, *plain, *general}:
            raise ConfigError(f"{where} has {name!r}, which no joint of the hands is called")
        _numbers([angle], 1, f"{where}: {name}")


def _numbers(values: Any, count: int, where: str) -> list[float]:
    fits = isinstance(values, list) and len(values) == count
    if not fits or not all(type(value) in (int, float) and math.isfinite(value) for value in values):
        raise ConfigError(f"{where} is {values!r}; it must be {count} number{'s' * (count > 1)}")
    return [float(value) for value in values]


def _keys(data: Any) -> str:
    return ", ".join(map(str, data)) if isinstance(data, Mapping) else repr(data)
