"""Camera messages to arrays and back, without going through Python lists."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ...core.camera_calibration import CameraCalibration
from ...core.errors import DeviceError
from ...core.values import Array, ImageArray
from .basics import floats, header, stamp_from_msg

_CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}


def image_to_msg(pixels: ImageArray, stamp: float, frame: str) -> Image:
    """(H, W, 3) uint8 RGB to an rgb8 message. The array is not copied: don't write to it before it is published."""
    height, width, channels = pixels.shape
    message = Image(
        header=header(stamp, frame), height=height, width=width, encoding="rgb8", is_bigendian=0, step=width * channels
    )
    message._data = np.ascontiguousarray(pixels).reshape(-1)
    return message


def image_from_msg(message: Image) -> tuple[ImageArray, float]:
    """Pixels (H, W, 3) uint8 RGB and capture time, s. rgb8 without padding is not copied.

    Raises: DeviceError for an encoding that is not 8 bit colour or grey, or a wrong number of bytes.
    """
    channels = _CHANNELS.get(message.encoding)
    if channels is None:
        raise DeviceError(f"image encoding {message.encoding!r} can't be read; allowed are {', '.join(_CHANNELS)}")
    data = np.frombuffer(message.data, dtype=np.uint8)
    row = message.width * channels
    if message.step < row or len(data) != message.step * message.height:
        raise DeviceError(
            f"image {message.width}x{message.height} {message.encoding} has step {message.step} and {len(data)} bytes"
        )
    pixels = data.reshape(message.height, message.step)[:, :row].reshape(message.height, message.width, channels)
    if channels == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    if message.encoding.startswith("bgr"):
        pixels = pixels[:, :, 2::-1]
    return pixels[:, :, :3], stamp_from_msg(message.header.stamp)


def compressed_to_msg(data: bytes | ImageArray, stamp: float, frame: str, kind: str = "jpeg") -> CompressedImage:
    """An encoded picture (bytes or a flat uint8 array)."""
    message = CompressedImage(header=header(stamp, frame), format=kind)
    message._data = np.frombuffer(data, dtype=np.uint8)
    return message


def compressed_from_msg(message: CompressedImage) -> tuple[ImageArray, float, str]:
    """Encoded bytes as a flat uint8 array, capture time (s) and format."""
    return np.frombuffer(message.data, dtype=np.uint8), stamp_from_msg(message.header.stamp), message.format


def camera_info_to_msg(
    stamp: float,
    frame: str,
    size: tuple[int, int],
    matrix: Array,
    distortion: Array | None = None,
    model: str = "plumb_bob",
) -> CameraInfo:
    """`size`: (width, height) pixels. `matrix`: (3, 3) intrinsics. `distortion`: (D,), none by default."""
    message = CameraInfo(header=header(stamp, frame), width=size[0], height=size[1], distortion_model=model)
    message.d = floats(np.zeros(5) if distortion is None else distortion)
    message.k = np.asarray(matrix, dtype=np.float64).reshape(9)
    message.r = np.eye(3).reshape(9)
    message.p = np.hstack((matrix, np.zeros((3, 1)))).reshape(12)
    return message


def calibration_to_msg(calibration: CameraCalibration, stamp: float, frame: str) -> CameraInfo:
    """A calibrated camera, rectification and projection included."""
    size = (calibration.width, calibration.height)
    message = camera_info_to_msg(stamp, frame, size, calibration.K, calibration.D, calibration.model)
    message.r, message.p = calibration.R.reshape(9), calibration.P.reshape(12)
    return message


def camera_info_from_msg(message: CameraInfo) -> tuple[tuple[int, int], Array, Array]:
    """(width, height) pixels, intrinsics (3, 3) and distortion (D,)."""
    return (message.width, message.height), np.array(message.k).reshape(3, 3), np.array(message.d, dtype=np.float64)


def pinhole_matrix(width: int, height: int, fovy_deg: float) -> Array:
    """Intrinsics (3, 3) of an ideal camera with this vertical field of view."""
    focal = 0.5 * height / np.tan(np.radians(fovy_deg) / 2.0)
    return np.array(((focal, 0.0, width / 2.0), (0.0, focal, height / 2.0), (0.0, 0.0, 1.0)))
