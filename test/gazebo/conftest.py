"""Tests against a Gazebo that is installed. They are left out where there is none, and never run beside others."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
sys.path.append(str(Path(__file__).parents[1] / "nodes"))  # sim_bench starts nodes and listens to them


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = not (shutil.which("gz") or shutil.which("ign"))
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.alone)
            if missing:
                item.add_marker(pytest.mark.skip(reason="there is no gz or ign program on this machine"))



@pytest.fixture(autouse=True, scope="module")
def _own_network() -> Iterator[None]:
    """Loopback, and a partition that no other Gazebo is in."""
    own = {"IP": "127.0.0.1", "PARTITION": f"test-{uuid.uuid4().hex[:12]}"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GZ", "IGN"):
            for what, value in own.items():
                patch.setenv(f"{name}_{what}", value)
        yield
