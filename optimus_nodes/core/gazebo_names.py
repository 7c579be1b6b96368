"""What things are called in Gazebo: topics of ours, and programs, systems and messages by its two spellings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ConfigError

WORLD = "optimus"  # the world's name


@dataclass(frozen=True)
class Flavour:
    """`command` starts it; `library` begins the systems' file names, `space` their classes; `package` of messages."""

    command: tuple[str, str]
    library: str
    space: str
    package: str
    environment: str

    def system(self, file: str, kind: str) -> dict[str, str]:
        """Attributes of a <plugin> element: `joint-state-publisher` and `JointStatePublisher`."""
        return {"filename": f"{self.library}-{file}-system", "name": f"{self.space}::systems::{kind}"}


FLAVOURS = {
    "gz": Flavour(("gz", "sim"), "gz-sim", "gz::sim", "gz.msgs", "GZ"),  # Garden, Harmonic, Ionic, Jetty
    "ign": Flavour(("ign", "gazebo"), "ignition-gazebo", "ignition::gazebo", "ignition.msgs", "IGN"),  # Fortress
}


def flavour(name: str = "", find: Callable[[str], str | None] = shutil.which) -> Flavour:
    """The spelling called `name`, "" for that of the Gazebo that is installed, gz where none is.

    Raises: ConfigError on another name.
    """
    if name and name not in FLAVOURS:
        raise ConfigError(f"there is no flavour {name!r} of Gazebo; allowed: gz (Garden and newer), ign (Fortress)")
    if not name:
        name = "gz" if find("gz") or not find("ign") else "ign"
    return FLAVOURS[name]


def joint_state_topic(model: str) -> str:
    """All joints of a model, gz.msgs.Model."""
    return f"/model/{model}/joint_states"


def trajectory_topic(model: str) -> str:
    """What all joints of a model shall do, gz.msgs.JointTrajectory."""
    return f"/model/{model}/joint_trajectory"


def imu_topic(model: str) -> str:
    """gz.msgs.IMU."""
    return f"/model/{model}/imu"


def camera_topic(model: str, camera: str) -> str:
    """gz.msgs.Image."""
    return f"/model/{model}/{camera}/image"


def contact_topic(model: str, pad: str) -> str:
    """What touches a pad of a hand, gz.msgs.Contacts."""
    return f"/model/{model}/touch/{pad}"
