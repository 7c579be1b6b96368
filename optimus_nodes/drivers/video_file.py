"""Writes pictures into an H.264 .mp4 that every browser plays, with little CPU."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from ..core.errors import DeviceError
from ..core.values import ImageArray

_TICKS = 1000  # time stamps are in 1/1000 s
_CODECS = ("libx264", "libopenh264", "h264")


class VideoFile:
    """An .mp4 of pictures (H, W, 3) uint8 RGB of one size; H and W even. Use it in a `with` block.

    Pictures have their own times, so a slow or uneven source plays at the right speed. The file is
    fragmented: it can be played even when the process that writes it is killed.
    """

    def __init__(self, path: Path, width: int, height: int, rate: int = 12, quality: int = 26) -> None:
        codec = next((name for name in _CODECS if name in av.codecs_available), None)
        if codec is None:
            raise DeviceError("PyAV was built without an H.264 encoder; install the `av` wheel from PyPI")
        self._container = av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"})
        self._stream = self._container.add_stream(codec, rate=rate)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.time_base = Fraction(1, _TICKS)
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.gop_size = 4 * rate
        if codec == "libx264":
            self._stream.options = {"preset": "veryfast", "tune": "zerolatency", "crf": str(quality)}
        self._last = -1
        self.frames = 0

    def add(self, picture: ImageArray, time: float) -> None:
        """Append a picture shown from `time` s after the start on; one that is not later than the last is left out."""
        tick = round(time * _TICKS)
        if tick <= self._last:
            return
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = tick, Fraction(1, _TICKS)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self._last, self.frames = tick, self.frames + 1

    def close(self) -> None:
        """Finish the file."""
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
