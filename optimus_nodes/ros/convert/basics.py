"""Time stamps and number arrays, the parts every message has.

Everything in this package is on hot paths: arrays are read through the buffer protocol without a copy and
written with one memcpy (assigning an ndarray to a message field would iterate over it in Python).
"""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from ...core.values import Array

_NS = 1_000_000_000


def stamp_to_msg(seconds: float) -> Time:
    """Seconds to a ROS time, rounded to the nanosecond."""
    sec, nanosec = divmod(round(seconds * _NS), _NS)
    return Time(sec=sec, nanosec=nanosec)


def stamp_from_msg(stamp: Time) -> float:
    """ROS time to seconds."""
    return float((stamp.sec * _NS + stamp.nanosec) / _NS)


def header(seconds: float, frame: str = "") -> Header:
    """A header with this stamp (s) and frame."""
    return Header(stamp=stamp_to_msg(seconds), frame_id=frame)


def floats(values: Array, code: str = "d") -> array.array[float]:
    """An ndarray as what message fields take at memcpy speed: code "d" for float64[], "f" for float32[]."""
    return array.array(code, np.ascontiguousarray(values, dtype=code).tobytes())


def lease_from_msg(message: Header) -> int:
    """The number of a frame_id such as "lease:17"; 0 for any other frame."""
    word, _, number = message.frame_id.partition(":")
    return int(number) if word == "lease" and number.isdecimal() else 0


def lease_to_frame(lease: int) -> str:
    """The frame_id of commands that carry it; "" for 0."""
    return f"lease:{lease}" if lease else ""
