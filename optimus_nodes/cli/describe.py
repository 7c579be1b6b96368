"""`optimus describe`: writes a robot as other programs want it described."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
import yaml

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.gazebo_names import flavour
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.robot.gazebo_table import bridge_table
from optimus_nodes.robot.gazebo_urdf import gazebo_urdf
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.ros2_control_urdf import controllers, ros2_control_settings, ros2_control_urdf


def _as_gazebo(robot: RobotSpec, urdf: str, spelling: str) -> str:
    return gazebo_urdf(robot, urdf, flavour(spelling))


def _as_bridge(robot: RobotSpec, urdf: str, spelling: str) -> str:
    return yaml.safe_dump(bridge_table(robot, flavour(spelling)), sort_keys=False)


def _as_ros2_control(robot: RobotSpec, urdf: str, spelling: str) -> str:
    _, plugin, commands = ros2_control_settings()
    return ros2_control_urdf(robot, urdf, plugin, commands)


def _as_controllers(robot: RobotSpec, urdf: str, spelling: str) -> str:
    settings, _, commands = ros2_control_settings()
    return yaml.safe_dump(controllers(robot, settings, commands), sort_keys=False)


KINDS: dict[str, Callable[[RobotSpec, str, str], str]] = {
    "urdf": lambda robot, urdf, spelling: urdf,
    "gazebo": _as_gazebo,
    "bridge": _as_bridge,
    "ros2_control": _as_ros2_control,
    "controllers": _as_controllers,
}


def describe(
    name: Annotated[str, typer.Argument(help="Robot of config/robots/.")] = "optimus",
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            help="urdf; gazebo: URDF with Gazebo's systems; bridge: table of ros_gz_bridge; ros2_control: URDF with "
            "its tags; controllers: parameters of controller manager and controllers.",
        ),
    ] = "urdf",
    spelling: Annotated[str, typer.Option("--flavour", help="Of Gazebo: gz, or ign for Fortress.")] = "",
    out: Annotated[Path | None, typer.Option(help="File to write; default: to the screen.")] = None,
) -> int:
    """Write a robot's description for Gazebo, ros_gz_bridge, ros2_control, or as plain URDF."""
    if kind not in KINDS:
        raise ConfigError(f"--as {kind!r}: there are {', '.join(KINDS)}")
    robot, urdf = load_robot(name)
    text = KINDS[kind](robot, urdf, spelling).rstrip() + "\n"
    if out is None:
        print(text, end="")
    else:
        out.write_text(text)
        print(f"wrote {out}")
    return 0
