"""A node that has read its modules and waits: so it is there at once when the one before it crashes.

    python -m optimus_nodes.spare vla_node --ros-args ...

A byte on its standard input lets it begin. Whoever closes that without one needs it no more.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

_INPUT = 0
_NEEDED_BY_ALL = "rosidl_generator_py"  # rclpy reads it, 0.1 s long, for a node's first publisher


def main() -> int:
    """Wait, then be the node named by the first argument, with the arguments behind it."""
    del sys.argv[0]
    node = importlib.import_module(f"{__package__}.{sys.argv[0]}")
    with contextlib.suppress(ImportError):
        importlib.import_module(_NEEDED_BY_ALL)
    if not os.read(_INPUT, 1):
        return 0
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _INPUT)
    os.close(nothing)
    return int(node.main())


if __name__ == "__main__":
    sys.exit(main())
