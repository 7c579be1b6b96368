"""Pictures of an episode by their number: found in its videos, and decoded when they are asked for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.values import ImageArray
from .files import DatasetError

ClipKey = tuple[str, int]  # key of the feature, number of the episode

TOLERANCE_S = 1e-4  # how far a picture may be from its row, as in LeRobot
_CONVERSION = 1  # changes when the same video would give other pixels
_OPEN_VIDEOS = 16


@dataclass(frozen=True, slots=True)
class Clip:
    """The pictures of one camera in one episode.

    Args: begin: where in the video `path` it starts, s; None when the table `path` holds the pictures themselves.
        stamps: (F,) s, when each picture is, from `begin` on. height, width: px, in the source.
        stored: the pictures as PNG or JPEG, asked for when `begin` is None.
    """

    key: str
    episode: int
    path: Path
    begin: float | None
    stamps: NDArray[np.float32]
    fps: float
    height: int
    width: int
    stored: Callable[[], Sequence[bytes]] | None = None

    @property
    def frames(self) -> int:
        return len(self.stamps)

    def identity(self) -> str:
        """Changes whenever other pictures may come out."""
        found = self.path.stat()
        place = [str(self.path.resolve()), found.st_size, found.st_mtime_ns, self.begin, self.frames, self.fps]
        return hashlib.sha256(json.dumps([_CONVERSION, self.key, self.episode, *place]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Decoder:
    """How pictures are made. `size`: (H, W) px to shrink them to, None keeps theirs. `tolerance`: s."""

    size: tuple[int, int] | None = None
    tolerance: float = TOLERANCE_S

    def size_of(self, clip: Clip) -> tuple[int, int]:
        return self.size or (clip.height, clip.width)

    def clip(self, clip: Clip) -> Iterator[ImageArray]:
        """All pictures, in order. Raises DatasetError when they do not all come."""
        expected = 0
        with readable(clip.path):
            if clip.begin is None:
                for picture in _stored(clip):
                    expected += 1
                    yield self.sized(clip, picture)
            else:
                with av.open(str(clip.path)) as container:
                    container.streams.video[0].codec_context.thread_count = 1  # clips are decoded side by side
                    for number, frame in self.frames(clip, container, 0):
                        if number != expected:
                            break
                        expected += 1
                        yield self.sized(clip, _rgb(frame))
        if expected != clip.frames:
            raise DatasetError(
                f"{clip.path} gave {expected} of the {clip.frames} pictures of episode {clip.episode}; "
                "restore it from a copy, and run `optimus dataset check`"
            )

    def frames(
        self, clip: Clip, container: av.container.InputContainer, first: int
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """(number in the episode, frame) from the last key frame before picture `first` on."""
        stream = container.streams.video[0]
        begin = float(clip.begin or 0.0)
        wanted = begin + clip.stamps.astype(np.float64)
        container.seek(round(wanted[first] / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            number = round((frame.time - begin) * clip.fps)
            if number >= clip.frames:
                return
            if number >= 0:
                if (off := abs(frame.time - wanted[number])) >= self.tolerance:
                    raise DatasetError(
                        f"{clip.path}: picture {number} of episode {clip.episode} is {off:.6f} s from its row "
                        f"(timestamp), allowed are {self.tolerance:g} s (tolerance); "
                        "timestamps must be frame_index / fps"
                    )
                yield number, frame

    def sized(self, clip: Clip, picture: ImageArray) -> ImageArray:
        """The picture as it is given out. Raises DatasetError when it is not of the size that info.json promises."""
        if picture.shape != (clip.height, clip.width, 3):
            raise DatasetError(
                f"{clip.path} holds pictures of shape {picture.shape}, meta/info.json says "
                f"({clip.height}, {clip.width}, 3) for {clip.key}"
            )
        if self.size is None or self.size == picture.shape[:2]:
            return picture
        return np.asarray(cv2.resize(picture, self.size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


class PicturesOnDemand:
    """Pictures decoded when they are asked for; those of a batch that one pass can give are kept, up to `budget` bytes.

    Several threads may ask at once: each reads in videos of its own.
    """

    def __init__(self, clips: Mapping[ClipKey, Clip], decoder: Decoder, budget: int = 256 << 20) -> None:
        self._clips, self._decoder, self.budget = clips, decoder, budget
        self._kept: OrderedDict[tuple[ClipKey, int], ImageArray] = OrderedDict()
        self._expected: frozenset[tuple[ClipKey, int]] = frozenset()
        self._idle: OrderedDict[tuple[Path, int], av.container.InputContainer] = (
            OrderedDict()
        )  # videos nobody reads now
        self._bytes, self._opened, self._lock = 0, 0, threading.Lock()

    def picture(self, key: ClipKey, number: int) -> ImageArray:
        """Picture `number` of a clip, (H, W, 3)."""
        with self._lock:
            found = self._kept.get((key, number))
            if found is not None:
                self._kept.move_to_end((key, number))
                return found
        return self._decode(self._clips[key], key, number)

    def expect(self, wanted: Iterable[tuple[ClipKey, int]]) -> None:
        """Say which pictures will be asked for next."""
        self._expected = frozenset(wanted)

    def _decode(self, clip: Clip, key: ClipKey, number: int) -> ImageArray:
        found: ImageArray | None = None
        with readable(clip.path):
            for at, picture in self._from(clip, key, number):
                found = picture if at == number else found
                self._keep((key, at), picture)
        if found is None:
            raise DatasetError(
                f"{clip.path} gave no picture {number} of episode {clip.episode}, which has {clip.frames}; "
                "restore it from a copy, and run `optimus dataset check`"
            )
        return found

    def _from(self, clip: Clip, key: ClipKey, number: int) -> Iterator[tuple[int, ImageArray]]:
        """Picture `number`, and those expected that lie on the way to it or right behind it."""
        if clip.begin is None:
            yield from ((at, self._decoder.sized(clip, one)) for at, one in enumerate(_stored(clip)))
            return
        expected = self._expected
        with self._video(clip.path) as container:
            for at, frame in self._decoder.frames(clip, container, number):
                if at == number or (key, at) in expected:
                    yield at, self._decoder.sized(clip, _rgb(frame))
                if at >= number and (key, at + 1) not in expected:
                    return

    @contextmanager
    def _video(self, path: Path) -> Iterator[av.container.InputContainer]:
        with self._lock:
            place = next((one for one in reversed(self._idle) if one[0] == path), None)
            container = None if place is None else self._idle.pop(place)
        if container is None:
            container = av.open(str(path))
            container.streams.video[0].codec_context.thread_count = 1
        yield container  # not kept after an error
        with self._lock:
            self._opened += 1
            self._idle[(path, self._opened)] = container
            if len(self._idle) > _OPEN_VIDEOS:
                self._idle.popitem(last=False)[1].close()

    def _keep(self, place: tuple[ClipKey, int], picture: ImageArray) -> None:
        with self._lock:
            if place not in self._kept:
                self._kept[place] = picture
                self._bytes += picture.nbytes
            while self._bytes > self.budget:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes


def _rgb(frame: av.VideoFrame) -> ImageArray:
    return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _stored(clip: Clip) -> Iterator[ImageArray]:
    for content in clip.stored() if clip.stored else ():
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("a picture in the table is neither PNG nor JPEG")
        yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What a damaged or missing source raises as one DatasetError that names it."""
    try:
        yield
    except (av.FFmpegError, IndexError, ValueError, FileNotFoundError) as error:
        raise DatasetError(
            f"{path} can't be read ({type(error).__name__}: {error}); restore it from a copy, "
            "and run `optimus dataset check`"
        ) from error
