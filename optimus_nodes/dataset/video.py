"""Pictures to H.264 and into MP4 files that a crash can't spoil.

Every picture gives one packet at once (no B-frames, no look-ahead), so what was encoded is what can be saved. While an
episode runs its MP4 is a row of fragments (ISO/IEC 14496-12, 8.8), each readable without what follows; closing it turns
it into an ordinary MP4 with one index. A file that was cut short is cut back to its last whole fragment.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from ..core.errors import ConfigError
from ..core.values import ImageArray
from .files import DatasetError

FRAGMENT_S = 0.25  # what a fragment holds: as much as a killed recorder can lose
# Chroma gets a finer quantiser than x264 gives it: half its samples are gone already, and RGB shows its errors most.
_X264 = "scenecut=0:chroma-qp-offset=-4"
_ULTRAFAST = ":partitions=p8x8,i4x4"  # a tenth less bytes for a twentieth more time
_LIMITED = 112.0 / 127.5  # chroma of BT.601 video over that of JPEG
_HEAD = 256  # bytes of a file in which its first fragment begins
_FRAGMENTED = {
    "movflags": "hybrid_fragmented",
    "frag_duration": str(int(FRAGMENT_S * 1e6)),
    "flush_packets": "1",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pictures are compressed. `crf`: x264's quality, lower is better and larger. `gop`: frames per key frame."""

    preset: str = "ultrafast"
    crf: int = 24
    gop: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51 or not 1 <= self.gop <= 600:
            raise ConfigError(f"crf {self.crf} must be 0 to 51 and gop {self.gop} 1 to 600 (config/recorder.yaml)")


@dataclass(frozen=True, slots=True)
class Packet:
    """One compressed picture: H.264 Annex B, with its parameter sets when it is a key frame."""

    data: bytes
    key: bool


