"""Imports point down only: a floor knows the floors below it, and each folder only its own third-party libraries."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "optimus_nodes"
FOLDER = Path(__file__).resolve().parents[1] / PACKAGE

FLOOR_1 = ("robot", "policy", "planner", "speech", "drivers", "sim", "teleop", "dataset", "fleet")
FLOOR_2 = ("ros", "learning")
TOP = ("cli", "nodes")  # "nodes" stands for the modules directly in optimus_nodes

ROS = {
    *("rclpy", "rosidl_runtime_py", "ament_index_python", "launch", "launch_ros", "optimus_humanoid", "tf2_ros"),
    *("action_msgs", "builtin_interfaces", "diagnostic_msgs", "geometry_msgs", "rcl_interfaces", "rosgraph_msgs"),
    *("sensor_msgs", "std_msgs", "std_srvs", "trajectory_msgs", "unique_identifier_msgs", "rosidl_parser"),
    "controller_manager_msgs",
}
CORE_MAY = {"numpy", "transforms3d"}
# Third-party libraries that stay out of whole floors, whatever they are used for.
FORBIDDEN = {
    **dict.fromkeys(FLOOR_1, ROS),
    "ros": {"torch", "mujoco", "onnx", "onnxruntime", "typer"},
    "learning": ROS | {"typer"},
    "nodes": {"torch", "typer"},
}
# Where a library may be used at all: training and the simulator must not leak into what runs on a robot.
ONLY_IN = {
    "torch": {"learning", "policy"},
    "mujoco": {"robot", "sim", "nodes", "cli"},
    "mink": {"robot"},
    "typer": {"cli"},
    "onnx": {"learning", "policy"},
    "onnxscript": {"learning", "policy"},
    "pinocchio": {"robot", "sim"},
    "eigenpy": {"robot", "sim"},
    "pocketsphinx": {"speech"},
    "espeakng_loader": {"speech"},
    "piper": {"speech"},
    "faster_whisper": {"speech"},
    "scipy": {"speech"},
    "cyclonedds": {"drivers"},
    "zmq": {"drivers"},
    "google": {"drivers"},
    "launch": {"cli"},
    "launch_ros": {"cli"},
}


def part_of(module: str) -> str:
    """`optimus_nodes.core.values` -> core; modules directly in the package are "nodes", the package itself ""."""
    words = module.split(".")
    if len(words) == 1:
        return ""
    return words[1] if len(words) > 2 or (FOLDER / words[1]).is_dir() else "nodes"


def allowed_parts(part: str) -> set[str]:
    """The parts that `part` may import from: itself and what lies below."""
    if part == "core":
        return {"", "core"}
    if part in FLOOR_1:
        return {"", "core", part}
    if part in FLOOR_2:
        return {"", "core", *FLOOR_1, *FLOOR_2}
    return {"", "core", *FLOOR_1, *FLOOR_2, *TOP}


def imports(source: str, module: str) -> Iterator[tuple[int, str]]:
    """(line, absolute module name) of every import in `source`, those inside functions included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = module.split(".")[: -node.level]
                base = ".".join([*stem, base] if base else stem)
            yield node.lineno, base
            if base == PACKAGE or base.count(".") == 0 and node.level:
                for alias in node.names:
                    yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and _is_import_call(node):
            yield node.lineno, ast.literal_eval(node.args[0])


def _is_import_call(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    literal = bool(node.args) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    return name in ("import_module", "__import__") and literal


def offences(source: str, module: str) -> list[str]:
    """What `source`, being `module`, imports against the floors; one line of text each."""
    part, found = part_of(module), []
    for line, name in imports(source, module):
        top = name.split(".")[0]
        where = f"{module}:{line} imports {name}"
        if top == PACKAGE:
            if part_of(name) not in allowed_parts(part):
                found.append(f"{where}: {part} may not import from {part_of(name)}")
        elif top in sys.stdlib_module_names:
            continue
        elif part == "core" and top not in CORE_MAY:
            found.append(f"{where}: core knows only {', '.join(sorted(CORE_MAY))} and the standard library")
        elif top in FORBIDDEN.get(part, ()):
            found.append(f"{where}: {top} has no place in {part}")
        elif part not in ONLY_IN.get(top, {part}):
            found.append(f"{where}: {top} belongs in {', '.join(sorted(ONLY_IN[top]))}")
    return found


def module_name(file: Path) -> str:
    """optimus_nodes/core/values.py -> optimus_nodes.core.values. A package's __init__ keeps that name."""
    return ".".join(file.relative_to(FOLDER.parent).with_suffix("").parts)


SOURCES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_a_module_imports_only_from_the_floors_below(file: Path) -> None:
    assert offences(file.read_text(), module_name(file)) == []


def test_every_folder_stands_on_a_floor() -> None:
    assert {part_of(module_name(file)) for file in SOURCES} <= {"", "core", *FLOOR_1, *FLOOR_2, *TOP}


def test_nodes_stay_thin() -> None:
    long = {file.name: len(file.read_text().splitlines()) for file in FOLDER.glob("*_node.py")}
    assert {name: lines for name, lines in long.items() if lines > 150} == {}


def test_files_stay_small() -> None:
    files = [*SOURCES, *FOLDER.parent.glob("setup/*.py"), *FOLDER.parent.glob("test/**/*.py")]
    lengths = {str(file.relative_to(FOLDER.parent)): len(file.read_text().splitlines()) for file in files}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("core.guard", "import rclpy", "core knows only"),
        ("core.guard", "def late():\n    import cv2", "core knows only"),
        ("core.guard", "from ..robot.load import load_robot", "core may not import from robot"),
        ("core.guard", "from .. import sim", "core may not import from sim"),
        ("core.guard", "import importlib\nimportlib.import_module('torch')", "core knows only"),
        ("robot.load", "from optimus_nodes.sim.world import SimWorld", "robot may not import from sim"),
        ("robot.load", "from optimus_nodes import sim", "robot may not import from sim"),
        ("policy.runtime", "import rclpy.node", "rclpy has no place in policy"),
        ("policy.runtime", "from optimus_nodes.ros import convert", "policy may not import from ros"),
        ("ros.convert", "import torch", "torch has no place in ros"),
        ("ros.convert", "from optimus_nodes.cli import up", "ros may not import from cli"),
        ("learning.train", "from optimus_nodes import vla_node", "learning may not import from nodes"),
        ("vla_node", "import torch", "torch has no place in nodes"),
        ("teleop.keys", "import mujoco", "mujoco belongs in"),
    ],
)
def test_an_import_that_points_upward_is_caught(module: str, source: str, reason: str) -> None:
    found = offences(source, f"{PACKAGE}.{module}")
    assert len(found) == 1
    assert reason in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.guard", "import numpy as np\nfrom .values import Array\nfrom collections import abc"),
        ("robot.load", "from ..core.errors import ConfigError\nimport yaml"),
        ("learning.collect", "from optimus_nodes.sim.world import SimWorld\nimport torch"),
        ("vla_node", "import rclpy\nfrom optimus_nodes.policy.runtime import load_policy"),
        ("cli.demo", "import typer\nfrom . import up"),
    ],
)
def test_an_import_that_points_down_is_fine(module: str, source: str) -> None:
    assert offences(source, f"{PACKAGE}.{module}") == []
