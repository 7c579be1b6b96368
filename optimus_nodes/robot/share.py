"""Where the files of this package are: configuration, the robot's description, models."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..core.errors import ConfigError

PACKAGE = "optimus_humanoid"


def share_path(relative: str) -> Path:
    """The path of a file or folder of this package, such as `config/graph.yaml`.

    Looked for in the source tree this module is in, then in the share folder of an installed
    package (each prefix in AMENT_PREFIX_PATH, then Python's own).

    Raises: ConfigError when it is in none of them.
    """
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    folders = [Path(__file__).resolve().parents[2]]
    folders += [Path(prefix) / "share" / PACKAGE for prefix in [*prefixes, sys.prefix]]
    for folder in folders:
        if (folder / relative).exists():
            return folder / relative
    looked = ", ".join(str(folder) for folder in folders)
    raise ConfigError(f"{relative} is not part of {PACKAGE}; looked in {looked}")


_OF_BUNDLES = ("policy.yaml", "config.json")  # ours, LeRobot's


def model_path(bundle: str) -> Path:
    """The policy bundle `bundle`: a folder as given, or the one of that name in models/.

    A folder in reach that only has the same name is not taken: where there is one called `bench`, so is the policy.
    """
    given = Path(bundle)
    if given.is_dir() and (len(given.parts) > 1 or any((given / name).is_file() for name in _OF_BUNDLES)):
        return given
    return share_path(f"models/{bundle}")
