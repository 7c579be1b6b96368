"""What can be set about the joint controller, and what it tells about itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .chunk_schedule import CHUNKING
from .errors import ConfigError
from .faults import FaultTable
from .space_limits import SpaceConfig
from .touch import HandStatus, TouchConfig


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


@dataclass(frozen=True)
class JointControlConfig:
    """Parameters of the joint controller. Times are in s."""

    chunking: str = field(
        default="realtime", metadata=_doc("How chunks are joined: realtime, or naive (each from its first row).")
    )
    silence: float = field(
        default=0.1,
        metadata=_doc(
            "No command or sign of life for this long, or 1.5 times what a slower policy needs more: hold, s."
        ),
    )
    slow_down: float = field(default=0.1, metadata=_doc("From full speed along a chunk to a halt, s."))
    crossfade: float = field(default=0.15, metadata=_doc("How long a new chunk takes to replace the one before, s."))
    release_after: float = field(default=0.5, metadata=_doc("Silence after which an owner loses the robot, s."))
    task_silence: float = field(
        default=0.12,
        metadata=_doc("A planner silent for this long, or 2.4 times the pause in which it repeats its task: hold, s."),
    )
    max_chunk_age: float = field(default=2.0, metadata=_doc("Chunks whose step 0 is older are refused, s."))
    max_target_age: float = field(default=0.1, metadata=_doc("Stamped teleoperation targets older are refused, s."))
    max_future: float = field(default=0.05, metadata=_doc("Commands stamped further ahead are refused, s."))
    max_state_age: float = field(default=0.1, metadata=_doc("Without a joint state for this long: hold, s."))
    max_tick_gap: float = field(default=0.1, metadata=_doc("After a longer pause begin anew from the posture, s."))
    max_state_gap: float = field(default=0.25, metadata=_doc("After joint states were missing so long begin anew, s."))
    reset_after: float = field(default=0.5, metadata=_doc("An emergency stop lasts at least this long, s."))
    takeover_speed: float = field(default=0.8, metadata=_doc("How fast a first chunk may draw the robot to it, rad/s."))
    teleop_speed: float = field(default=0.5, metadata=_doc("Top speed in teleoperation, share of max_velocity."))
    velocity_scale: float = field(default=1.0, metadata=_doc("Share of the robot's max_velocity allowed, 0 to 1."))
    acceleration_scale: float = field(default=1.0, metadata=_doc("Share of max_acceleration allowed, 0 to 1."))
    space: SpaceConfig = field(default_factory=SpaceConfig)
    faults: FaultTable = field(default_factory=FaultTable)
    touch: TouchConfig = field(default_factory=TouchConfig)

    def __post_init__(self) -> None:
        if self.chunking not in CHUNKING:
            raise ConfigError(f"joint_control parameter chunking is {self.chunking!r}; allowed: {', '.join(CHUNKING)}")
        for name, value in vars(self).items():
            if name in ("chunking", "space", "faults", "touch"):
                continue
            if not (value > 0.0 and math.isfinite(value)):
                raise ConfigError(f"joint_control parameter {name} is {value}; it must be above 0")
            if name.endswith(("_scale", "teleop_speed")) and value > 1.0:
                raise ConfigError(f"joint_control parameter {name} is {value}; it must be at most 1")


@dataclass(frozen=True)
class JointControlParams:
    """Parameters of joint_control_node."""

    robot: str = field(default="optimus", metadata={"doc": "Robot in config/robots."})
    rate_hz: float = field(default=250.0, metadata={"doc": "Ticks of the control loop, Hz. 50 to 1000."})
    max_overruns: int = field(
        default=125, metadata={"doc": "After so many late ticks one after the other nobody moves the robot. 1 or more."}
    )
    control: JointControlConfig = field(default_factory=JointControlConfig)

    def __post_init__(self) -> None:
        if self.max_overruns < 1:
            raise ConfigError(f"parameter max_overruns is {self.max_overruns}; it must be 1 or more")
        if not 50.0 <= self.rate_hz <= 1000.0:
            raise ConfigError(f"parameter rate_hz is {self.rate_hz}; it must be 50 to 1000")


@dataclass(frozen=True, slots=True)
class ControlStatus:
    """Counts since start-up. `refused`: reason -> count. `latency_*`: camera stamp to joint command, s, NaN before.
    `slowed_by`: what of `control.space` keeps joints from moving as they should, "" for nothing."""

    owner: str
    holding: bool
    emergency_stopped: bool
    fault: str
    reaction: str
    slowed_by: str
    refused: dict[str, int]
    accepted: int
    ticks: int
    starved_ticks: int
    restarts: int
    overrun_holds: int
    latency_p50: float
    latency_p99: float
    latency_count: int
    hands: dict[str, HandStatus] = field(default_factory=dict)
