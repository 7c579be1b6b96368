"""What ros2_control needs to know of a robot, made of its description: tags in the URDF, parameters of controllers."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import yaml

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from .share import share_path

STATES = ("position", "velocity", "effort")
COMMANDS = ("position", "velocity", "effort", "proportional", "derivative")
_FORWARD = "forward_command_controller/ForwardCommandController"


def ros2_control_urdf(robot: RobotSpec, urdf: str, plugin: str, commands: tuple[str, ...] = COMMANDS) -> str:
    """The URDF with a <ros2_control> system of all joints, whose hardware is `plugin`, found in the home posture.

    Args: commands: the interfaces that the hardware takes. Raises: ConfigError on an unknown one.
    """
    _check(commands)
    root = ElementTree.fromstring(urdf)
    system = ElementTree.SubElement(root, "ros2_control", name=robot.name, type="system")
    hardware = ElementTree.SubElement(system, "hardware")
    ElementTree.SubElement(hardware, "plugin").text = plugin
    for k, name in enumerate(robot.joint_names):
        joint = ElementTree.SubElement(system, "joint", name=name)
        limits = {
            "position": (robot.lower[k], robot.upper[k]),
            "velocity": (-robot.max_velocity[k], robot.max_velocity[k]),
            "effort": (-robot.max_effort[k], robot.max_effort[k]),
        }
        for interface in commands:
            element = ElementTree.SubElement(joint, "command_interface", name=interface)
            for bound, value in zip(("min", "max"), limits.get(interface, ())):
                ElementTree.SubElement(element, "param", name=bound).text = f"{value:.9g}"
        for interface in STATES:
            element = ElementTree.SubElement(joint, "state_interface", name=interface)
            if interface == "position":
                ElementTree.SubElement(element, "param", name="initial_value").text = f"{robot.home[k]:.9g}"
    ElementTree.indent(root, space=" ")
    return ElementTree.tostring(root, encoding="unicode")


def controllers(robot: RobotSpec, settings: dict[str, Any], commands: tuple[str, ...] = COMMANDS) -> dict[str, Any]:
    """Parameters of controller manager and controllers: `settings` (config/ros2_control.yaml) and the robot's joints.

    Raises: ConfigError on an unknown interface.
    """
    _check(commands)
    manager = dict(settings["controller_manager"]["ros__parameters"])
    manager["joint_state_broadcaster"] = {"type": "joint_state_broadcaster/JointStateBroadcaster"}
    found: dict[str, Any] = {"controller_manager": {"ros__parameters": manager}}
    for interface in commands:
        manager[f"{interface}_controller"] = {"type": _FORWARD}
        own = {"joints": list(robot.joint_names), "interface_name": interface}
        found[f"{interface}_controller"] = {"ros__parameters": own}
    return found


def ros2_control_settings() -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """config/ros2_control.yaml: all of it, the hardware's plugin, and the interfaces that it takes.

    Raises: ConfigError when something is missing in it.
    """
    path = share_path("config/ros2_control.yaml")
    settings = yaml.safe_load(path.read_text())
    try:
        hardware = settings["hardware"]
        return settings, str(hardware["plugin"]), tuple(hardware["command_interfaces"])
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path} must have hardware with plugin and command_interfaces; {error} is missing") from None


def _check(commands: tuple[str, ...]) -> None:
    unknown = sorted(set(commands) - set(COMMANDS))
    if unknown:
        raise ConfigError(f"ros2_control has no command interface {unknown[0]!r} here; there are {', '.join(COMMANDS)}")
