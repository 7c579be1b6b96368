"""For nodes that are called in several threads: joint states and pictures come in threads of their own (twin.py)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

R = TypeVar("R")


class OneAtATime:
    """Lets the functions it wraps run one at a time, whatever thread calls them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __call__(self, function: Callable[..., R]) -> Callable[..., R]:
        @wraps(function)
        def alone(*given: Any) -> R:
            with self._lock:
                return function(*given)

        return alone
