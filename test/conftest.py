"""Being here puts this folder on the import path, so that every test can say `from fakes import fake_robot`."""

from __future__ import annotations

import gc
import os

import pytest

os.environ.setdefault("MUJOCO_GL", "egl")  # MuJoCo reads it once, when the first test imports it
if "PYTEST_XDIST_WORKER" in os.environ:  # each has one processor
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nodes keep time: their tests run alone. What is long begins first."""
    for item in items:
        if item.path.parent.name == "nodes":
            item.add_marker(pytest.mark.alone)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """3000 collected tests make each full garbage collection 0.3 s long: long enough to miss what a node did."""
    gc.collect()
    gc.freeze()
