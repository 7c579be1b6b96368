"""`optimus up`: runs the nodes of config/graph.yaml until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from optimus_nodes.cli.environment import graph_environment
from optimus_nodes.cli.supervisor import ProcessSpec, Supervisor
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.graph import NodeSpec, override, parse_graph, select
from optimus_nodes.core.scene import scene_named
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.share import share_path

ROBOTS = {"sim": "sim", "real": "robot", "optimus": "sim"}
# Who has a parameter `robot`.
_OF_A_ROBOT = ("joint_control", "sim", "gazebo", "driver", "teleop", "vla", "planner", "recorder")


def load_graph(path: Path | None = None) -> tuple[NodeSpec, ...]:
    """The nodes of config/graph.yaml, or of `path`. Raises ConfigError."""
    path = path or share_path("config/graph.yaml")
    try:
        return parse_graph(yaml.safe_load(path.read_text()), str(path))
    except OSError as error:
        raise ConfigError(f"cannot read the node list {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error


def parse_settings(words: Sequence[str]) -> list[tuple[str, Any]]:
    """`node.parameter=value` words, values read as YAML. Raises ConfigError."""
    settings = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"setting {word!r} must look like node.parameter=value, as in vla.bundle=models/mine")
        settings.append((key, yaml.safe_load(value)))
    return settings


def scene_settings(scene: str, nodes: Sequence[NodeSpec]) -> list[tuple[str, Any]]:
    """What those of `nodes` must know that care for `scene`: bench needs the policy that was taught all of it.

    Raises ConfigError on an unknown scene.
    """
    held_with = scene_named(scene).held_with
    settings: list[tuple[str, Any]] = [("sim.scene", scene), ("gazebo.world", scene)]
    settings += [("planner.scene", scene)] if scene != "eggs" else []  # its eyes know boxes, not eggs
    settings += [("vla.bundle", "bench"), ("planner.skills", ["all"])] if scene == "bench" else []
    settings += [("joint_control.control.touch.max_force", held_with)] if held_with else []
    names = [node.name for node in nodes]
    return [(key, value) for key, value in settings if key.partition(".")[0] in names]


def own_nodes(name: str, has_driver: bool, gazebo: bool = False) -> list[str]:
    """What moves a robot that has no policy: by itself, or in simulation. Raises ConfigError on an unknown robot."""
    try:
        load_robot(name)
    except ConfigError as error:
        raise ConfigError(f"--robot {name!r}: give sim, real, or a robot's name; {error}") from None
    if gazebo:
        return ["joint_control", "gazebo", "driver"]
    return ["joint_control", "driver" if has_driver else "sim"]


def own_settings(name: str, nodes: Sequence[str], scene: str | None) -> list[tuple[str, Any]]:
    """That these nodes are for the robot `name`, which stands over a bare floor when no scene is given."""
    bare = [(key, "none") for key in ("sim.scene", "gazebo.world") if scene is None and key.split(".")[0] in nodes]
    return [*((f"{node}.robot", name) for node in nodes if node in _OF_A_ROBOT), *bare]


def process_spec(node: NodeSpec, spare: bool = False) -> ProcessSpec:
    """How the supervisor starts a node, and its spare. Raises ConfigError when its parameter file is missing."""
    try:
        config = str(share_path(f"config/{node.config}")) if node.config else ""
    except ConfigError as error:
        raise ConfigError(f"node {node.name} in config/graph.yaml wants a parameter file: {error}") from error
    python, arguments = [sys.executable, "-m"], node.ros_arguments(config)
    return ProcessSpec(
        name=node.name,
        command=[*python, f"optimus_nodes.{node.executable}", *arguments],
        spare=[*python, "optimus_nodes.spare", node.executable, *arguments] if spare else [],
        environment=node.environment,
        essential=node.essential,
        nice=node.nice,
        realtime=node.realtime,
    )


def new_run_dir(kind: str) -> Path:
    """A fresh folder `runs/<kind>-<time>` below the working folder."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        folder = Path("runs") / (f"{kind}-{stamp}" + (f"-{attempt}" if attempt else ""))
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder.resolve()
    raise ConfigError(f"cannot make a new folder runs/{kind}-{stamp}")


