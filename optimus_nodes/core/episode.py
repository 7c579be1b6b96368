"""What is known about a recorded episode, apart from its frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import ConfigError
from .robot import RobotSpec
from .values import Array

OPERATORS = ("policy", "teleop", "script")
SOURCES = ("simulator", "planner", "person", "recorder")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went. `success` is None while nobody knows; `source`: who says so, one of SOURCES."""

    success: bool | None = None
    reason: str = ""
    source: str = "recorder"

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ConfigError(f"the source of an outcome is {self.source!r}; it must be one of {', '.join(SOURCES)}")
        if self.success is False and not self.reason:
            raise ConfigError("a failed episode needs a reason, in words; nothing else tells why it failed")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `time` s after the first frame. `kind`: task, plan, intervention, emergency_stop, …"""

    time: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class EpisodeInfo:
    """What is known when an episode begins. `started_at`: ISO 8601, UTC. `scene_seed`: None on a real robot."""

    instruction: str = ""
    operator: str = "policy"
    policy_id: str = ""
    robot: str = ""
    site: str = ""
    scene_seed: int | None = None
    started_at: str = ""

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise ConfigError(f"operator is {self.operator!r}; it must be one of {', '.join(OPERATORS)}")

    def to_mapping(self) -> dict[str, Any]:
        return asdict(self)


def episode_info(raw: Mapping[str, Any]) -> EpisodeInfo:
    """The inverse of `EpisodeInfo.to_mapping`; entries it does not know are left out."""
    return EpisodeInfo(**{key: raw[key] for key in EpisodeInfo.__dataclass_fields__ if key in raw})


@dataclass(frozen=True, slots=True, eq=False)
class FrameRow:
    """One row of the table. (J,) rad, rad/s, N·m; tactile (P,) N; `task`: the sub-instruction in force.

    `action`: the position targets that the driver really applied, the last ones before the next frame.
    `extras`: values (N,) of the columns that only this data set has.
    `gap`: a picture of this frame is a repeat, or off by more than half a period.
    """

    capture_time: float
    position: Array
    velocity: Array
    effort: Array
    tactile: Array
    action: Array
    intervention: bool
    gap: bool
    task: str
    extras: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that only some data sets have: `size` float32 numbers per frame; `names` of them, or none."""

    name: str
    size: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordingContract:
    """Whose data a data set holds: recordings of another robot, order or picture size never mix with it.

    `cameras`: (name, height, width) of the recorded pictures, pixels; the first one sets the time of a frame.
    `extras`: columns beside those that every data set has.
    """

    robot: str
    urdf_sha256: str
    joint_names: tuple[str, ...]
    tactile_pads: tuple[str, ...]
    cameras: tuple[tuple[str, int, int], ...]
    fps: int
    extras: tuple[Column, ...] = ()

    def to_mapping(self) -> dict[str, Any]:
        raw = asdict(self)
        raw["cameras"] = {name: [height, width] for name, height, width in self.cameras}
        if not self.extras:
            del raw["extras"]
        return raw


def recording_contract(robot: RobotSpec, fps: int = 0) -> RecordingContract:
    """The contract of `robot`; `fps` 0 takes the rate of its fastest camera."""
    cameras = tuple((c.name, c.height, c.width) for c in robot.cameras)
    rate = fps or round(max(c.rate_hz for c in robot.cameras))
    return RecordingContract(robot.name, robot.urdf_sha256, robot.joint_names, robot.tactile_pads, cameras, rate)


def contract_from(raw: Mapping[str, Any], where: str) -> RecordingContract:
    """The contract written in the file `where`. Raises ConfigError when it is not one."""
    try:
        return RecordingContract(
            str(raw["robot"]),
            str(raw["urdf_sha256"]),
            tuple(raw["joint_names"]),
            tuple(raw["tactile_pads"]),
            tuple((str(name), int(size[0]), int(size[1])) for name, size in raw["cameras"].items()),
            int(raw["fps"]),
            tuple(Column(str(one["name"]), int(one["size"]), tuple(one["names"])) for one in raw.get("extras", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ConfigError(f"{where} does not say which robot it was recorded with: {error!r}") from error


def contract_mismatch(ours: RecordingContract, theirs: RecordingContract, our_name: str, their_name: str) -> list[str]:
    """One line for each thing in which the two differ, naming both sides. Empty: they fit."""
    found = []
    for key in RecordingContract.__dataclass_fields__:
        mine, other = getattr(ours, key), getattr(theirs, key)
        if mine == other:
            continue
        if isinstance(mine, tuple) and len(mine) == len(other):
            place = next(i for i, (a, b) in enumerate(zip(mine, other)) if a != b)
            found.append(f"{key}: number {place} is {mine[place]!r} in {our_name} but {other[place]!r} in {their_name}")
        elif isinstance(mine, tuple):
            found.append(f"{key}: {our_name} has {len(mine)}, {their_name} has {len(other)}")
        else:
            found.append(f"{key}: {our_name} has {mine!r}, {their_name} has {other!r}")
    return found
