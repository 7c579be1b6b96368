"""The reader of sentences for who rarely needs it: nothing is imported or loaded before the first sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import ContractError
from ..core.language import Instruction


def reader_on_demand(folder: Path | str) -> Callable[[str], tuple[Instruction, float] | None]:
    """A function that reads a sentence, as `language.Reader.instruction`; None where there is no encoder or no head."""
    readers: list[Any] = []

    def read(sentence: str) -> tuple[Instruction, float] | None:
        from .language import load_reader

        if not readers:
            try:
                readers.append(load_reader(folder))
            except ContractError:
                readers.append(None)
        return readers[0].instruction(sentence) if readers[0] is not None else None

    return read
