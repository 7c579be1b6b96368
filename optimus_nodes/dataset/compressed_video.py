"""H.264 pictures as foxglove_msgs/msg/CompressedVideo, in the bytes that ROS 2 puts on the wire."""

from __future__ import annotations

import struct
from collections.abc import Iterator

NAME = "foxglove_msgs/msg/CompressedVideo"
_RULER = "=" * 80
SCHEMA = f"""# One picture of a video without B-frames. Every key frame carries its parameter sets.
builtin_interfaces/Time timestamp
# Frame the camera looks from: its optical centre, z forwards, x right, y down
string frame_id
# Annex B; decoding can start at any key frame
uint8[] data
string format
{_RULER}
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""

_START = b"\0\0\0\1"
_SPS, _PPS = 7, 8
_NS = 1_000_000_000


def video_message(stamp_ns: int, frame_id: str, data: bytes, kind: str = "h264") -> bytes:
    """The CDR bytes of one picture: `data` in Annex B (see `annex_b`), captured at `stamp_ns` in `frame_id`."""
    seconds, nanoseconds = divmod(stamp_ns, _NS)
    parts = [struct.pack("<4siI", b"\0\1\0\0", seconds, nanoseconds), _string(frame_id)]
    parts += [_padding(parts), struct.pack("<I", len(data)), data]
    parts += [_padding(parts), _string(kind)]
    return b"".join(parts)


def annex_b(packet: bytes, extradata: bytes = b"", key_frame: bool = False) -> bytes:
    """An encoder's packet with start codes, and with the parameter sets in `extradata` when it is a key frame without.

    Takes Annex B and what stands in an .mp4 (lengths of 4 bytes, avcC as extradata).
    """
    if not packet.startswith((_START, _START[1:])):
        packet = b"".join(_START + unit for unit in _by_length(packet, 0, len(packet), "I"))
    if key_frame and not {_SPS, _PPS} <= {unit[0] & 31 for unit in _units(packet) if unit}:
        packet = _parameter_sets(extradata) + packet
    return packet


def _parameter_sets(extradata: bytes) -> bytes:
    if extradata[:1] != b"\1":  # not avcC: Annex B already
        return extradata
    place, sets = 5, b""
    for mask in (31, 255):  # number of SPS in five bits, of PPS in eight
        count, place = extradata[place] & mask, place + 1
        for _ in range(count):
            (size,) = struct.unpack_from(">H", extradata, place)
            sets += _START + extradata[place + 2 : place + 2 + size]
            place += 2 + size
    return sets


def _by_length(data: bytes, place: int, end: int, code: str) -> Iterator[bytes]:
    width = struct.calcsize(code)
    while place + width <= end:
        (size,) = struct.unpack_from(f">{code}", data, place)
        yield data[place + width : place + width + size]
        place += width + size


def _units(data: bytes) -> list[bytes]:
    """The first units of Annex B data; parameter sets come before the picture, so four are enough."""
    return data.split(_START[1:], 4)[1:]


def _string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<I", len(data)) + data


def _padding(parts: list[bytes]) -> bytes:
    """Zeros up to the next multiple of 4, counted from behind the encapsulation header of 4 bytes."""
    return bytes(-sum(map(len, parts)) % 4)
