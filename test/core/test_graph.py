"""The node list: what is accepted, and what every mistake is answered with."""

from __future__ import annotations

from typing import Any

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.graph import override, parse_graph, select

ARM = {"name": "arm", "executable": "arm_node", "when": ["sim", "robot"]}
EYE = {"name": "eye", "executable": "eye_node", "when": ["robot"], "essential": False}


def graph(*entries: Any) -> dict[str, Any]:
    return {"nodes": list(entries)}


def test_the_order_of_the_file_is_kept() -> None:
    assert [node.name for node in parse_graph(graph(ARM, EYE))] == ["arm", "eye"]


def test_what_is_left_out_has_its_default() -> None:
    (node,) = parse_graph(graph(ARM))
    assert (node.config, node.parameters, node.remappings, node.essential, node.nice) == ("", {}, {}, True, 0)


def test_a_list_is_selected_by_its_word() -> None:
    nodes = parse_graph(graph(ARM, EYE))
    assert [node.name for node in select(nodes, ["sim"])] == ["arm"]
    assert [node.name for node in select(nodes, ["robot"], only=["eye"])] == ["eye"]


def test_the_command_line_carries_name_file_parameters_and_remappings() -> None:
    entry = {**ARM, "parameters": {"rate_hz": 250.0, "robot": "optimus"}, "remappings": {"image": "head/image_raw"}}
    (node,) = parse_graph(graph(entry))
    assert node.ros_arguments("/etc/arm.yaml") == [
        "--ros-args", "-r", "__node:=arm", "--params-file", "/etc/arm.yaml",
        "-p", "rate_hz:=250.0", "-p", 'robot:="optimus"', "-r", "image:=head/image_raw",
    ]  # fmt: skip


def test_a_setting_replaces_one_parameter_of_one_node() -> None:
    nodes = override(parse_graph(graph({**ARM, "parameters": {"a": 1, "b": 2}}, EYE)), [("arm.b", 3)])
    assert nodes[0].parameters == {"a": 1, "b": 3}
    assert nodes[1].parameters == {}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([], "must hold one key, `nodes`"),
        ({"nodes": {}}, "must hold one key, `nodes`"),
        ({"nodes": []}, "lists no nodes"),
        ({"nodes": [ARM], "robots": []}, "must hold one key, `nodes`"),
        (graph("arm"), "node 1 must be a list of key: value pairs, got 'arm'"),
        (graph(ARM, ARM), "two nodes are named 'arm'"),
        (graph({**ARM, "whem": 1}), r"node 1 \(arm\) has an unknown key 'whem'; the keys are name, executable"),
        (graph({"executable": "arm_node", "when": ["sim"]}), r"node 1 \(without a name\): name is None"),
        (graph({**ARM, "name": "my arm"}), "name is 'my arm'; it must be letters, digits and _"),
        (graph({**ARM, "executable": "arm_node.py"}), "executable is 'arm_node.py'"),
        (graph({**ARM, "when": []}), r"when is \[\]; it must be a list out of sim, gazebo, robot, driver, teleop"),
        (graph({**ARM, "when": ["moon"]}), "when is .'moon'.; it must be a list out of sim"),
        (graph({**ARM, "config": "../arm.yaml"}), "config is '../arm.yaml'; it must be the name of a .yaml file"),
        (graph({**ARM, "parameters": ["a"]}), "it must be parameter: value pairs"),
        (graph({**ARM, "parameters": {"a": None}}), "parameter a is None; ROS parameters are numbers"),
        (graph({**ARM, "remappings": {"a": 1}}), "remappings is {'a': 1}; it must be pairs of words"),
        (graph({**ARM, "environment": {"OMP_NUM_THREADS": 1}}), "put numbers in quotes"),
        (graph({**ARM, "essential": "yes"}), "essential is 'yes'; it must be true or false"),
        (graph({**ARM, "nice": -5}), "nice is -5; it must be a whole number from 0 to 19"),
    ],
)
def test_a_mistake_in_the_file_is_named(data: object, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as raised:
        parse_graph(data)
    assert "config/graph.yaml" in str(raised.value)


def test_an_unknown_list_and_an_unknown_node_are_named_with_what_there_is() -> None:
    nodes = parse_graph(graph(ARM, EYE))
    with pytest.raises(ConfigError, match="no node list 'moon'; the lists are sim, gazebo, robot, driver, teleop"):
        select(nodes, ["moon"])
    with pytest.raises(ConfigError, match="no node 'eye' in the list sim; it has arm"):
        select(nodes, ["sim"], only=["eye"])
    with pytest.raises(ConfigError, match="no node is wanted in teleop"):
        select(nodes, ["teleop"])


def test_a_wrong_setting_is_named() -> None:
    nodes = parse_graph(graph(ARM))
    with pytest.raises(ConfigError, match="'rate' must look like node.parameter=value"):
        override(nodes, [("rate", 1)])
    with pytest.raises(ConfigError, match="no node 'leg' is started; there are arm"):
        override(nodes, [("leg.rate", 1)])
