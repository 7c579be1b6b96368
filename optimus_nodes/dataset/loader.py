"""Frames of a data set in any order, as training needs them: what LeRobotDataset gives, without its waiting.

    loader = Loader(root, delta_timestamps={"action": [0.0, 1 / 30, 2 / 30]})
    loader[5]["action"]                      # (3, J), its "action_is_pad" (3,)
    loader.batch([5, 17, 3])["action"]       # (3, 3, J)

Columns are arrays in memory, pictures come from a cache on the disk (see `picture_cache`). Keys, shapes, types and
values are those of LeRobotDataset 0.4: pictures float32 (3, H, W), 0 to 1; other numbers float32, int64 or bool.
`images="uint8"` gives pictures as they are stored, uint8 (H, W, 3).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..core.values import ImageArray
from .files import DatasetError
from .layout import IMAGES
from .picture_cache import PictureCache, Progress
from .pictures import TOLERANCE_S, Clip, ClipKey, Decoder, PicturesOnDemand
from .reader import BROKEN, DataSet, Episode

Sample = dict[str, Any]
_PICTURES = ("video", "image")
_ALWAYS = ("timestamp", "frame_index", "episode_index", "index", "task_index")


class Loader:
    """Random access to the frames of some episodes, in order of their numbers.

    Args:
        root: folder of any LeRobotDataset v3.0.
        delta_timestamps: key -> times from the frame on, s, on the grid of fps. Such a key gets a T axis and a mask
            `<key>_is_pad` (T,), set where the time is outside of the episode; the value there is the nearest inside.
        cameras: names or keys of those to load, default all. columns: the same for the columns of the table; timestamp,
            frame_index, episode_index, index and task_index always come.
        episodes: numbers, default all.
        cache: folder for decoded pictures, default $XDG_CACHE_HOME/optimus_humanoid/frames or the same in ~/.cache.
            They take frames x H x W x 3 bytes per camera.
        size: (H, W) px of the pictures, default as recorded.
        images: "float32" or "uint8", see above.
        on_demand: decode when asked instead of a cache, for sets too large for the disk. Much slower.
        tolerance: s, as in LeRobot. threads: how many convert pictures. progress: of building the cache.
    Raises: DatasetError when the data set lacks something, is damaged, or its pictures find no room.
    """

    def __init__(
        self,
        root: Path | str,
        delta_timestamps: Mapping[str, Sequence[float]] | None = None,
        cameras: Sequence[str] | None = None,
        episodes: Iterable[int] | None = None,
        cache: Path | str | None = None,
        size: tuple[int, int] | None = None,
        *,
        columns: Sequence[str] | None = None,
        images: Literal["float32", "uint8"] = "float32",
        on_demand: bool = False,
        tolerance: float = TOLERANCE_S,
        threads: int | None = None,
        progress: Progress = lambda done, total: None,
    ) -> None:
        if images not in ("float32", "uint8"):
            raise DatasetError(f"images {images!r} must be 'float32' or 'uint8' (Loader)")
        self.data_set = DataSet.open(Path(root))
        numbers = sorted({one.number for one in self.data_set.episodes} if episodes is None else set(episodes))
        self.episodes = [self.data_set.episode(number) for number in numbers]
        if not self.episodes:
            raise DatasetError(f"{root} has no episode to load; record some, or name others (episodes=)")
        self.images = images
        self.camera_keys = _chosen_cameras(self.data_set, cameras)
        self.columns = _read_columns(self.data_set, self.episodes, _chosen_columns(self.data_set, columns))
        self.deltas = _on_grid(self.data_set, delta_timestamps or {}, [*self.columns, *self.camera_keys], tolerance)
        lengths = np.array([one.frames for one in self.episodes])
        self._end = np.cumsum(lengths)
        self._begin = self._end - lengths
        self._place = np.repeat(np.arange(len(lengths)), lengths)  # of a row: which of the episodes
        clips = self._clips()
        decoder = Decoder(size, tolerance)
        self._sizes = {key: decoder.size_of(clip) for (key, _), clip in clips.items()}
        self.pictures: PictureCache | PicturesOnDemand
        if on_demand:
            self.pictures = PicturesOnDemand(clips, decoder)
        else:
            self.pictures = PictureCache(
                self.data_set.root, clips, decoder, Path(cache) if cache else None, progress=progress
            )
        self._threads = max(1, threads or min(4, os.cpu_count() or 1))
        self._pool = ThreadPoolExecutor(self._threads, "pictures") if self._threads > 1 else None

    def __len__(self) -> int:
        return int(self._end[-1])

    @property
    def fps(self) -> float:
        return self.data_set.fps

    def rows_of(self, episode: int) -> range:
        """The frames of an episode. Raises DatasetError when it was not loaded."""
        for place, one in enumerate(self.episodes):
            if one.number == episode:
                return range(int(self._begin[place]), int(self._end[place]))
        raise DatasetError(f"episode {episode} is not among the {len(self.episodes)} loaded ones (episodes=)")

    def __getitem__(self, index: int) -> Sample:
        """One frame: key -> array, and `task`, its sentence."""
        item = self.batch([index])
        return {key: value[0] if isinstance(value, list) else value[0, ...] for key, value in item.items()}

    def buffers(self, count: int) -> Sample:
        """Arrays for `batch` to fill, for up to `count` frames."""
        found: Sample = {}
        for key in self.camera_keys:
            height, width = self._sizes[key]
            shape = (3, height, width) if self.images == "float32" else (height, width, 3)
            found[key] = np.empty((count, *self._steps(key), *shape), self.images)
        for key, column in self.columns.items():
            found[key] = np.empty((count, *self._steps(key), *column.shape[1:]), column.dtype)
        for key, steps in self.deltas.items():
            found[f"{key}_is_pad"] = np.empty((count, len(steps)), bool)
        return found

    def batch(self, indices: Sequence[int] | NDArray[np.integer[Any]], out: Sample | None = None) -> Sample:
        """Frames as arrays with a B axis before all others, and `task`, a list.

        Args: indices: (B,), negative ones count from the end. out: what `buffers` gave, to be filled anew; the result
        are views of it. Raises IndexError outside of the data set.
        """
        rows = self._rows(indices)
        found = self.buffers(len(rows)) if out is None else {key: one[: len(rows)] for key, one in out.items()}
        for key, one in found.items():
            if len(one) != len(rows):
                raise DatasetError(f"{len(rows)} frames do not fit into out[{key!r}], made for {len(one)} (buffers)")
        place = self._place[rows]
        first, last = self._begin[place], self._end[place] - 1
        wanted: dict[str, NDArray[np.int64]] = {}
        for key, steps in self.deltas.items():
            at = rows[:, None] + steps
            np.logical_or(at < first[:, None], at > last[:, None], out=found[f"{key}_is_pad"])
            wanted[key] = np.clip(at, first[:, None], last[:, None])
        for key, column in self.columns.items():
            np.take(column, wanted.get(key, rows), axis=0, out=found[key], mode="clip")
        self._show(rows, wanted, found)
        tasks = self.data_set.tasks
        return {**found, "task": [tasks[int(one)] for one in self.columns["task_index"][rows]]}

    def _rows(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        rows, count = np.asarray(indices, np.int64).reshape(-1), len(self)
        if len(rows) and not (-count <= rows.min() and rows.max() < count):
            bad = int(rows[(rows < -count) | (rows >= count)][0])
            raise IndexError(f"frame {bad} is not in {self.data_set.root}, whose loaded episodes have {count} frames")
        return np.where(rows < 0, rows + count, rows)

    def _steps(self, key: str) -> tuple[int, ...]:
        """The T axis of a key, if it has one. A video with a single step has none, as in LeRobot."""
        if key not in self.deltas:
            return ()
        count = len(self.deltas[key])
        return () if count == 1 and self._is_video(key) else (count,)

    def _is_video(self, key: str) -> bool:
        return bool(self.data_set.info["features"][key]["dtype"] == "video")

    def _show(self, rows: NDArray[np.int64], wanted: Mapping[str, NDArray[np.int64]], found: Sample) -> None:
        """Fill in the pictures."""
        jobs: list[tuple[ImageArray, ClipKey, int]] = []
        for key in self.camera_keys:
            at = wanted.get(key, rows).reshape(-1)
            place = self._place[at]
            targets = found[key].reshape(-1, *found[key].shape[-3:])
            for target, episode, number in zip(targets, place.tolist(), (at - self._begin[place]).tolist()):
                jobs.append((target, (key, self.episodes[episode].number), number))
        self.pictures.expect(job[1:] for job in jobs)
        if self._pool is None or len(jobs) < 2:
            self._convert(jobs)
        else:
            list(self._pool.map(self._convert, [jobs[start :: self._threads] for start in range(self._threads)]))

    def _convert(self, jobs: Sequence[tuple[ImageArray, ClipKey, int]]) -> None:
        planes: dict[tuple[int, ...], ImageArray] = {}
        for target, key, number in jobs:
            picture = self.pictures.picture(key, number)
            if target.dtype == np.uint8:
                np.copyto(target, picture)
                continue
            if target.shape not in planes:
                planes[target.shape] = np.empty(target.shape, np.uint8)
            cv2.split(picture, list(planes[target.shape]))
            np.copyto(target, planes[target.shape])
            np.divide(target, np.float32(255), out=target)  # a division, not a factor: LeRobot's values to the bit

    def _clips(self) -> dict[ClipKey, Clip]:
        clips: dict[ClipKey, Clip] = {}
        for key in self.camera_keys:
            feature = self.data_set.info["features"][key]
            named = dict(zip(feature.get("names") or ("height", "width", "channels"), feature["shape"]))
            for place, one in enumerate(self.episodes):
                stamps = self.columns["timestamp"][self._begin[place] : self._end[place]]
                path, begin, stored = one.data, None, None
                if self._is_video(key):
                    part = one.videos[key.removeprefix(IMAGES)]
                    path, begin = part.path, part.begin
                else:
                    stored = _stored_in(self.data_set, one, key)
                clips[(key, one.number)] = Clip(
                    key, one.number, path, begin, stamps, self.fps, named["height"], named["width"], stored
                )
        return clips


def _chosen_cameras(data_set: DataSet, cameras: Sequence[str] | None) -> list[str]:
    known = [key for key, one in data_set.info["features"].items() if one["dtype"] in _PICTURES]
    names = {key.removeprefix(IMAGES): key for key in known}
    for camera in cameras or ():
        if camera not in names and camera not in known:
            raise DatasetError(f"{data_set.root} has no camera {camera!r}; it has {', '.join(names) or 'none'}")
    return known if cameras is None else [names.get(camera, camera) for camera in dict.fromkeys(cameras)]


def _chosen_columns(data_set: DataSet, columns: Sequence[str] | None) -> list[str]:
    known = [key for key, one in data_set.info["features"].items() if one["dtype"] not in _PICTURES]
    if missing := [key for key in columns or () if key not in known]:
        raise DatasetError(f"{data_set.root} has no column {missing[0]!r}; it has {', '.join(known)}")
    return known if columns is None else list(dict.fromkeys([*columns, *_ALWAYS]))


def _on_grid(
    data_set: DataSet, deltas: Mapping[str, Sequence[float]], known: Sequence[str], tolerance: float
) -> dict[str, NDArray[np.int64]]:
    """Key -> steps in frames. Raises DatasetError for a key that is not loaded, or a time between two frames."""
    fps, found = data_set.fps, {}
    for key, times in deltas.items():
        if key not in known:
            raise DatasetError(f"delta_timestamps names {key!r}, which is not loaded; there are {', '.join(known)}")
        for time in times:
            if abs(time * fps - round(time * fps)) / fps > tolerance:
                raise DatasetError(
                    f"delta_timestamps[{key!r}] has {time:g} s, which is no multiple of 1/fps = {1 / fps:.6f} s within "
                    f"{tolerance:g} s (tolerance); the nearest is {round(time * fps) / fps:.6f}"
                )
        if not len(times):
            raise DatasetError(f"delta_timestamps[{key!r}] is empty; name at least one time, or leave the key out")
        found[key] = np.array([round(time * fps) for time in times], np.int64)
    return found


def _read_columns(data_set: DataSet, episodes: Sequence[Episode], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Columns of all rows of the episodes, (F,) or (F, ...); every file is read once."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for path, group in groupby(episodes, lambda one: one.data):
        numbers = pa.array([one.number for one in group])
        try:
            table = pq.read_table(path, columns=list(names), partitioning=None, page_checksum_verification=True)
            table = table.filter(pc.is_in(table["episode_index"], value_set=numbers))
            for name in names:
                parts[name].append(_as_array(table[name], data_set.info["features"][name]["shape"]))
        except BROKEN as error:
            reason = "it is missing" if not path.exists() else f"{type(error).__name__}: {error}"
            raise DatasetError(
                f"{path} can't be read ({reason}); restore it from a copy, and run `optimus dataset check`"
            ) from error
    found = {name: parts[name][0] if len(parts[name]) == 1 else np.concatenate(parts[name]) for name in names}
    numbers = np.concatenate([np.full(one.frames, one.number) for one in episodes])
    frames = np.concatenate([np.arange(one.frames) for one in episodes])
    if not (np.array_equal(found["episode_index"], numbers) and np.array_equal(found["frame_index"], frames)):
        raise DatasetError(
            f"{data_set.root}: the rows in data/ are not those that meta/episodes tells of ({len(found['index'])}, "
            f"expected are {len(frames)}, in order); run `optimus dataset check`"
        )
    return found


def _as_array(column: pa.ChunkedArray, shape: Sequence[int]) -> NDArray[Any]:
    """(F, ...) of the type that LeRobot's tensors have: float32, int64, bool, or objects for text."""
    if not len(column):
        return np.empty((0, *shape))
    count, flat, nested = len(column), pa.concat_arrays(column.chunks), False
    while True:
        if isinstance(flat, pa.ExtensionArray):
            flat = flat.storage
        if not pa.types.is_nested(flat.type):
            break
        flat, nested = flat.flatten(), True
    values = np.asarray(flat.to_numpy(zero_copy_only=False))
    kinds = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}
    values = values.astype(kinds.get(values.dtype.kind, object), copy=False)
    return np.ascontiguousarray(values.reshape((count, *shape) if nested else (count,)))


def _stored_in(data_set: DataSet, episode: Episode, key: str) -> Callable[[], list[bytes]]:
    def read() -> list[bytes]:
        return [bytes(one["bytes"]) for one in data_set.table(episode.number, [key])[key].to_pylist()]

    return read
