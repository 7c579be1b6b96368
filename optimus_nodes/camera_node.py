"""One real camera as ROS topics. Every robot camera is one such process.

Out: <camera>/image_raw (rgb8) and beside it /local and /compressed (each made only while somebody listens),
<camera>/camera_info, /diagnostics. Pictures are published from the reader's own thread, so that a camera
that hangs never holds up the node.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from optimus_nodes.core.camera_calibration import CameraCalibration, check_size
from optimus_nodes.core.camera_health import assess
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.drivers.camera import CameraReader
from optimus_nodes.drivers.camera_sources import load_calibration, make_source
from optimus_nodes.ros import convert, diagnostics, qos
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.pictures import PicturePublisher
from optimus_nodes.ros.runtime import run

LEVELS = {"ok": diagnostics.OK, "warn": diagnostics.WARN, "error": diagnostics.ERROR}


@dataclass(frozen=True)
class CameraParams:
    """Parameters of camera_node."""

    camera: str = field(default="head", metadata={"doc": "Name: topics <camera>/..., frame <camera>_optical_frame."})
    source: str = field(default="/dev/video0", metadata={"doc": "Device, rtsp:// or http:// stream, video or folder."})
    width: int = field(default=640, metadata={"doc": "Width of the pictures, pixels."})
    height: int = field(default=480, metadata={"doc": "Height of the pictures, pixels."})
    rate_hz: float = field(default=20.0, metadata={"doc": "Pictures a second, above 0 to 240."})
    calibration: str = field(default="", metadata={"doc": "ROS camera_calibration file; empty: not calibrated."})
    loop: bool = field(default=False, metadata={"doc": "Play a video file or folder again and again."})
    jpeg_quality: int = field(default=90, metadata={"doc": "Of image_raw/compressed, 1 to 100."})

    def __post_init__(self) -> None:
        if not self.camera.replace("_", "").isalnum():
            raise ConfigError(f"camera is {self.camera!r}; allowed are letters, digits and _")
        if not (1 <= self.width <= 16384 and 1 <= self.height <= 16384):
            raise ConfigError(f"width and height are {self.width} and {self.height}; allowed 1 to 16384 pixels")
        if not 0.0 < self.rate_hz <= 240.0:
            raise ConfigError(f"rate_hz is {self.rate_hz}; allowed above 0 to 240")
        if not 1 <= self.jpeg_quality <= 100:
            raise ConfigError(f"jpeg_quality is {self.jpeg_quality}; allowed 1 to 100")


class CameraNode(Node):
    """The shell around CameraReader."""

    def __init__(self) -> None:
        super().__init__("camera")
        self._params = p = declare(self, CameraParams)
        self._frame_id = f"{p.camera}_optical_frame"
        self._calibration: CameraCalibration | None = None
        if p.calibration:
            self._calibration = load_calibration(p.calibration)
            check_size(self._calibration, p.width, p.height, p.calibration, f"camera {p.camera}")
        self._pictures = PicturePublisher(self, p.camera, self._frame_id, p.jpeg_quality)
        self._info = self.create_publisher(CameraInfo, f"{p.camera}/camera_info", qos.IMAGE)
        self._counted, self._counted_at, self._said = 0, time.monotonic(), ""
        source = make_source(p.camera, p.source, p.width, p.height, p.rate_hz, p.loop)
        where = self._pictures.memory
        self._reader = CameraReader(p.camera, source, p.width, p.height, p.rate_hz, self._on_frame, self._now, where)
        self._reader.start()
        self._reporter = diagnostics.Reporter(self, self._health, "camera")

    def _now(self) -> float:
        return float(self.get_clock().now().nanoseconds * 1e-9)

    def _on_frame(self) -> None:
        """In the reader's thread: publish the newest picture."""
        frame = self._reader.take()
        if frame is None or not self.context.ok():
            return
        try:
            self._pictures.publish(frame.image, frame.stamp)
            self._info.publish(self._camera_info(frame.stamp))
        except Exception:
            if self.context.ok():
                raise  # otherwise the node is being shut down under our hands

    def _camera_info(self, stamp: float) -> CameraInfo:
        if self._calibration is not None:
            return convert.calibration_to_msg(self._calibration, stamp, self._frame_id)
        size = (self._params.width, self._params.height)
        return convert.camera_info_to_msg(stamp, self._frame_id, size, np.zeros((3, 3)))  # K = 0: not calibrated

    def _health(self) -> diagnostics.Health:
        health, now = self._reader.health(), time.monotonic()
        rate = (health.frames - self._counted) / max(now - self._counted_at, 1e-3)
        self._counted, self._counted_at = health.frames, now
        level, message = assess(health, rate, self._params.rate_hz)
        if level != "ok" and message != self._said:
            self.get_logger().warning(message, throttle_duration_sec=5.0)
        self._said = message
        values = {
            "source": health.source,
            "phase": health.phase,
            "rate_hz": round(rate, 2),
            "pictures": health.frames,
            "dropped": health.dropped,
            "missed": health.missed,
            "reconnects": health.reconnects,
            "last_error": health.error,
            "next_try_s": round(health.retry_s, 2),
        }
        return diagnostics.Health(LEVELS[level], message, values)

    def destroy_node(self) -> None:
        """End the reader first: it publishes through this node."""
        self._reader.stop()
        self._pictures.close()
        super().destroy_node()


def main() -> int:
    """Entry point of camera_node."""
    cv2.setNumThreads(1)
    return run(CameraNode)


if __name__ == "__main__":
    sys.exit(main())
