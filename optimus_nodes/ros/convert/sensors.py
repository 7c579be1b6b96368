"""IMU and touch: messages to core values and back."""

from __future__ import annotations

import array
from collections.abc import Sequence

import numpy as np
from optimus_humanoid.msg import TactileArray
from sensor_msgs.msg import Imu

from ...core.errors import CommandError
from ...core.values import Array, ImuReading
from .basics import floats, header, stamp_from_msg


def imu_to_msg(reading: ImuReading, frame: str) -> Imu:
    """An IMU reading; covariances unknown (zero)."""
    message = Imu(header=header(reading.stamp, frame))
    q, rate, acceleration = message.orientation, message.angular_velocity, message.linear_acceleration
    q.w, q.x, q.y, q.z = (float(v) for v in reading.orientation)
    rate.x, rate.y, rate.z = (float(v) for v in reading.angular_velocity)
    acceleration.x, acceleration.y, acceleration.z = (float(v) for v in reading.linear_acceleration)
    return message


def imu_from_msg(message: Imu) -> ImuReading:
    """An IMU reading."""
    q, rate, acceleration = message.orientation, message.angular_velocity, message.linear_acceleration
    return ImuReading(
        stamp_from_msg(message.header.stamp),
        np.array((q.w, q.x, q.y, q.z)),
        np.array((rate.x, rate.y, rate.z)),
        np.array((acceleration.x, acceleration.y, acceleration.z)),
    )


def tactile_to_msg(
    stamp: float, names: Sequence[str], force: Array, frame: str, shear: Array | None = None
) -> TactileArray:
    """Normal forces (N,) N of one hand's pads, and those along them when they feel these."""
    message = TactileArray(header=header(stamp, frame), name=list(names))
    message._force = floats(force, "f")
    if shear is not None:
        message._shear = floats(shear, "f")
    return message


def tactile_from_msg(message: TactileArray) -> tuple[float, tuple[str, ...], Array]:
    """Stamp, pad names and normal forces (N,) N. Raises CommandError when their numbers differ."""
    return stamp_from_msg(message.header.stamp), tuple(message.name), _pads(message, message.force, "forces")


def shear_from_msg(message: TactileArray) -> Array | None:
    """Forces along the pads (N,) N, None when they don't feel these. Raises CommandError when their number is wrong."""
    return _pads(message, message.shear, "shear forces") if len(message.shear) else None


def _pads(message: TactileArray, values: array.array[float], what: str) -> Array:
    found = np.frombuffer(values, dtype=np.float32).astype(np.float64)
    if len(found) != len(message.name):
        raise CommandError("length", f"{len(message.name)} tactile pads are named but {len(found)} {what} given")
    return found
