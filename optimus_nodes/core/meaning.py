"""What a sentence means, as numbers: one group of places for each slot of an instruction, one place for each value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ConfigError
from .language import SLOT_VALUES, SLOTS, Instruction

MEANING: dict[str, tuple[str, ...]] = {
    "skill": tuple(SLOTS),
    **{slot: ("", *values) for slot, values in SLOT_VALUES.items()},
}
MEANING_SIZE = sum(len(values) for values in MEANING.values())


def _places() -> Iterator[tuple[str, slice]]:
    start = 0
    for slot, values in MEANING.items():
        yield slot, slice(start, start + len(values))
        start += len(values)


MEANING_PLACES: dict[str, slice] = dict(_places())  # where each slot lies in the vector


def meaning_vector(instruction: Instruction) -> NDArray[np.float32]:
    """`instruction` as ones and zeros, shape (MEANING_SIZE,): a one for the value of every slot."""
    vector = np.zeros(MEANING_SIZE, np.float32)
    for slot, place in MEANING_PLACES.items():
        vector[place.start + MEANING[slot].index(getattr(instruction, slot))] = 1.0
    return vector


def instruction_of(vector: ArrayLike) -> Instruction:
    """The likeliest value of every slot. Raises ConfigError when they make no instruction or the size is wrong."""
    values = np.asarray(vector)
    if values.shape != (MEANING_SIZE,):
        raise ConfigError(f"a meaning has shape {values.shape}; it must be ({MEANING_SIZE},), see core/meaning.py")
    if not np.isfinite(values).all():
        raise ConfigError(f"a meaning is not finite in {np.flatnonzero(~np.isfinite(values)).tolist()}")
    best = {slot: MEANING[slot][int(values[place].argmax())] for slot, place in MEANING_PLACES.items()}
    return Instruction(**best)
