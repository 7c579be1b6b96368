"""Where pictures come from: V4L2 device, network stream, video file, folder of pictures (OpenCV), or Gazebo.

A source is used by one thread. `open` may block for seconds; errors are DeviceError and name the source.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import yaml

from ..core.camera_calibration import CameraCalibration, parse_calibration
from ..core.errors import ConfigError, DeviceError
from ..core.values import ImageArray
from .gazebo_camera import SCHEME, GazeboSource

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
STREAMS = ("rtsp", "rtsps", "http", "https")
OPEN_TIMEOUT_MS = 5000
READ_TIMEOUT_MS = 3000


class Source(Protocol):
    """A place pictures come from. `name` is how to call it to a person, without passwords.

    `live`: it has a rate of its own, so surplus pictures are skipped; otherwise the reader sets the pace.
    `late`: it may still be missing at start-up (a network peer that is slower to start).
    """

    name: str
    live: bool
    late: bool

    def open(self) -> None: ...

    def grab(self) -> bool:
        """Wait for the next picture without decoding it. False: the source has ended for good."""
        ...

    def retrieve(self) -> ImageArray:
        """The grabbed picture, (H, W, 3) BGR; valid until the next call."""
        ...

    def close(self) -> None: ...


def make_source(camera: str, source: str, width: int, height: int, rate_hz: float, loop: bool) -> Source:
    """The source that `source` names. Raises ConfigError when it names nothing that could be one."""
    if re.fullmatch(r"\d+", source) or source.startswith("/dev/"):
        return DeviceSource(camera, f"/dev/video{source}" if source.isdigit() else source, width, height, rate_hz)
    if source.startswith(SCHEME):
        return GazeboSource(camera, source)
    scheme, mark, _ = source.partition("://")
    if mark and scheme.lower() in STREAMS:
        return StreamSource(camera, source)
    path = Path(source).expanduser()
    if source and not mark and path.is_dir():
        return FolderSource(camera, path, loop)
    if source and not mark and path.is_file():
        return FileSource(camera, path, loop)
    raise ConfigError(
        f"camera {camera}: source {without_password(source)!r} is no file, folder, device or stream; allowed a number "
        f"or /dev/videoN, {', '.join(f'{s}://' for s in STREAMS)}, a video file, a folder of pictures, "
        "gz:<model>/<camera> (config/camera.yaml)"
    )


def load_calibration(path: str) -> CameraCalibration:
    """Read a ROS camera_calibration YAML file. Raises ConfigError naming file and field."""
    try:
        data = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"calibration {path} cannot be read: {error.strerror} (config/camera.yaml)") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"calibration {path} is no YAML: {' '.join(str(error).split())}") from error
    return parse_calibration(data, str(path))


def without_password(source: str) -> str:
    """The address without user and password, for logs and diagnostics."""
    return re.sub(r"://[^/@]*@", "://***@", source)


class _Capture:
    """What the three kinds of cv2.VideoCapture share."""

    live = True
    late = False

    def __init__(self, camera: str, name: str) -> None:
        self.camera, self.name = camera, name
        self._capture: cv2.VideoCapture | None = None
        self._bgr: ImageArray | None = None

    def _opened(self, capture: cv2.VideoCapture, why_not: str) -> None:
        if not capture.isOpened():
            capture.release()
            raise DeviceError(f"camera {self.camera}: {self.name} {why_not}")
        self._capture = capture

    def grab(self) -> bool:
        assert self._capture is not None
        if not self._capture.grab():
            raise DeviceError(f"camera {self.camera}: {self.name} stopped sending pictures")
        return True

    def retrieve(self) -> ImageArray:
        assert self._capture is not None
        done, image = self._capture.retrieve(self._bgr)
        if not done or image is None:
            raise DeviceError(f"camera {self.camera}: {self.name} sent a picture that cannot be decoded")
        self._bgr = as_bgr(image)
        return self._bgr

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class DeviceSource(_Capture):
    """A V4L2 camera, asked for the wanted size and rate."""

    def __init__(self, camera: str, device: str, width: int, height: int, rate_hz: float) -> None:
        super().__init__(camera, device)
        self._wanted = (width, height, rate_hz)

    def open(self) -> None:
        if not os.path.exists(self.name):
            present = sorted(str(path) for path in Path("/dev").glob("video*")) or ["none"]
            raise DeviceError(
                f"camera {self.camera}: there is no {self.name}; cameras on this machine: {', '.join(present)} "
                "(source in config/camera.yaml)"
            )
        if not os.access(self.name, os.R_OK | os.W_OK):
            raise DeviceError(f"camera {self.camera}: no permission for {self.name}; try: sudo usermod -aG video $USER")
        capture = cv2.VideoCapture(self.name, cv2.CAP_V4L2)
        self._opened(capture, "is no camera, or another program uses it")
        width, height, rate = self._wanted
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, width),
            (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, rate),
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        ):
            capture.set(key, value)


class StreamSource(_Capture):
    """An RTSP or HTTP stream."""

    late = True

    def __init__(self, camera: str, url: str) -> None:
        super().__init__(camera, without_password(url))
        self._url = url

    def open(self) -> None:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
        self._opened(cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, limits), "does not answer, or sends no video")


class FileSource(_Capture):
    """A video file, from its beginning; again and again with `loop`."""

    live = False

    def __init__(self, camera: str, path: Path, loop: bool) -> None:
        super().__init__(camera, str(path))
        self._loop = loop

    def open(self) -> None:
        self._opened(cv2.VideoCapture(self.name, cv2.CAP_FFMPEG), "is no video file that OpenCV can read")
        self._any = False

    def grab(self) -> bool:
        assert self._capture is not None
        if not self._capture.grab():
            if not self._any:
                raise DeviceError(f"camera {self.camera}: {self.name} holds no picture that can be read")
            if not self._loop:
                return False
            self.close()
            self.open()
            return self.grab()
        self._any = True
        return True


class FolderSource:
    """The pictures of a folder in the order of their names; again and again with `loop`."""

    live = False
    late = False

    def __init__(self, camera: str, path: Path, loop: bool) -> None:
        self.camera, self.name, self._path, self._loop = camera, str(path), path, loop
        self._files: list[Path] = []
        self._next = 0

    def open(self) -> None:
        self._files = sorted(file for file in self._path.iterdir() if file.suffix.lower() in PICTURES)
        self._next = 0
        if not self._files:
            raise DeviceError(f"camera {self.camera}: {self.name} holds no pictures ({', '.join(PICTURES)})")

    def grab(self) -> bool:
        if self._next == len(self._files):
            if not self._loop:
                return False
            self._next = 0
        self._next += 1
        return True

    def retrieve(self) -> ImageArray:
        file = self._files[self._next - 1]
        image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if image is None:
            raise DeviceError(f"camera {self.camera}: {file} is no picture that OpenCV can read")
        return as_bgr(image)

    def close(self) -> None:
        self._files = []


def as_bgr(image: np.ndarray) -> ImageArray:
    """A decoded picture as (H, W, 3) uint8 BGR, grey ones included."""
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    return image
