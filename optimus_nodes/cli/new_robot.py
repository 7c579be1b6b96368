"""`optimus new-robot`: from a URDF to a robot that this stack can simulate, control and check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..drivers.known import DRIVERS
from ..robot.draft import draft_config
from ..robot.load import read_robot
from ..robot.share import share_path
from ..robot.urdf_import import import_urdf

_NAME = re.compile(r"[a-z][a-z0-9_]*")

DRIVER = '''"""The driver of {name}: each method says what is to be done.

`optimus up --robot {name} --driver {name}` runs it: until `connect` finds the robot, it says what that raises and tries
again.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.driver import DriverDescription
from ..core.errors import DeviceError
from ..core.robot import RobotSpec
from ..core.values import JointCommand, JointState


@dataclass(frozen=True)
class {camel}Options:
    """Options, given as name=value words in driver.options."""

    address: str = "192.168.0.10"


class {camel}Driver:
    """{name}, at `options.address`. Arrays are in the order of `robot.joint_names`: rad, rad/s, N·m."""

    def __init__(self, robot: RobotSpec, options: {camel}Options) -> None:
        self._robot, self._options = robot, options

    def connect(self) -> DriverDescription:
        """Open the connection and find out what the robot says of itself. Nothing may move yet."""
        raise DeviceError(f"optimus_nodes/drivers/{name}_driver.py does not talk to {{self._options.address}} yet")

    def read(self) -> JointState | None:
        """The newest measurement, stamped with time.monotonic() when it was measured; None before the first."""
        return None

    def write(self, command: JointCommand) -> None:
        """Send position, velocity, effort, kp and kd of all joints, in the robot's own order and units."""

    def stop(self) -> None:
        """No more commands will come: ask the robot to stand still, or to damp, by itself."""

    def close(self) -> None:
        """Close the connection; it may never have been opened."""
'''

TEST = '''"""{name} does what every robot must do: in simulation, and by its driver once there is a stand-in for it."""

from __future__ import annotations

import pytest
from simulated import SimRig

from optimus_nodes.drivers.conformance import DriverConformance


class TestSimulated{camel}(DriverConformance):
    @pytest.fixture
    def rig(self) -> SimRig:
        return SimRig("{name}")


# The same for the driver: a Rig with {camel}Driver and something that answers as the robot does.
# optimus_nodes/drivers/conformance.py says what a rig is.
'''


def run(
    name: Annotated[str, typer.Argument(help="How the robot shall be called: small letters, digits and _.")],
    urdf: Annotated[Path, typer.Option(help="Its URDF or xacro file.")],
    meshes: Annotated[
        list[Path] | None, typer.Option(help="Folder in which packages of package:// meshes lie; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there of a robot of this name.")] = False,
) -> int:
    """Make config, URDF, driver and tests for a robot of your own. docs/your_robot.md tells what comes next.

    The URDF that is written stands on its own: meshes become boxes. What was changed or guessed is printed.
    """
    made = make_robot(_source_folder(), name, urdf, meshes or [], force)
    for note in made.notes:
        print(f"note: {note}")
    robot = made.robot
    print(f"{name}: {len(robot.joint_names)} joints, groups {', '.join(robot.groups)}; {len(made.notes)} notes")
    for file in made.files:
        print(f"wrote {file}")
    print(f"next: optimus doctor --robot {name}; optimus up --robot {name}; optimus wiggle --robot {name}")
    return 0


@dataclass(frozen=True)
class Made:
    """A new robot, the files written for it, from the project's folder on, and what a person should look at."""

    robot: RobotSpec
    files: list[Path]
    notes: list[str]


def make_robot(root: Path, name: str, urdf: Path, meshes: list[Path], force: bool = False) -> Made:
    """Write the files of robot `name` into the sources at `root`. Raises ConfigError, and then nothing was written."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} can't be a robot's name; small letters, digits and _, a letter first")
    camel = "".join(word.capitalize() for word in name.split("_"))
    files = {
        "urdf": root / "urdf" / f"{name}.urdf",
        "config": root / "config" / "robots" / f"{name}.yaml",
        "driver": root / "optimus_nodes" / "drivers" / f"{name}_driver.py",
        "test": root / "test" / "drivers" / f"test_{name}.py",
    }
    if name in DRIVERS:
        del files["driver"]  # there is a driver of that robot
    there = [str(file) for file in files.values() if file.exists()]
    if there and not force:
        raise ConfigError(f"{there[0]} is there already; add --force to write over it, or take another name")
    imported = import_urdf(urdf, meshes)
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
    files["urdf"].write_text(imported.xml, encoding="utf-8")
    files["config"].write_text(draft_config(name, files["urdf"], f"urdf/{name}.urdf"), encoding="utf-8")
    if "driver" in files:
        files["driver"].write_text(DRIVER.format(name=name, camel=camel), encoding="utf-8")
    files["test"].write_text(TEST.format(name=name, camel=camel), encoding="utf-8")
    robot, _ = read_robot(name, files["config"], root)
    return Made(robot, [file.relative_to(root) for file in files.values()], imported.notes)


def _source_folder() -> Path:
    """Where this project's sources are: a robot becomes a part of them."""
    root = share_path("config/robots").parents[1]
    if not (root / "optimus_nodes" / "drivers").is_dir() or not (root / "pyproject.toml").is_file():
        raise ConfigError(f"{root} is an installation; run this in a clone of the project, to which a robot is added")
    return root
