"""Where a process that records takes its memory from."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LOOK = "import optimus_nodes.dataset.recorder, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
NAME = "ARROW_DEFAULT_MEMORY_POOL"


@pytest.mark.parametrize(("given", "used"), [(None, "system"), ("mimalloc", "mimalloc")])
def test_arrow_takes_its_memory_where_it_is_given_back(given: str | None, used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != NAME}
    if given:
        environment[NAME] = given
    said = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == used
