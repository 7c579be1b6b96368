"""A camera of Gazebo as a source of pictures, `gz:<model>/<camera>`, over Gazebo's own transport."""

from __future__ import annotations

import queue

import cv2
import numpy as np

from ..core.errors import ConfigError, DeviceError
from ..core.gazebo_names import camera_topic, flavour
from ..core.values import ImageArray
from . import gz_messages
from .gz_transport import GzTransport

SCHEME = "gz:"
_PATIENCE = 3.0  # s without a picture
_RGB, _BGR = 3, 8  # gz.msgs.PixelFormatType


class GazeboSource:
    """Pictures of one camera; only the newest is kept."""

    live = True
    late = True  # Gazebo may start later

    def __init__(self, camera: str, source: str) -> None:
        """Raises: ConfigError when `source` names no camera of a model."""
        self.camera, self.name = camera, source
        model, slash, name = source.removeprefix(SCHEME).partition("/")
        if not (model and slash and name):
            raise ConfigError(f"camera {camera}: source {source!r} must look like gz:optimus/head, model and camera")
        self._topic, self._flavour = camera_topic(model, name), flavour()
        self._newest: queue.Queue[bytes] = queue.Queue(maxsize=1)
        self._link: GzTransport | None = None
        self._data = b""

    def open(self) -> None:
        """Listen to the camera, whether it is there yet or not."""
        self.close()
        link = GzTransport(package=self._flavour.package)
        link.subscribe(self._topic, "Image", self._on_picture)
        self._link = link

    def grab(self) -> bool:
        """Wait for the next picture."""
        try:
            self._data = self._newest.get(timeout=_PATIENCE)
        except queue.Empty:
            raise DeviceError(f"camera {self.camera}: no picture on Gazebo's topic {self._topic}") from None
        return True

    def retrieve(self) -> ImageArray:
        """The grabbed picture, (H, W, 3) BGR."""
        message = gz_messages.read("Image", self._data)
        if message.pixel_format_type not in (_RGB, _BGR):
            raise DeviceError(f"camera {self.camera}: {self.name} has pixels of another kind than RGB_INT8 or BGR_INT8")
        rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        image = rows[:, : 3 * message.width].reshape(message.height, message.width, 3)
        return cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if message.pixel_format_type == _RGB else image

    def close(self) -> None:
        """Leave Gazebo's network."""
        if self._link is not None:
            self._link.close()
        self._link = None

    def _on_picture(self, data: bytes) -> None:
        """In the transport's thread."""
        while True:
            try:
                self._newest.put_nowait(data)
                return
            except queue.Full:
                try:
                    self._newest.get_nowait()
                except queue.Empty:
                    pass
