"""Pictures of episodes by number, decoded once into a cache on the disk.

The cache is one file per camera and episode, pictures (F, H, W, 3) uint8 RGB as `.npy`:

    <cache>/<data set>-<hash of its path>/<key>@<H>x<W>/episode-000007-<hash of its source>.npy

The source's hash covers its path, size, time of change and place in the file, so that a changed video is decoded anew
and the old file goes. A file gets its name when it is whole: what a killed process left is made anew, nothing else.
Several processes may build at once and share the work.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import mmap
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path
from typing import IO

import numpy as np

from ..core.values import ImageArray
from .files import DatasetError, is_disk_full
from .pictures import Clip, ClipKey, Decoder, readable

Progress = Callable[[int, int], None]

RESERVE_BYTES = 256 << 20  # stays free on the disk
_WAYS_OUT = "name another place (cache=), smaller pictures (size=), fewer cameras= or episodes=, or on_demand=True"


def default_cache() -> Path:
    """$XDG_CACHE_HOME/optimus_humanoid/frames, or ~/.cache/optimus_humanoid/frames."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "optimus_humanoid" / "frames"


class PictureCache:
    """Pictures from files that hold them decoded.

    Args: root: the data set. cache: folder for all caches, default `default_cache()`.
        free: bytes that are free at a path.
    Raises: DatasetError when the cache would lie in the data set, or the disk has no room for it.
    """

    def __init__(
        self,
        root: Path,
        clips: Mapping[ClipKey, Clip],
        decoder: Decoder,
        cache: Path | None = None,
        progress: Progress = lambda done, total: None,
        free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        root, place = root.resolve(), (cache or default_cache()).expanduser().resolve()
        if place == root or root in place.parents:
            raise DatasetError(f"the cache {place} lies in the data set {root}; name a folder outside of it (cache=)")
        self.folder = place / f"{root.name}-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"
        self._clips, self._decoder = clips, decoder
        self._maps: dict[ClipKey, tuple[mmap.mmap, ImageArray]] = {}
        self._paths = {key: self._path(clip) for key, clip in clips.items()}
        missing = [clip for key, clip in clips.items() if not _is_whole(self._paths[key], self._bytes(clip))]
        if missing:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._require_room(missing, free)
            self._build(missing, progress)

    def picture(self, key: ClipKey, number: int) -> ImageArray:
        """Picture `number` of a clip, (H, W, 3), read-only."""
        picture: ImageArray = self._map(key)[1][number]
        return picture

    def expect(self, wanted: Iterable[tuple[ClipKey, int]]) -> None:
        """Let the disk read all these at once, as far as they are not in memory."""
        for key, number in wanted:
            memory, pictures = self._map(key)
            size = pictures[0].nbytes
            begin = len(memory) - pictures.nbytes + number * size
            start = begin - begin % mmap.PAGESIZE
            memory.madvise(mmap.MADV_WILLNEED, start, begin + size - start)

    @property
    def size(self) -> int:
        """Size of all files in use."""
        return sum(path.stat().st_size for path in self._paths.values())

    def _map(self, key: ClipKey) -> tuple[mmap.mmap, ImageArray]:
        if key not in self._maps:
            clip = self._clips[key]
            with self._paths[key].open("rb") as file:
                memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            shape = (clip.frames, *self._decoder.size_of(clip), 3)
            size = clip.frames * shape[1] * shape[2] * 3
            self._maps[key] = memory, np.frombuffer(memory, np.uint8, offset=len(memory) - size).reshape(shape)
        return self._maps[key]

    def _path(self, clip: Clip) -> Path:
        height, width = self._decoder.size_of(clip)
        with readable(clip.path):
            name = f"episode-{clip.episode:06d}-{clip.identity()}.npy"
        return self.folder / f"{clip.key}@{height}x{width}" / name

    def _bytes(self, clip: Clip) -> int:
        height, width = self._decoder.size_of(clip)
        return len(_header(clip.frames, height, width)) + clip.frames * height * width * 3

    def _require_room(self, missing: Sequence[Clip], free: Callable[[Path], int]) -> None:
        need, have = sum(self._bytes(clip) for clip in missing), free(self.folder)
        if need + RESERVE_BYTES > have:
            raise DatasetError(
                f"the decoded pictures need {need / 1e9:.2f} GB, {self.folder} has {have / 1e9:.2f} GB free "
                f"({RESERVE_BYTES / 1e9:.2f} GB of them stay free); {_WAYS_OUT}"
            )

    def _build(self, missing: Sequence[Clip], progress: Progress) -> None:
        done, total = 0, sum(clip.frames for clip in missing)
        progress(done, total)
        later: list[Clip] = []  # another process makes them just now
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                jobs = {pool.submit(self._make, clip, False): clip for clip in missing}
                for job in as_completed(jobs):
                    if job.result():
                        done += jobs[job].frames
                        progress(done, total)
                    else:
                        later.append(jobs[job])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for clip in later:
            self._make(clip, wait=True)
            done += clip.frames
            progress(done, total)

    def _make(self, clip: Clip, wait: bool) -> bool:
        """Decode a clip into its file, unless another process did; False when it does so now and `wait` is not set."""
        path = self._paths[(clip.key, clip.episode)]
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        try:
            while not _is_whole(path, self._bytes(clip)):
                with partial.open("ab") as file:
                    if not _lock(file, wait):
                        return False
                    if _is_still(file, partial):  # otherwise who held the lock has finished or given up
                        self._write(clip, file, partial)
                        partial.replace(path)
        except OSError as error:
            reason = "the disk is full" if is_disk_full(error) else error.strerror
            raise DatasetError(f"{path} can't be written: {reason}; {_WAYS_OUT}") from error
        for stale in path.parent.glob(f"episode-{clip.episode:06d}-*"):
            if stale != path:
                stale.unlink(missing_ok=True)
        return True

    def _write(self, clip: Clip, file: IO[bytes], partial: Path) -> None:
        try:
            file.truncate(0)
            file.write(_header(clip.frames, *self._decoder.size_of(clip)))
            for picture in self._decoder.clip(clip):
                file.write(np.ascontiguousarray(picture).data)
            file.flush()
            os.fdatasync(file.fileno())
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _header(frames: int, height: int, width: int) -> bytes:
    with closing(io.BytesIO()) as file:
        shape = {"descr": "|u1", "fortran_order": False, "shape": (frames, height, width, 3)}
        np.lib.format.write_array_header_1_0(file, shape)
        return file.getvalue()


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _lock(file: IO[bytes], wait: bool) -> bool:
    """Keep others from writing `file` until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
