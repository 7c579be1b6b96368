"""What other threads find out is done where everything else of a node is done: a node that hangs does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node


class InExecutor:
    """Calls `take` in the executor of `node` with what it was called with last, from any thread; it never waits."""

    def __init__(self, node: Node, take: Callable[..., None]) -> None:
        self._node, self._take = node, take
        self._newest: tuple[Any, ...] | None = None

    def __call__(self, *given: Any) -> None:
        self._newest = given
        if (executor := self._node.executor) is not None:
            executor.create_task(self._hand_over)

    def _hand_over(self) -> None:
        given, self._newest = self._newest, None
        if given is not None:
            self._take(*given)
