"""The parameters of sim_node."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import ConfigError
from ..core.scene import scene_or_none
from .sim_driver import steps_of


@dataclass(frozen=True)
class SimParams:
    """Parameters of sim_node. Rates must divide 500 Hz."""

    robot: str = field(default="optimus", metadata={"doc": "Robot in config/robots."})
    base: str = field(default="fixed", metadata={"doc": "fixed: the pelvis hangs in the air; free: it does not."})
    scene: str = field(default="boxes", metadata={"doc": "boxes; bench: a bar, button and drawer too; none."})
    seed: int = field(default=0, metadata={"doc": "Seed of the first scene, >= 0."})
    viewer: bool = field(default=False, metadata={"doc": "Show the simulation in a window; needs a display."})
    cameras: bool = field(default=True, metadata={"doc": "Draw the cameras; false saves half a core."})
    command_timeout: float = field(default=0.1, metadata={"doc": "Silence after which the watchdog holds, s."})
    on_silence: str = field(default="hold", metadata={"doc": "What silence leads to: hold, crouch, damp or cut."})
    joint_rate: float = field(default=250.0, metadata={"doc": "joint_states, Hz."})
    imu_rate: float = field(default=100.0, metadata={"doc": "imu/data, Hz."})
    tactile_rate: float = field(default=100.0, metadata={"doc": "tactile/*, Hz."})
    clock_rate: float = field(default=100.0, metadata={"doc": "/clock, Hz."})
    camera_rate: float = field(default=20.0, metadata={"doc": "Instants drawn by the cameras, Hz."})
    scene_rate: float = field(default=5.0, metadata={"doc": "sim/scene, Hz."})

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name.endswith("_rate"):
                steps_of(value)
        scene_or_none(self.scene)
        if self.base not in ("fixed", "free"):
            raise ConfigError(f"parameter base of sim_node is {self.base!r}; it must be fixed or free")
        if self.seed < 0:
            raise ConfigError(f"parameter seed of sim_node is {self.seed}; it must be 0 or more")
        if self.command_timeout <= 0:
            raise ConfigError(f"parameter command_timeout of sim_node is {self.command_timeout}; it must be above 0 s")
