"""Parameters are read from ROS into checked dataclasses, and every mistake is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.ros.params import declare


@dataclass(frozen=True)
class Inner:
    gain: float = field(default=0.5, metadata={"doc": "Gain of the loop."})

    def __post_init__(self) -> None:
        if self.gain < 0.0:
            raise ConfigError(f"parameter gain is {self.gain}; it must be >= 0")


@dataclass(frozen=True)
class Params:
    robot: str = field(default="optimus", metadata={"doc": "Name of the robot."})
    rate_hz: float = 20.0
    count: int = 3
    on: bool = False
    names: tuple[str, ...] = ()
    loop: Inner = field(default_factory=Inner)


@contextmanager
def node_with(*arguments: str) -> Iterator[Node]:
    context = Context()
    flags = [flag for argument in arguments for flag in ("-p", argument)]
    rclpy.init(args=["--ros-args", *flags], context=context, domain_id=101)
    node = Node("helper", context=context)
    try:
        yield node
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


def test_without_overrides_the_defaults_are_used():
    with node_with() as node:
        assert declare(node, Params) == Params()


def test_overrides_are_typed_and_groups_are_dotted():
    given = ("rate_hz:=5", "count:=7", "on:=true", "names:=[a,b]", "loop.gain:=2.0", "use_sim_time:=false")
    with node_with(*given) as node:
        assert declare(node, Params) == Params("optimus", 5.0, 7, True, ("a", "b"), Inner(2.0))


def test_the_description_of_a_parameter_is_its_doc():
    with node_with() as node:
        declare(node, Params)
        assert node.describe_parameter("loop.gain").description == "Gain of the loop."
        assert node.describe_parameter("robot").read_only


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("rate_hz:=fast", r"/helper parameter rate_hz is 'fast'; it must be of type float \(config/helper.yaml or"),
        ("count:=1.5", "parameter count is 1.5; it must be of type int"),
        ("on:=1", "parameter on is 1; it must be of type bool"),
        ("names:=left", "parameter names is 'left'; it must be a list of str"),
        ("names:=[1,2]", "parameter names is 1; it must be of type str"),
        ("loop.gain:=-1.0", "/helper: parameter gain is -1.0; it must be >= 0"),
        ("rate:=5.0", "/helper has no parameter 'rate'; it takes "),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(argument, text):
    with node_with(argument) as node, pytest.raises(ConfigError, match=text):
        declare(node, Params)
