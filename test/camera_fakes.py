"""Pictures, videos and streams for the camera tests, made on the spot. A grey level says which picture it is."""

from __future__ import annotations

import http.server
import threading
import time
from pathlib import Path

import cv2
import numpy as np

CALIBRATION = """\
image_width: {width}
image_height: {height}
camera_name: head
camera_matrix: {{rows: 3, cols: 3, data: [150.0, 0, 80.0, 0, 150.0, 60.0, 0, 0, 1]}}
distortion_model: plumb_bob
distortion_coefficients: {{rows: 1, cols: 5, data: [0.1, 0, 0, 0, 0]}}
rectification_matrix: {{rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
projection_matrix: {{rows: 3, cols: 4, data: [150.0, 0, 80.0, 0, 0, 150.0, 60.0, 0, 0, 0, 1, 0]}}
"""


def picture(k: int, width: int = 160, height: int = 120) -> np.ndarray:
    """Picture `k`, (H, W, 3) BGR: grey level 20 k, with a red (RGB) left edge."""
    image = np.full((height, width, 3), (20 * k) % 256, np.uint8)
    image[:, : width // 4] = (0, 0, 255)
    return image


def write_video(path: Path, frames: int, width: int = 160, height: int = 120) -> Path:
    """A real encoded video of pictures 0, 1, ..."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 20.0, (width, height))
    assert writer.isOpened()
    for k in range(frames):
        writer.write(picture(k, width, height))
    writer.release()
    return path


def write_pictures(folder: Path, frames: int, width: int = 160, height: int = 120) -> Path:
    folder.mkdir(exist_ok=True)
    for k in range(frames):
        assert cv2.imwrite(str(folder / f"{k:03d}.png"), picture(k, width, height))
    return folder


class MjpegServer:
    """An HTTP camera on loopback. `drop()` cuts every connection and goes away, `come_back()` returns."""

    def __init__(self, rate_hz: float = 30.0) -> None:
        self._rate, self.port, self.connections = rate_hz, 0, 0
        self.come_back()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video"

    def come_back(self) -> None:
        server = self
        gone = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                server.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                k = 0
                while not gone.is_set():
                    jpeg = cv2.imencode(".jpg", picture(k := k + 1))[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return
                    time.sleep(1.0 / server._rate)

        http.server.ThreadingHTTPServer.daemon_threads = True
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port, self._gone = self._http.server_port, gone
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def drop(self) -> None:
        self._gone.set()
        self._http.shutdown()
        self._http.server_close()