def run_graph(
    nodes: Sequence[NodeSpec], run_dir: Path, domain: int | None, hang_after: float = 0.0, spares: bool = False
) -> int:
    """Run `nodes` until a signal arrives or an essential one is given up; returns the exit code 0 or 2."""
    environment = graph_environment(domain)
    environment.setdefault("ROS_LOG_DIR", str(run_dir / "logs" / "ros"))
    number = environment["ROS_DOMAIN_ID"]
    supervisor = Supervisor(
        [process_spec(node, spares) for node in nodes],
        run_dir,
        environment,
        say=lambda text: print(text, flush=True),
        hang_after=hang_after,
        facts={"domain": int(number), "discovery_range": environment["ROS_AUTOMATIC_DISCOVERY_RANGE"]},
    )
    names = ", ".join(node.name for node in nodes)
    print(f"starting {names} in ROS domain {number}; logs in {run_dir}/logs; Ctrl-C stops", flush=True)
    return supervisor.run()


def up(
    robot: Annotated[
        str, typer.Option(help="sim: simulated; real: the nodes for real hardware; or a robot of config/robots/.")
    ] = "sim",
    driver: Annotated[
        str | None, typer.Option(help="The real robot's driver: mock, unitree_g1, yours.")
    ] = None,
    gazebo: Annotated[bool, typer.Option("--gazebo", help="Simulate it in Gazebo, which must be installed.")] = False,
    teleop: Annotated[bool, typer.Option(help="Start the teleoperation node as well.")] = False,
    voice: Annotated[bool, typer.Option(help="Start ears and mouth as well (make env-voice).")] = False,
    remote_stop: Annotated[bool, typer.Option(help="Stop unless somebody holds `optimus stop-button`.")] = False,
    viewer: Annotated[bool, typer.Option(help="Show the simulation in a window (needs a display).")] = False,
    domain: Annotated[int | None, typer.Option(help="ROS domain, 0 to 232; default: ROS_DOMAIN_ID or 0.")] = None,
    scene: Annotated[
        str | None, typer.Option(help="boxes, eggs or bench: sets simulator, policy, planner, which then looks at it.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Start only this node; may be repeated.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Node parameter, node.parameter=value; may be repeated.")
    ] = None,
    graph: Annotated[Path | None, typer.Option(help="Another node list than config/graph.yaml.")] = None,
    hang_after: Annotated[
        float, typer.Option(help="A node that shows no sign of life for so long is killed and restarted, s; 0: never.")
    ] = 15.0,
    spares: Annotated[
        bool, typer.Option(help="Have a second process of every node ready, to be back sooner after a crash.")
    ] = True,
    run_dir: Annotated[Path | None, typer.Option(help="Folder for logs and state; default: runs/up-<time>.")] = None,
) -> int:
    """Run the robot's nodes, restarting those that crash, until Ctrl-C."""
    settings = parse_settings(setting or [])
    if driver is not None:
        settings.insert(0, ("driver.driver", driver))
    if gazebo and (driver is not None or robot == "real"):
        raise ConfigError("--gazebo is a simulation: leave out --driver and --robot real")
    if robot not in ROBOTS:
        only = only or [*own_nodes(robot, driver is not None, gazebo), *(["teleop"] if teleop else [])]
        settings = own_settings(robot, only, scene) + settings
        robot = "sim"
    robot = robot if driver is None else "real"
    if viewer:
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise ConfigError("--viewer needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
        settings.append(("gazebo.headless", False) if gazebo else ("sim.viewer", True))
    beside = {"driver": driver is not None, "teleop": teleop, "voice": voice, "remote_stop": remote_stop}
    lists = ["gazebo" if gazebo else ROBOTS[robot], *(name for name, wanted in beside.items() if wanted)]
    chosen = select(load_graph(graph), lists, only or [])
    nodes = override(chosen, [*(scene_settings(scene, chosen) if scene else []), *settings])
    folder = run_dir.resolve() if run_dir else new_run_dir("up")
    folder.mkdir(parents=True, exist_ok=True)
    return run_graph(nodes, folder, domain, hang_after, spares)
