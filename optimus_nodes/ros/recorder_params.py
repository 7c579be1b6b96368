"""Parameters of recorder_node."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import ConfigError
from ..dataset.recorder import RecorderConfig


@dataclass(frozen=True)
class RecorderParams:
    """Where and when to record."""

    robot: str = field(default="optimus", metadata={"doc": "Robot in config/robots."})
    folder: str = field(default="data/recordings", metadata={"doc": "Data set; made when there is none."})
    site: str = field(default="", metadata={"doc": "Where the robot is, for example 'lab 3'; goes into every episode."})
    fps: int = field(default=0, metadata={"doc": "Frames per second; 0: the rate of the robot's fastest camera."})
    follow_plans: bool = field(default=True, metadata={"doc": "Record every instruction as an episode."})
    tail: float = field(default=1.0, metadata={"doc": "Seconds recorded after a plan has ended. 0 to 10."})
    store: RecorderConfig = field(default_factory=RecorderConfig)

    def __post_init__(self) -> None:
        if not self.folder:
            raise ConfigError("folder is empty; it must be a path, for example data/recordings")
        if not 0 <= self.fps <= 240 or not 0.0 <= self.tail <= 10.0:
            raise ConfigError(f"fps {self.fps} must be 0 to 240 and tail {self.tail} s 0 to 10")
