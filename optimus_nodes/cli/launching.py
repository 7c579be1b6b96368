"""Turns config/graph.yaml into launch_ros actions. The launch files in launch/ only choose a list."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from optimus_nodes.cli.environment import graph_environment
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.graph import NodeSpec, override, parse_graph, select
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.ros2_control_urdf import controllers, ros2_control_settings, ros2_control_urdf
from optimus_nodes.robot.share import PACKAGE, share_path

if TYPE_CHECKING:
    from launch import LaunchContext, LaunchDescription
    from launch.events.process import ProcessExited

RESPAWN_DELAY = 1.0  # s
BROKEN = 2  # exit code of a node that a person has to mend: starting it again would not help

ARGUMENTS = {  # name: (default, description)
    "namespace": ("", "Namespace of all nodes: one robot. Empty for the root namespace."),
    "log_level": ("info", "Least severity that is logged: debug, info, warn, error or fatal."),
    "respawn": ("true", "Start a node again that has ended: true or false."),
    "set": ("", "Node parameters that win over config/: node.parameter=value, several separated by blanks."),
}
OWN_ARGUMENTS = {  # of one list: name: (default, description, node.parameter that it sets)
    "gazebo": {
        "world": ("boxes", "Scene: boxes, eggs, bench or none.", "gazebo.world"),
        "headless": ("true", "Without a window: true or false.", "gazebo.headless"),
    },
}


def launch_graph(when: str) -> LaunchDescription:
    """The launch description of one list of config/graph.yaml, as sim, gazebo or robot."""
    from launch import LaunchDescription
    from launch.actions import DeclareLaunchArgument, OpaqueFunction

    own = {name: (default, text) for name, (default, text, _) in OWN_ARGUMENTS.get(when, {}).items()}
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in (ARGUMENTS | own).items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_actions, args=[when])])


def chosen_nodes(when: str, settings: str = "") -> tuple[NodeSpec, ...]:
    """The nodes of list `when` in config/graph.yaml with `settings` applied. Raises ConfigError."""
    path = share_path("config/graph.yaml")
    nodes = select(parse_graph(yaml.safe_load(path.read_text()), str(path)), [when])
    pairs = []
    for word in shlex.split(settings):
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"set:={word!r} must look like node.parameter=value, as in set:=sim.seed=7")
        pairs.append((key, yaml.safe_load(value)))
    return override(nodes, pairs)


def _actions(context: LaunchContext, when: str) -> list[Any]:
    """What is launched, now that the arguments have values."""
    from launch.actions import SetEnvironmentVariable

    values = context.launch_configurations
    environment = graph_environment()
    new = {name: value for name, value in environment.items() if os.environ.get(name) != value}
    own = [f"{key}={shlex.quote(values[name])}" for name, (*_, key) in OWN_ARGUMENTS.get(when, {}).items()]
    nodes = [_node_action(node, values) for node in chosen_nodes(when, " ".join([*own, values["set"]]))]
    return [*(SetEnvironmentVariable(name, value) for name, value in new.items()), *nodes]


def _node_action(node: NodeSpec, values: dict[str, str]) -> Any:
    """The launch_ros action that keeps one node running."""
    from launch_ros.actions import Node

    parameters: list[Any] = [str(share_path(f"config/{node.config}"))] if node.config else []
    if node.parameters:
        parameters.append(dict(node.parameters))
    return Node(
        package=PACKAGE,
        executable=node.executable,
        name=node.name,
        exec_name=node.name,
        namespace=values["namespace"],
        parameters=parameters,
        remappings=list(node.remappings.items()),
        ros_arguments=["--log-level", values["log_level"]],
        additional_env=dict(node.environment),
        prefix=f"nice -n {node.nice}" if node.nice else None,
        output="screen",
        emulate_tty=sys.stdout.isatty(),
        respawn=values["respawn"].lower() == "true",
        respawn_delay=RESPAWN_DELAY,
        on_exit=partial(_after_exit, node),
    )


def _after_exit(node: NodeSpec, event: ProcessExited, context: LaunchContext) -> list[Any]:
    """Stop the launch when an essential node says that it cannot work as things are."""
    from launch.actions import Shutdown

    if node.essential and event.returncode == BROKEN:
        return [Shutdown(reason=f"{node.name} cannot run; its last line says why")]
    return []


def launch_controllers() -> LaunchDescription:
    """ros2_control's controller manager with the robot's description, and the spawner of its controllers."""
    from launch import LaunchDescription
    from launch.actions import DeclareLaunchArgument, OpaqueFunction

    told = {"robot": ("optimus", "Robot of config/robots/."), "namespace": ("hardware", "Of manager and controllers.")}
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text) for name, (default, text) in told.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_controllers)])


def _controllers(context: LaunchContext) -> list[Any]:
    from launch_ros.actions import Node
    from launch_ros.parameter_descriptions import ParameterValue

    values = context.launch_configurations
    robot, urdf = load_robot(values["robot"])
    settings, plugin, commands = ros2_control_settings()
    parameters = controllers(robot, settings, commands)
    file = Path(tempfile.mkdtemp(prefix="ros2_control-")) / "controllers.yaml"
    file.write_text(yaml.safe_dump({f"/{values['namespace']}": parameters}))
    own = {"namespace": values["namespace"], "output": "screen"}
    manager = {"package": "controller_manager", **own}
    text = ros2_control_urdf(robot, urdf, plugin, commands)
    described = {"robot_description": ParameterValue(text, value_type=str)}  # not to be read as YAML
    names = ["joint_state_broadcaster", *(name for name in parameters if name != "controller_manager")]
    heard = [("~/robot_description", "robot_description")]
    return [
        Node(package="robot_state_publisher", executable="robot_state_publisher", parameters=[described], **own),
        Node(executable="ros2_control_node", parameters=[str(file)], remappings=heard, **manager),
        Node(executable="spawner", arguments=[*names, "--param-file", str(file)], **manager),
    ]
