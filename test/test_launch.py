"""The launch files start what config/graph.yaml lists.

`launch` is on no Python index. Where it can be imported, the real launch descriptions are built and their
nodes read back; elsewhere the list behind them is checked, and that the files only choose a list.
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from optimus_nodes.cli.launching import ARGUMENTS, chosen_nodes
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.graph import WHEN

ROOT = Path(__file__).resolve().parents[1]
HAS_LAUNCH = importlib.util.find_spec("launch_ros") is not None


@pytest.mark.parametrize("when", WHEN)
def test_a_launch_file_only_chooses_its_list(when: str) -> None:
    source = ast.parse((ROOT / "launch" / f"{when}.launch.py").read_text())
    calls = [ast.unparse(node) for node in ast.walk(source) if isinstance(node, ast.Call)]
    assert calls == [f"launch_graph('{when}')"]


@pytest.mark.parametrize("when", WHEN)
def test_every_node_of_a_list_exists_and_so_does_its_configuration(when: str) -> None:
    for node in chosen_nodes(when):
        module = ROOT / "optimus_nodes" / f"{node.executable}.py"
        assert "def main(" in module.read_text()
        assert not node.config or (ROOT / "config" / node.config).exists()


@pytest.mark.parametrize("when", WHEN)
def test_what_is_launched_is_what_the_list_says(when: str) -> None:
    expected = [(node.executable, node.name) for node in chosen_nodes(when)]
    if HAS_LAUNCH:
        assert launched(when) == expected
    else:
        assert len(expected) == len({name for _, name in expected}) > 0


def launched(when: str) -> list[tuple[str, str]]:
    """(executable, name) of every node the real launch description of `when` would start."""
    from launch import LaunchContext
    from launch.actions import DeclareLaunchArgument
    from launch_ros.actions import Node

    from optimus_nodes.cli.launching import launch_graph

    context, found = LaunchContext(), []
    for entity in launch_graph(when).entities:
        if isinstance(entity, DeclareLaunchArgument):
            assert entity.description
        for action in entity.execute(context) or []:
            if isinstance(action, Node):
                found.append((str(action.node_executable), _name(action)))
    return found


def _name(action: object) -> str:
    """The ROS name given to a launch_ros Node; it keeps that private until it runs."""
    return str(vars(action)["_Node__node_name"])


def test_parameters_can_be_set_from_the_command_line() -> None:
    sim = next(node for node in chosen_nodes("sim", "sim.seed=7 sim.base='free'") if node.name == "sim")
    assert (sim.parameters["seed"], sim.parameters["base"]) == (7, "free")


def test_a_setting_without_a_value_is_refused_with_an_example() -> None:
    with pytest.raises(ConfigError, match="set:='sim.seed' must look like node.parameter=value, as in set:=sim"):
        chosen_nodes("sim", "sim.seed")


def test_every_launch_argument_is_described() -> None:
    assert all(text.endswith(".") for _, text in ARGUMENTS.values())