class _Planes:
    """RGB to YUV 4:2:0 (BT.601, limited range) in buffers that are used again; a quarter of the time FFmpeg takes.

    OpenCV's own conversion takes the colour of one pixel of four, which costs 2 dB; here it is the mean of the four.
    """

    def __init__(self, width: int, height: int) -> None:
        cv2.setNumThreads(1)  # on pictures of this size its helpers burn more time than they save
        self._yuv = np.empty((height * 3 // 2, width), np.uint8)
        half = (height // 2, width // 2)
        self._small, self._ycc = np.empty((*half, 3), np.uint8), np.empty((*half, 3), np.uint8)
        self._plane = np.empty(half, np.uint8)
        chroma = self._yuv[height:].reshape(2, *half)
        self._u, self._v = chroma[0], chroma[1]

    def fill(self, pixels: ImageArray) -> NDArray[np.uint8]:
        """The planes (3 H / 2, W), valid until the next call."""
        cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420, self._yuv)
        height, width = self._plane.shape
        cv2.resize(pixels, (width, height), self._small, interpolation=cv2.INTER_AREA)
        cv2.cvtColor(self._small, cv2.COLOR_RGB2YCrCb, self._ycc)
        for channel, target in ((2, self._u), (1, self._v)):
            cv2.extractChannel(self._ycc, channel, self._plane)
            cv2.convertScaleAbs(self._plane, target, _LIMITED, 128.0 * (1.0 - _LIMITED))
        return self._yuv


class Encoder:
    """Pictures (H, W, 3) uint8 RGB to packets, one each."""

    def __init__(self, width: int, height: int, fps: int, encoding: Encoding | None = None) -> None:
        settings = encoding or Encoding()
        self._context = av.CodecContext.create("libx264", "w")
        self._context.width, self._context.height, self._context.pix_fmt = width, height, "yuv420p"
        self._context.time_base, self._context.framerate = Fraction(1, fps), Fraction(fps)
        self._context.thread_count, self._context.gop_size = 1, settings.gop
        self._context.options = {
            "preset": settings.preset,
            "tune": "zerolatency",
            "crf": str(settings.crf),
            "x264-params": _X264 + _ULTRAFAST * (settings.preset == "ultrafast"),
        }
        self._planes = _Planes(width, height) if width % 4 == 0 and height % 4 == 0 else None
        self._count = 0

    def encode(self, pixels: ImageArray, key: bool = False) -> Packet:
        """`key`: make it a picture that can be decoded without those before it."""
        if self._planes is not None:
            frame = av.VideoFrame.from_numpy_buffer(self._planes.fill(pixels), format="yuv420p")  # x264 copies it
        else:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = self._count, self._context.time_base
        if key:
            frame.pict_type = PictureType.I
        self._count += 1
        (packet,) = self._context.encode(frame)
        return Packet(bytes(packet), packet.is_keyframe)


class Mp4File:
    """Takes packets of one camera, the first of them a key frame; frame k is shown at k / fps."""

    def __init__(self, path: Path, fps: int) -> None:
        self.path, self._fps, self.frames = path, fps, 0
        self._container = av.open(str(path), "w", format="mp4", options=_FRAGMENTED)
        self._stream: av.VideoStream | None = None

    def add(self, packet: Packet) -> None:
        """Raises OSError when the disk is full."""
        if self._stream is None:
            if not packet.key:
                raise ValueError("the first packet of a video must be a key frame")
            with av.open(io.BytesIO(packet.data), format="h264") as template:  # its parameter sets describe the stream
                self._stream = self._container.add_stream_from_template(template.streams.video[0])
            self._stream.time_base = Fraction(1, self._fps)
        with _disk_errors(self.path):
            _mux(self._container, self._stream, packet.data, packet.key, self.frames, self._fps)
        self.frames += 1

    def close(self) -> None:
        """Turn the fragments into an ordinary MP4. Raises OSError when the disk is full."""
        with _disk_errors(self.path):
            self._container.close()


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """FFmpeg's errors as what they are: the disk's."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, f"{error.strerror}: {path}") from error


def frames_in(path: Path) -> int:
    """How many pictures the index of an MP4 holds. Raises DatasetError when it can't be read."""
    try:
        with av.open(str(path)) as container:
            return int(container.streams.video[0].frames)
    except (av.FFmpegError, IndexError, OSError) as error:
        raise DatasetError(f"{path} is no readable video: {error}; run `optimus dataset check`") from error


def decodable_frames(path: Path) -> int:
    """How many pictures can really be decoded. Raises DatasetError when it can't be read."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError, OSError) as error:
        raise DatasetError(f"{path} is no readable video: {error}; run `optimus dataset check`") from error


def rescue(path: Path, fps: int) -> int:
    """Cut a file that was cut short back to its last whole fragment; returns how many pictures are left."""
    _reopen(path)
    end = _whole_part(path)
    if end < path.stat().st_size:
        os.truncate(path, end)
    try:
        with av.open(str(path)) as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)
    except (av.FFmpegError, IndexError):
        return 0


def copy_frames(source: Path, target: Path, frames: int, fps: int) -> None:
    """The first `frames` pictures of `source` as an ordinary MP4, without encoding them anew."""
    with av.open(str(source)) as old, av.open(str(target), "w", format="mp4") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        number = 0
        for packet in old.demux(video=0):
            if packet.size and number < frames:
                _mux(new, stream, bytes(packet), packet.is_keyframe, number, fps)
                number += 1


def _mux(container, stream, data: bytes, key: bool, number: int, fps: int) -> None:  # type: ignore[no-untyped-def]
    packet = av.Packet(data)
    packet.stream, packet.time_base = stream, Fraction(1, fps)
    packet.pts = packet.dts = number
    packet.duration, packet.is_keyframe = 1, key
    container.mux(packet)


def _reopen(path: Path) -> None:
    """Take the last step of closing back when what it relies on was lost.

    A running file begins with its type, two boxes `free`, the second of which holds the type again, and the first
    fragment. Closing appends the index and then makes the two the head of one `mdat` that spans all fragments; a power
    failure may keep the head and lose the index.
    """
    with path.open("r+b") as file:
        head, size = file.read(_HEAD), path.stat().st_size
        start = int.from_bytes(head[:4], "big")
        first = start + 16 + start
        if head[start + 16 : first] != head[:start] or head[first + 4 : first + 8] != b"moov":
            return
        if head[start + 12 : start + 16] == b"mdat":
            end = start + 8 + int.from_bytes(head[start + 8 : start + 12], "big")
        elif head[start : start + 8] == b"\0\0\0\1mdat":  # more than 4 GB
            end = start + int.from_bytes(head[start + 8 : start + 16], "big")
        else:
            return
        file.seek(end)
        index = file.read(8)
        if index[4:] != b"moov" or end + int.from_bytes(index[:4], "big") > size:
            file.seek(start)
            file.write(b"\0\0\0\x08free" + (start + 8).to_bytes(4, "big") + b"free")


def _whole_part(path: Path) -> int:
    """Bytes up to the end of the last box pair moof + mdat (or of an ordinary file's last box) that is all there."""
    size, place, whole = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while place + 8 <= size:
            file.seek(place)
            head = file.read(16)
            length, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1 and len(head) == 16:
                length = int.from_bytes(head[8:16], "big")
            if length < 8 or place + length > size:
                break
            place += length
            if kind != b"moof":
                whole = place
    return whole
