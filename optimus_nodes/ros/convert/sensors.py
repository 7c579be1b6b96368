"""IMU and touch: messages to core values and back."""

from __future__ import annotations

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


def tactile_to_msg(stamp: float, names: Sequence[str], force: Array, frame: str) -> TactileArray:
    """Forces (N,) N of one hand's pads."""
    message = TactileArray(header=header(stamp, frame), name=list(names))
    message._force = floats(force, "f")
    return message


def tactile_from_msg(message: TactileArray) -> tuple[float, tuple[str, ...], Array]:
    """Stamp, pad names and forces (N,) N. Raises CommandError when their numbers differ."""
    force = np.frombuffer(message.force, dtype=np.float32).astype(np.float64)
    if len(force) != len(message.name):
        raise CommandError("length", f"{len(message.name)} tactile pads are named but {len(force)} forces given")
    return stamp_from_msg(message.header.stamp), tuple(message.name), force
