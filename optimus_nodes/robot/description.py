"""The robot's URDF: expand the xacro to one stable text, and read joints and links from it."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ConfigError

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class UrdfJoint:
    """A moving joint: limits `lower`, `upper` rad, `effort` N·m, `velocity` rad/s."""

    name: str
    lower: float
    upper: float
    effort: float
    velocity: float


@dataclass(frozen=True)
class Description:
    """The URDF as text, its hash, its revolute joints by name, and the names of its links."""

    xml: str
    sha256: str
    joints: dict[str, UrdfJoint]
    links: frozenset[str]


def read_description(path: Path) -> Description:
    """Expand the xacro file at `path` and read it.

    Raises: ConfigError when it cannot be expanded, repeats a name or has a joint without limits.
    """
    sources = sorted(path.parent.rglob("*.xacro"))
    key = hashlib.sha256(b"\0".join(str(s.relative_to(path.parent)).encode() + s.read_bytes() for s in sources))
    return describe(kept(f"{path.name}-{key.hexdigest()[:32]}", lambda: _expand(path)), path)


def describe(xml: str, path: Path) -> Description:
    """Read the URDF `xml`, which came from `path`. Raises: ConfigError as read_description."""
    root = ElementTree.fromstring(xml)
    links = _unique([link.get("name", "") for link in root.findall("link")], "link", path)
    moving = [joint for joint in root.findall("joint") if joint.get("type") != "fixed"]
    _unique([joint.get("name", "") for joint in root.findall("joint")], "joint", path)
    joints = {joint.name: joint for joint in (_joint(element, path) for element in moving)}
    return Description(xml, hashlib.sha256(xml.encode()).hexdigest(), joints, frozenset(links))


def kept(name: str, make: Callable[[], str]) -> str:
    """What the user's cache keeps as `name`, made when it is not there."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "optimus_humanoid"
    file_ = folder / f"{name}.urdf"
    try:
        return file_.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        xml = make()
    with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
            file.write(xml)
        os.replace(file.name, file_)
    return xml


def _expand(path: Path) -> str:
    return stable_text(expand(path))


def expand(path: Path) -> str:
    """The URDF as the xacro file, or plain URDF, at `path` says it. Raises ConfigError when it cannot be expanded."""
    import xacro

    try:
        return str(xacro.process_file(str(path), mappings={}).toxml())
    except Exception as error:  # xacro raises its own, expat's, NameError, ...: all mean a bad file
        raise ConfigError(f"{path} cannot be expanded: {error}") from error


def stable_text(xml: str) -> str:
    """The same text on every machine: no comments, sorted attributes, numbers to 12 digits, one element a line."""
    root = ElementTree.fromstring(xml)
    for element in root.iter():
        element.text = element.tail = None
        attributes = {key: _stable_value(value) for key, value in sorted(element.attrib.items())}
        element.attrib.clear()
        element.attrib.update(attributes)
    ElementTree.indent(root, space=" ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _stable_value(value: str) -> str:
    words = value.split()
    if not all(_NUMBER.fullmatch(word) for word in words):
        return value
    return " ".join(f"{round(float(word), 15) + 0.0:.12g}" for word in words)


def _joint(element: ElementTree.Element, path: Path) -> UrdfJoint:
    name, limit = element.get("name", ""), element.find("limit")
    if element.get("type") != "revolute" or limit is None:
        raise ConfigError(f"joint {name!r} in {path} must be revolute with limits, it is {element.get('type')!r}")
    lower, upper, effort, velocity = (
        _limit(limit, key, name, path) for key in ("lower", "upper", "effort", "velocity")
    )
    if lower >= upper or effort <= 0 or velocity <= 0:
        raise ConfigError(
            f"joint {name!r} in {path} has lower {lower}, upper {upper}, effort {effort}, velocity {velocity}; "
            "lower must be below upper, effort and velocity above 0"
        )
    return UrdfJoint(name, lower, upper, effort, velocity)


def _limit(limit: ElementTree.Element, key: str, joint: str, path: Path) -> float:
    text = limit.get(key)
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{key} of joint {joint!r} is {text!r}, it must be a number ({path})")
    return value


def _unique(names: list[str], kind: str, path: Path) -> list[str]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"{path} has {kind} {repeated[0]!r} twice")
    return names
