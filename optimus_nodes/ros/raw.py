"""Reads what is needed out of serialised messages (CDR, little-endian) without making Python objects of them.

A joint message of 72 names costs 80 us to deserialise and 3 us here; a recording keeps the bytes themselves.
Layouts: OMG CDR 1.0; alignment counts from after the four bytes of the encapsulation header.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import CommandError
from ..core.robot import RobotSpec

_HEAD = 4  # encapsulation header
_LITTLE_ENDIAN = b"\x00\x01"  # it begins so
_U32 = struct.Struct("<I")
_STAMP = struct.Struct("<iI")
STATE_COLUMNS = ("position", "velocity", "effort")
MALFORMED = "malformed"  # reason of a CommandError: the bytes are no such message


def stamp_of(data: bytes) -> float:
    """Stamp of a message that begins with a std_msgs/Header or a Time, s."""
    seconds, nanoseconds = _STAMP.unpack_from(data, _HEAD)
    return float(seconds + nanoseconds * 1e-9)


def frame_of(data: bytes) -> str:
    """frame_id of a message that begins with a std_msgs/Header."""
    length = _U32.unpack_from(data, _HEAD + 8)[0]
    return data[_HEAD + 12 : _HEAD + 12 + length - 1].decode()


def put_stamp(data: bytearray, seconds: float) -> None:
    """Write the stamp of a message that begins with a std_msgs/Header or a Time."""
    _STAMP.pack_into(data, _HEAD, *divmod(round(seconds * 1_000_000_000), 1_000_000_000))


class JointArrays:
    """Stamp and columns of messages with a header, joint names and float64 arrays, in the robot's joint order.

    Args: topic: for what is said of a message that does not fit. columns: the arrays as they follow the names.
    optional: those that may be empty; they are read as zeros then.
    """

    def __init__(
        self,
        robot: RobotSpec,
        topic: str,
        columns: Sequence[str] = STATE_COLUMNS,
        optional: Sequence[str] = ("velocity", "effort"),
    ) -> None:
        self._names, self._topic = list(robot.joint_names), topic
        self._columns = [(name, name in optional) for name in columns]
        self._known: bytes | None = None
        self._from = self._begin = 0
        self._order: np.ndarray | None = None

    def read(self, data: bytes) -> tuple[Any, ...]:
        """Stamp s and the columns, (J,) each. Raises CommandError unless it names exactly the joints of the robot."""
        places = self.places(data)
        found: list[Any] = [stamp_of(data)]
        for place in places:
            if place is None:
                found.append(np.zeros(len(self._names)))
                continue
            values = np.frombuffer(data, "<f8", len(self._names), place)
            found.append(values if self._order is None else values[self._order])
        return tuple(found)

    def places(self, data: bytes) -> list[int | None]:
        """Where each column begins in `data`, None for one that is left out. Raises CommandError as `read` does."""
        try:
            places = self._places(data)
        except (struct.error, UnicodeDecodeError) as error:
            raise CommandError(MALFORMED, f"{self._topic}: {len(data)} bytes that are no such message") from error
        if places[-1] is not None and places[-1] + 8 * len(self._names) > len(data):
            raise CommandError(MALFORMED, f"{self._topic}: a message that is cut off after {len(data)} bytes")
        return places

    def _places(self, data: bytes) -> list[int | None]:
        if data[:2] != _LITTLE_ENDIAN:
            raise CommandError(MALFORMED, f"{self._topic}: {len(data)} bytes that do not begin as CDR, little-endian")
        start = _names_start(data)
        if self._known is None or start != self._from or data[start : self._begin] != self._known:
            self._learn(data, start)
        places: list[int | None] = []
        place = self._begin
        for what, optional in self._columns:
            place = _aligned(place, 4)
            count = _U32.unpack_from(data, place)[0]
            if count == 0 and optional:
                places.append(None)
                place += 4
                continue
            if count != len(self._names):
                raise CommandError("length", f"{self._topic}: {len(self._names)} joints but {count} values of {what}")
            place = _aligned(place + 4, 8)
            places.append(place)
            place += 8 * count
        return places

    def _learn(self, data: bytes, start: int) -> None:
        names, end = _strings(data, start)
        if sorted(names) != sorted(self._names):
            odd = sorted(set(names) ^ set(self._names)) or [n for n in names if names.count(n) > 1]
            raise CommandError(
                "names", f"{self._topic} names {len(names)} of {len(self._names)} joints; {odd[0]!r} is odd"
            )
        self._order = None if names == self._names else np.array([names.index(name) for name in self._names])
        self._known, self._from, self._begin = data[start:end], start, end


def _aligned(place: int, size: int) -> int:
    return place + (_HEAD - place) % size


def _names_start(data: bytes) -> int:
    """Where the first field after the header begins, if it is aligned to four bytes."""
    return _aligned(_HEAD + 12 + _U32.unpack_from(data, _HEAD + 8)[0], 4)


def _strings(data: bytes, place: int) -> tuple[list[str], int]:
    count, names = _U32.unpack_from(data, place)[0], []
    place += 4
    for _ in range(count):
        place = _aligned(place, 4)
        length = _U32.unpack_from(data, place)[0]
        names.append(data[place + 4 : place + 4 + length - 1].decode())
        place += 4 + length
    return names, place
