"""A URDF that an installed Python package carries, made into one that stands on its own, with frames of ours added.

`urdf: package:example-robot-data/robots/g1_description/urdf/g1.urdf` names the package as pip does, and how the path of
one of its files ends. `frames` are links without mass, each fixed to another one.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from .description import kept, stable_text
from .urdf_import import import_urdf

SCHEME = "package:"
_FORM = 1  # of what is made here: another number where the same file would now become another URDF


def packaged_text(source: str, frames: Sequence[Any], where: str) -> str:
    """The URDF. It is kept in the user's cache: the boxes round its meshes take seconds to find.

    Raises: ConfigError when the package is not installed, has no such file, or a frame is malformed.
    """
    path = find_file(source, where)
    rows = [_frame(row, where) for row in frames]
    key = hashlib.sha256(f"{_FORM} {rows}".encode() + path.read_bytes())
    return kept(f"{path.name}-{key.hexdigest()[:32]}", lambda: _make(path, rows, where))


def find_file(source: str, where: str) -> Path:
    """Where the file is that `package:NAME/END` names. Raises ConfigError."""
    name, _, end = source.removeprefix(SCHEME).partition("/")
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        raise ConfigError(f"{where} takes its URDF from the Python package {name}: pip install {name}") from None
    for file in files:
        if str(file).endswith(end):
            return Path(str(file.locate()))
    raise ConfigError(f"{where}: the Python package {name} has no file that ends in {end!r}")


def _make(path: Path, frames: Sequence[tuple[str, str, str, str]], where: str) -> str:
    root = ElementTree.fromstring(import_urdf(path, list(path.resolve().parents)).xml)
    links = {link.get("name") for link in root.findall("link")}
    for name, parent, xyz, rpy in frames:
        if parent not in links or name in links:
            raise ConfigError(f"{where}: frame {name!r} hangs on {parent!r}; it must be new, and that a link")
        links.add(name)
        ElementTree.SubElement(root, "link", name=name)
        joint = ElementTree.SubElement(root, "joint", name=f"{name}_mount", type="fixed")
        ElementTree.SubElement(joint, "parent", link=parent)
        ElementTree.SubElement(joint, "child", link=name)
        ElementTree.SubElement(joint, "origin", xyz=xyz, rpy=rpy)
    return stable_text(ElementTree.tostring(root, encoding="unicode"))


def _frame(row: Any, where: str) -> tuple[str, str, str, str]:
    if not isinstance(row, list) or len(row) != 8 or not all(type(value) in (int, float) for value in row[2:]):
        raise ConfigError(f"{where}: a frame is {row!r}; it must be name, parent, x, y, z m, roll, pitch, yaw rad")
    words = [f"{value:.9g}" for value in row[2:]]
    return str(row[0]), str(row[1]), " ".join(words[:3]), " ".join(words[3:])
