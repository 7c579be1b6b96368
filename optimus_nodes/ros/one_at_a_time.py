"""For nodes that are called in several threads: joint states and pictures come in threads of their own (twin.py)."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar

R = TypeVar("R")


class OneAtATime:
    """Lets the functions it wraps run one at a time, whatever thread calls them."""

    _all: ClassVar[weakref.WeakSet[OneAtATime]] = weakref.WeakSet()

    def __init__(self) -> None:
        self._lock = threading.RLock()
        OneAtATime._all.add(self)

    @classmethod
    def take_all(cls) -> None:
        """Never let any of them run again: for tests of who depends on this process."""
        for each in list(cls._all):
            each._lock.acquire()

    def __call__(self, function: Callable[..., R]) -> Callable[..., R]:
        @wraps(function)
        def alone(*given: Any) -> R:
            with self._lock:
                return function(*given)

        return alone
