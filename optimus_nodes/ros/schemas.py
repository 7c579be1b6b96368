"""The text of message definitions with everything they consist of, as recordings carry it."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError

_RULER = "=" * 80
_FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*")
_BASIC = {
    *("bool", "byte", "char", "float32", "float64", "string", "wstring"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}


def schema_text(message_class: type[Any]) -> tuple[str, str]:
    """Name ("sensor_msgs/msg/JointState") and text of a message class, the way rosbag2 stores them.

    The definition comes first, then, each behind a line of 80 "=" and one "MSG: package/Type", all it is made of.

    Raises: ConfigError when the .msg file of one of them is not installed.
    """
    package, kind = message_class.__module__.split(".")[0], message_class.__name__
    found: dict[tuple[str, str], str] = {}
    _collect(package, kind, found)
    (_, first), *others = found.items()
    parts = [first, *(f"{_RULER}\nMSG: {package}/{kind}\n{text}" for (package, kind), text in others)]
    return f"{package}/msg/{kind}", "\n".join(parts)


def _collect(package: str, kind: str, found: dict[tuple[str, str], str]) -> None:
    if (package, kind) in found:
        return
    found[package, kind] = text = _definition(package, kind)
    for line in text.splitlines():
        field = _FIELD.match(line.split("#")[0])
        if field is None or field[1] in _BASIC:
            continue
        words = field[1].split("/")
        _collect(words[0] if len(words) > 1 else package, words[-1], found)


@cache
def _definition(package: str, kind: str) -> str:
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    files = [Path(p) / "share" / package / "msg" / f"{kind}.msg" for p in [*prefixes, sys.prefix]]
    for file in files:
        if file.is_file():
            return file.read_text()
    looked = ", ".join(map(str, files))
    raise ConfigError(f"{package}/msg/{kind} has no definition here; looked for {looked}; run `make env`")
