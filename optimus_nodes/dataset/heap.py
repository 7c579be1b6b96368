"""Memory of a process that records for hours, as far as glibc's malloc keeps it; elsewhere nothing is done."""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8  # <malloc.h>


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
