"""Tests against a Gazebo that is installed. They are left out where there is none, and never run beside others."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimus_nodes.core.gazebo_names import flavour

HERE = str(Path(__file__).parent)
sys.path.append(str(Path(__file__).parents[1] / "nodes"))  # sim_bench starts nodes and listens to them


def has_gazebo() -> bool:
    """Whether `gz sim` or `ign gazebo` can be run: the program alone may be there for other libraries of theirs."""
    words = [*flavour().command, "--versions"]
    return shutil.which(words[0]) is not None and subprocess.run(words, capture_output=True).returncode == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if str(item.path).startswith(HERE)]
    missing = bool(ours) and not has_gazebo()
    for item in ours:
        item.add_marker(pytest.mark.alone)
        if missing:
            item.add_marker(pytest.mark.skip(reason="neither `gz sim` nor `ign gazebo` can be run on this machine"))



@pytest.fixture(autouse=True, scope="module")
def _own_network() -> Iterator[None]:
    """Loopback, and a partition that no other Gazebo is in."""
    own = {"IP": "127.0.0.1", "PARTITION": f"test-{uuid.uuid4().hex[:12]}"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GZ", "IGN"):
            for what, value in own.items():
                patch.setenv(f"{name}_{what}", value)
        yield
