"""Pictures in memory that processes share: a ring of slots that one process writes and any number read.

The memory has no name in the file system. Its writer's readers open it as /proc/<process>/fd/<descriptor>, and the
kernel frees it when the last of them has ended, however they ended. The number of a slot is odd while it is being
written and greater each time: who finds the number of a picture before and after reading has read one whole picture.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
from dataclasses import dataclass

import numpy as np

from ..core.errors import DeviceError
from ..core.values import ImageArray

SLOTS = 8  # a reader of 20 pictures a second has 0.35 s to read one
_MAGIC = 0x4F50_5449_4D55_5301
_HEAD, _LINE = 4096, 64  # bytes: before the first slot, and between the numbers of two slots
_NUMBERS = _HEAD // 8 // 2  # where the numbers begin, as a place in an array of uint64
_MOST_SLOTS = (_HEAD // 2) // _LINE


@dataclass(frozen=True, slots=True)
class RingAddress:
    """Where a ring is found: `process` and its file `descriptor` on this machine; `token` tells it from any other."""

    process: int
    descriptor: int
    token: int


@dataclass(frozen=True, slots=True)
class RingPlace:
    """One picture of a ring: its slot, and the slot's number for as long as it is there."""

    slot: int
    sequence: int


class PictureRing:
    """The writer's end, for pictures of (H, W, 3) uint8 pixels. All memory is taken at once: writing never waits.

    Raises: DeviceError where the machine has no such memory (anything but Linux) or not enough of it.
    """

    def __init__(self, height: int, width: int, slots: int = SLOTS) -> None:
        assert 2 <= slots <= _MOST_SLOTS
        size = _slot_bytes(height, width)
        try:
            self._file = os.memfd_create("optimus_pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(self._file, _HEAD + slots * size)
            fcntl.fcntl(self._file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)  # no reader's SIGBUS
            memory = mmap.mmap(self._file, _HEAD + slots * size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        except (AttributeError, OSError) as error:
            raise DeviceError(f"no memory to share {slots} pictures of {width}x{height}: {error}") from error
        numbers = np.frombuffer(memory, np.uint64, _HEAD // 8)
        token = secrets.randbits(64)
        numbers[:4] = (_MAGIC, token, slots, size)
        self._numbers = numbers[_NUMBERS :: _LINE // 8][:slots]
        self._pictures = [_picture(memory, slot, height, width) for slot in range(slots)]
        self.address = RingAddress(os.getpid(), self._file, token)
        self.height, self.width = height, width
        self._next, self._begun = 0, False

    def begin(self) -> ImageArray:
        """Where the next picture is to be made, over the oldest one; nobody sees it before `write`."""
        if not self._begun:
            self._numbers[self._next] += np.uint64(1)
            self._begun = True
        return self._pictures[self._next]

    def write(self, pixels: ImageArray) -> RingPlace:
        """Show a picture. Unless it was made where `begin` said, it is copied; so are views such as `pixels[::-1]`."""
        slot, memory = self._next, self.begin()
        if pixels is not memory:
            np.copyto(memory, pixels, casting="no")
        self._numbers[slot] += np.uint64(1)
        self._next, self._begun = (slot + 1) % len(self._pictures), False
        return RingPlace(slot, int(self._numbers[slot]))

    def close(self) -> None:
        """Readers keep what they have opened; the memory goes with the last of them."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class RingReader:
    """A reader's end. Raises DeviceError when the ring at `address` can't be reached from here or is no more."""

    def __init__(self, address: RingAddress) -> None:
        path = f"/proc/{address.process}/fd/{address.descriptor}"
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._memory = mmap.mmap(file, 0, mmap.MAP_SHARED, mmap.PROT_READ)
            finally:
                os.close(file)
        except (OSError, ValueError) as error:
            raise DeviceError(f"the pictures in {path} can't be opened: {error}") from error
        numbers = np.frombuffer(self._memory, np.uint64, _HEAD // 8) if len(self._memory) > _HEAD else np.zeros(4)
        magic, token, slots, self._size = (int(number) for number in numbers[:4])
        if magic != _MAGIC or token != address.token or len(self._memory) < _HEAD + slots * self._size:
            raise DeviceError(f"{path} does not hold the pictures it should: its process ended and another one came")
        self._numbers = numbers[_NUMBERS :: _LINE // 8][:slots]
        self._pictures: dict[tuple[int, int, int], ImageArray] = {}

    def picture(self, place: RingPlace, height: int, width: int) -> ImageArray:
        """The pixels (H, W, 3), read-only and where they are: only good while they are `whole`, before and after.

        Raises: DeviceError for a place that is not in the ring.
        """
        if (found := self._pictures.get((place.slot, height, width))) is not None:
            return found
        if place.slot >= len(self._numbers) or _slot_bytes(height, width) > self._size:
            raise DeviceError(f"no picture of {width}x{height} in slot {place.slot} of {len(self._numbers)}")
        found = _picture(self._memory, place.slot, height, width, self._size)
        self._pictures[place.slot, height, width] = found
        return found

    def whole(self, place: RingPlace) -> bool:
        """Whether the slot still holds this picture."""
        return int(self._numbers[place.slot]) == place.sequence


def _slot_bytes(height: int, width: int) -> int:
    return -(-height * width * 3 // mmap.PAGESIZE) * mmap.PAGESIZE


def _picture(memory: mmap.mmap, slot: int, height: int, width: int, size: int | None = None) -> ImageArray:
    begin = _HEAD + slot * (_slot_bytes(height, width) if size is None else size)
    return np.frombuffer(memory, np.uint8, height * width * 3, begin).reshape(height, width, 3)
