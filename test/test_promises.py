"""docs/promises.md is what promises.yaml and the marked tests make of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_of_promises_is_up_to_date_and_every_promise_has_a_test() -> None:
    done = subprocess.run(
        [sys.executable, "bench/promises.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or "run `python bench/promises.py`"
