"""What a driver of a robot is: the one thing to write for a robot of your own (`optimus_nodes/drivers/`).

    class MyDriver:
        def __init__(self, robot: RobotSpec, options: MyOptions) -> None: ...

`DriverLoop` (driver_loop.py) calls it and has watchdog, checks and figures; `driver_node` puts it on topics.
`drivers/conformance.py` tests that a driver does what is said here.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar, runtime_checkable

from .errors import ConfigError
from .robot import RobotSpec
from .values import JointCommand, JointState

T = TypeVar("T")
_CAST: dict[Any, Callable[[str], Any]] = {
    bool: {"true": True, "false": False}.__getitem__,
    int: int,
    float: float,
    str: str,
}


@dataclass(frozen=True, slots=True)
class DriverDescription:
    """What a robot says of itself once it is connected. Empty where it doesn't say."""

    hardware: str = ""
    joint_names: tuple[str, ...] = ()
    urdf_sha256: str = ""


class RobotDriver(Protocol):
    """One robot. All calls come from one thread; none but `connect` may take longer than a millisecond or so.

    Arrays are in the order of `RobotSpec.joint_names`: rad, rad/s, N·m. What is wrong with the robot or the way to it
    is a DeviceError; `connect` is then called again after a while.
    """

    def connect(self) -> DriverDescription:
        """Find the robot; it may take seconds. The robot stands as it did until the first `write`."""

    def read(self) -> JointState | None:
        """The newest measurement, None before the first. `stamp` is when it was measured, s of `time.monotonic()`."""

    def write(self, command: JointCommand) -> None:
        """Take an impedance command: torque = kp (position - q) + kd (velocity - dq) + effort, until the next one."""

    def stop(self) -> None:
        """No more commands will come: leave the robot to what it does safely by itself. Also before `connect`."""

    def close(self) -> None:
        """Let go of whatever `connect` took. Also when it had failed."""


@runtime_checkable
class OwnTime(Protocol):
    """What a driver also has whose robot has its own time, as a simulation does: joint states are stamped in it."""

    @property
    def robot_time(self) -> float:
        """The robot's time at the newest measurement, s."""


def check_description(description: DriverDescription, robot: RobotSpec) -> None:
    """Raises ConfigError when the connected robot is another one than config/robots/<name>.yaml describes."""
    where = f"config/robots/{robot.name}.yaml"
    if description.joint_names:
        missing = sorted(set(robot.joint_names) - set(description.joint_names))
        extra = sorted(set(description.joint_names) - set(robot.joint_names))
        if missing or extra:
            parts = [f"{where} has {missing} that it has not"] if missing else []
            parts += [f"it has {extra} that are not in {where}"] if extra else []
            raise ConfigError(f"the connected robot has other joints: {'; '.join(parts)}")
    if description.urdf_sha256 and description.urdf_sha256 != robot.urdf_sha256:
        raise ConfigError(
            f"the connected robot was set up with another URDF (sha256 {description.urdf_sha256[:12]}) than the one "
            f"that {where} names ({robot.urdf_sha256[:12]})"
        )


def parse_options(kind: type[T], words: Sequence[str], driver: str) -> T:
    """A driver's options from `name=value` words. Raises ConfigError that names what may be given."""
    types, found = typing.get_type_hints(kind), dict[str, Any]()
    allowed = ", ".join(f"{f.name}={f.default}" for f in fields(kind)) or "none"  # type: ignore[arg-type]
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in types:
            raise ConfigError(f"driver {driver} has no option {word!r}; it takes {allowed}")
        try:
            found[name] = _CAST[types[name]](value)
        except (KeyError, ValueError):
            text = f"driver {driver}: option {name} is {value!r}; it must be of type {types[name].__name__}"
            raise ConfigError(text) from None
    return kind(**found)
