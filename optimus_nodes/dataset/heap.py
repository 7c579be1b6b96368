"""The heap of a process that records for hours: Arrow's is malloc's too, and is given back where that is glibc's."""

from __future__ import annotations

import ctypes
import os

_M_ARENA_MAX = -8  # <malloc.h>


def arrow_from_malloc() -> None:
    """Let Arrow take its memory from malloc: what its own allocator keeps of threads that are gone, nobody returns.

    Arrow looks at this variable once, when pyarrow is imported; a value that is set already stays.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def few_heaps() -> None:
    """Let all threads take their memory from two heaps, before they begin: in one of its own, what each frees stays."""
    if mallopt := _malloc("mallopt"):
        mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Return free memory to the system: pieces of many episodes lie between what is kept, and hold it."""
    if trim := _malloc("malloc_trim"):
        trim(0)


def _malloc(name: str):  # type: ignore[no-untyped-def]
    return getattr(ctypes.CDLL(None), name, None)
