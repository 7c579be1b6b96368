"""A camera's calibration as values, from the fields of a ROS `camera_calibration` file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .errors import ConfigError
from .values import Array

# How many numbers each model of sensor_msgs/distortion_models may have.
DISTORTION_MODELS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}


@dataclass(frozen=True, eq=False, slots=True)
class CameraCalibration:
    """Pinhole camera, REP 104 names: image `width` and `height` in pixels, `model` of the distortion,
    `D` (N,) its coefficients, `K` (3, 3) intrinsics in pixels, `R` (3, 3) rectification, `P` (3, 4) projection.
    """

    width: int
    height: int
    model: str
    D: Array
    K: Array
    R: Array
    P: Array


def parse_calibration(data: object, where: str) -> CameraCalibration:
    """Check the fields of a calibration file and turn them into values.

    Args: data: what the YAML file held. where: its name, for the errors.
    Raises: ConfigError naming the file and the field.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} holds {_short(data)}, not the fields of a camera calibration")
    width, height = _size(data, "image_width", where), _size(data, "image_height", where)
    model = data.get("distortion_model")
    if model not in DISTORTION_MODELS:
        raise ConfigError(f"{where}: distortion_model is {_short(model)}; allowed {', '.join(DISTORTION_MODELS)}")
    D = _matrix(data, "distortion_coefficients", None, where).reshape(-1)
    if len(D) not in DISTORTION_MODELS[model]:
        allowed = " or ".join(str(n) for n in DISTORTION_MODELS[model])
        raise ConfigError(f"{where}: distortion_coefficients has {len(D)} numbers; {model} needs {allowed}")
    K = _matrix(data, "camera_matrix", (3, 3), where)
    R = _matrix(data, "rectification_matrix", (3, 3), where)
    P = _matrix(data, "projection_matrix", (3, 4), where)
    _check_intrinsics(K, "camera_matrix", width, height, where)
    _check_intrinsics(P[:, :3], "projection_matrix", width, height, where)
    if not np.allclose(R @ R.T, np.eye(3), atol=1e-3):
        raise ConfigError(f"{where}: rectification_matrix is not a rotation")
    return CameraCalibration(width, height, model, D, K, R, P)


def check_size(calibration: CameraCalibration, width: int, height: int, where: str, wanted_by: str) -> None:
    """Raise ConfigError unless the calibration was made for images of `width` x `height` pixels."""
    if (calibration.width, calibration.height) != (width, height):
        raise ConfigError(
            f"{where} is for {calibration.width}x{calibration.height} pixels, but {wanted_by} is {width}x{height}; "
            "calibrate at that size or change width and height (config/camera.yaml)"
        )


def _size(data: Mapping[object, object], field: str, where: str) -> int:
    value = data.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 16384:
        raise ConfigError(f"{where}: {field} is {_short(value)}; allowed 1 to 16384 pixels")
    return value


def _matrix(data: Mapping[object, object], field: str, shape: tuple[int, int] | None, where: str) -> Array:
    """The matrix `field` {rows, cols, data}; `shape` None accepts one row of any length."""
    entry = data.get(field)
    if not isinstance(entry, Mapping) or not isinstance(entry.get("data"), list):
        raise ConfigError(f"{where}: {field} is {_short(entry)}; it needs rows, cols and data")
    rows, cols, numbers = entry.get("rows"), entry.get("cols"), entry["data"]
    wanted = shape or (1, len(numbers))
    if (rows, cols) != wanted or len(numbers) != wanted[0] * wanted[1]:
        raise ConfigError(
            f"{where}: {field} has rows {rows}, cols {cols} and {len(numbers)} numbers; it needs "
            f"{wanted[0]} x {wanted[1]}"
        )
    try:
        values = np.array(numbers, dtype=np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {field} holds something that is no number: {_short(numbers)}") from None
    if not np.isfinite(values).all():
        raise ConfigError(f"{where}: {field} holds a number that is not finite")
    return values.reshape(wanted)


def _check_intrinsics(K: Array, field: str, width: int, height: int, where: str) -> None:
    """Focal lengths above 0, the optical axis inside the image, last row 0 0 1."""
    if K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
        raise ConfigError(f"{where}: {field} has focal lengths {K[0, 0]:g} and {K[1, 1]:g}; both must be above 0")
    if not (0.0 <= K[0, 2] <= width and 0.0 <= K[1, 2] <= height):
        raise ConfigError(
            f"{where}: {field} puts the optical centre at ({K[0, 2]:g}, {K[1, 2]:g}), outside the "
            f"{width}x{height} image"
        )
    if not np.allclose(K[2], (0.0, 0.0, 1.0)):
        raise ConfigError(f"{where}: the last row of {field} must be 0 0 1")


def _short(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
