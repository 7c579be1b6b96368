"""Drivers by name: ours, and anyone's as `package.module:Class`."""

from __future__ import annotations

import importlib
import importlib.util
import typing
from collections.abc import Sequence

from ..core.driver import RobotDriver, parse_options
from ..core.errors import ConfigError
from ..core.robot import RobotSpec

DRIVERS = {
    "mock": "optimus_nodes.drivers.mock_driver:MockDriver",
    "gazebo": "optimus_nodes.ros.gazebo_driver:GazeboDriver",
    "ros2_control": "optimus_nodes.ros.ros2_control_driver:Ros2ControlDriver",
    "unitree_g1": "optimus_nodes.drivers.unitree_g1_driver:UnitreeG1Driver",
}
_FOLDER = "optimus_nodes.drivers"


def _beside(name: str) -> str:
    """`my_robot` is MyRobotDriver of drivers/my_robot_driver.py, where `optimus new-robot` puts it."""
    module = f"{_FOLDER}.{name}_driver"
    if not name.isidentifier() or importlib.util.find_spec(module) is None:
        return name
    return f"{module}:{''.join(word.capitalize() for word in name.split('_'))}Driver"


def make_driver(name: str, options: Sequence[str], robot: RobotSpec) -> RobotDriver:
    """The driver `name` for `robot`, its options given as `name=value` words. Raises ConfigError."""
    module, colon, member = DRIVERS.get(name, _beside(name)).partition(":")
    if not colon:
        known = ", ".join(DRIVERS)
        raise ConfigError(f"there is no driver {name!r}; give one of {known}, or yours as package.module:Class")
    try:
        made = getattr(importlib.import_module(module), member)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"driver {name} cannot be loaded: {error}") from error
    kind = typing.get_type_hints(made.__init__).get("options")
    if kind is None:
        raise ConfigError(f"driver {name} must take (robot, options), with a dataclass as the type of options")
    driver: RobotDriver = made(robot, parse_options(kind, options, name))
    return driver
