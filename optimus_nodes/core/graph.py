"""The list of nodes in `config/graph.yaml`: parsed, checked and turned into command lines.

Pure: the caller reads the YAML and hands the plain values in. The format is described at the top of
`config/graph.yaml`. Both `optimus up` and the launch files start from `parse_graph` and `select`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import ConfigError

WHEN = ("sim", "gazebo", "robot", "driver", "teleop", "voice", "remote_stop")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_KEYS = (
    *("name", "executable", "when", "config", "parameters", "remappings"),
    *("essential", "nice", "realtime", "environment"),
)
_FILE = "config/graph.yaml"


@dataclass(frozen=True)
class NodeSpec:
    """One process of the graph. `config` is a file name in `config/`, "" for none."""

    name: str
    executable: str
    when: tuple[str, ...]
    config: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    remappings: Mapping[str, str] = field(default_factory=dict)
    essential: bool = True
    nice: int = 0
    realtime: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def ros_arguments(self, config_path: str = "") -> list[str]:
        """What follows the executable on its command line; `config_path` is where `config` was found."""
        arguments = ["--ros-args", "-r", f"__node:={self.name}"]
        if config_path:
            arguments += ["--params-file", config_path]
        for key, value in self.parameters.items():
            arguments += ["-p", f"{key}:={json.dumps(value)}"]
        for old, new in self.remappings.items():
            arguments += ["-r", f"{old}:={new}"]
        return arguments


def parse_graph(data: object, source: str = _FILE) -> tuple[NodeSpec, ...]:
    """Every node of a loaded graph file, in its order. Raises ConfigError naming the entry and `source`."""
    if not isinstance(data, Mapping) or set(data) != {"nodes"} or not isinstance(data["nodes"], Sequence):
        raise ConfigError(f"{source} must hold one key, `nodes`, with a list of nodes")
    nodes = tuple(_parse_node(entry, position, source) for position, entry in enumerate(data["nodes"], start=1))
    if not nodes:
        raise ConfigError(f"{source} lists no nodes")
    for word in WHEN:
        _check_names([node.name for node in nodes if word in node.when], f"{source}, list {word}")
    return nodes


def _check_names(names: Sequence[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{where}: two nodes are named {name!r}; names must be unique")


def select(nodes: Sequence[NodeSpec], when: Iterable[str], only: Iterable[str] = ()) -> tuple[NodeSpec, ...]:
    """The nodes wanted in any of the lists `when`, narrowed to the names `only` when it is not empty.

    Raises ConfigError on an unknown list or name, and when nothing is left.
    """
    lists, names = tuple(when), tuple(only)
    for word in lists:
        if word not in WHEN:
            raise ConfigError(f"no node list {word!r}; the lists are {', '.join(WHEN)} (`when` in {_FILE})")
    wanted = tuple(node for node in nodes if set(node.when) & set(lists))
    known = [node.name for node in wanted]
    _check_names(known, f"lists {'+'.join(lists)} of {_FILE}")
    for name in names:
        if name not in known:
            raise ConfigError(f"no node {name!r} in the list {'+'.join(lists)}; it has {', '.join(known)} ({_FILE})")
    chosen = tuple(node for node in wanted if not names or node.name in names)
    if not chosen:
        raise ConfigError(f"no node is wanted in {'+'.join(lists) or 'an empty list'} (`when` in {_FILE})")
    return chosen


def override(nodes: Sequence[NodeSpec], settings: Iterable[tuple[str, Any]]) -> tuple[NodeSpec, ...]:
    """`nodes` with parameters replaced; each setting is ("node.parameter", value).

    Raises ConfigError when the node is not in the list or the setting names no parameter.
    """
    changed = {node.name: node for node in nodes}
    for key, value in settings:
        name, dot, parameter = key.partition(".")
        if not dot or not parameter:
            raise ConfigError(f"setting {key!r} must look like node.parameter=value")
        if name not in changed:
            raise ConfigError(f"setting {key!r}: no node {name!r} is started; there are {', '.join(changed)}")
        node = changed[name]
        changed[name] = replace(node, parameters={**node.parameters, parameter: value})
    return tuple(changed.values())


def _parse_node(entry: object, position: int, source: str) -> NodeSpec:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{source}: node {position} must be a list of key: value pairs, got {entry!r}")
    where = f"{source}: node {position} ({entry.get('name', 'without a name')})"
    unknown = [str(key) for key in entry if key not in _KEYS]
    if unknown:
        raise ConfigError(f"{where} has an unknown key {unknown[0]!r}; the keys are {', '.join(_KEYS)}")
    return NodeSpec(
        name=_word(entry, "name", where),
        executable=_word(entry, "executable", where),
        when=_when(entry.get("when"), where),
        config=_config(entry.get("config", ""), where),
        parameters=_parameters(entry.get("parameters", {}), where),
        remappings=_strings(entry, "remappings", where),
        essential=_flag(entry, "essential", True, where),
        nice=_nice(entry.get("nice", 0), where),
        realtime=_flag(entry, "realtime", False, where),
        environment=_strings(entry, "environment", where),
    )


def _word(entry: Mapping[Any, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not _NAME.match(value):
        raise ConfigError(f"{where}: {key} is {value!r}; it must be letters, digits and _, as in joint_control")
    return value


def _when(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or any(word not in WHEN for word in value):
        raise ConfigError(f"{where}: when is {value!r}; it must be a list out of {', '.join(WHEN)}")
    return tuple(value)


def _config(value: object, where: str) -> str:
    if not isinstance(value, str) or "/" in value or (value and not value.endswith(".yaml")):
        raise ConfigError(f"{where}: config is {value!r}; it must be the name of a .yaml file in config/")
    return value


def _parameters(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f"{where}: parameters is {value!r}; it must be parameter: value pairs")
    for key, item in value.items():
        items = item if isinstance(item, list) else [item]
        if not all(isinstance(one, (bool, int, float, str)) for one in items):
            raise ConfigError(
                f"{where}: parameter {key} is {item!r}; ROS parameters are numbers, words, true/false or lists of them"
            )
    return dict(value)


def _strings(entry: Mapping[Any, Any], key: str, where: str) -> dict[str, str]:
    value = entry.get(key, {})
    if not isinstance(value, Mapping) or not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise ConfigError(f"{where}: {key} is {value!r}; it must be pairs of words (put numbers in quotes)")
    return dict(value)


def _flag(entry: Mapping[Any, Any], key: str, default: bool, where: str) -> bool:
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: {key} is {value!r}; it must be true or false")
    return value


def _nice(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 19:
        raise ConfigError(f"{where}: nice is {value!r}; it must be a whole number from 0 to 19")
    return value
