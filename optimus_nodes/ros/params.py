"""ROS parameters as frozen dataclasses, checked before the node does anything.

    @dataclass(frozen=True)
    class CameraParams:
        rate_hz: float = field(default=20.0, metadata={"doc": "Pictures per second."})

    params = declare(node, CameraParams)

Field types: bool, int, float, str, and tuples of these such as tuple[str, ...]. A field that is a dataclass
itself becomes a group: `control.silence`. Checks of values belong into `__post_init__`.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from ..core.errors import ConfigError

T = TypeVar("T")
_OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides")


def declare(node: Node, params: type[T]) -> T:
    """Declare every field of the dataclass `params` on the node and return it filled in.

    Raises: ConfigError for a parameter of the wrong type, one nobody knows, or a value the dataclass refuses.
    """
    filled = _declare_group(node, params, "")
    _refuse_unknown(node, {name for name, _ in _names(params, "")})
    return filled


def _declare_group(node: Node, params: type[T], prefix: str) -> T:
    types = typing.get_type_hints(params)
    values: dict[str, Any] = {}
    for item in fields(params):  # type: ignore[arg-type]
        name, kind = prefix + item.name, types[item.name]
        if is_dataclass(kind):
            values[item.name] = _declare_group(node, kind, name + ".")
            continue
        values[item.name] = _declare_one(node, name, kind, item)
    try:
        return params(**values)
    except ConfigError as error:
        raise ConfigError(f"{node.get_fully_qualified_name()}: {error} ({_where(node)})") from None


def _declare_one(node: Node, name: str, kind: Any, item: Field[Any]) -> Any:
    default = item.default_factory() if item.default_factory is not MISSING else item.default
    if default is MISSING:
        raise TypeError(f"{name} needs a default: a node must start without a configuration file")
    descriptor = ParameterDescriptor(description=item.metadata.get("doc", ""), read_only=True, dynamic_typing=True)
    first = list(default) if isinstance(default, tuple) else default
    value = node.declare_parameter(name, first, descriptor).value
    return _checked(value, kind, f"{node.get_fully_qualified_name()} parameter {name}", _where(node))


def _checked(value: Any, kind: Any, what: str, where: str) -> Any:
    if typing.get_origin(kind) is tuple:
        member = typing.get_args(kind)[0]
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise ConfigError(f"{what} is {value!r}; it must be a list of {member.__name__} ({where})")
        return tuple(_checked(one, member, what, where) for one in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{what} is {value!r}; it must be of type {kind.__name__} ({where})")
    return value


def _names(params: Any, prefix: str) -> Iterator[tuple[str, Field[Any]]]:
    types = typing.get_type_hints(params)
    for item in fields(params):
        if is_dataclass(types[item.name]):
            yield from _names(types[item.name], prefix + item.name + ".")
        else:
            yield prefix + item.name, item


def _refuse_unknown(node: Node, known: set[str]) -> None:
    given = getattr(node, "_parameter_overrides", {})
    for name in given:
        if name not in known and name.split(".")[0] not in _OF_ROS:
            raise ConfigError(
                f"{node.get_fully_qualified_name()} has no parameter {name!r}; "
                f"it takes {sorted(known)} ({_where(node)})"
            )


def _where(node: Node) -> str:
    return f"config/{node.get_name()}.yaml or --ros-args -p"
