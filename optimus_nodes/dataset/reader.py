"""A data set to read: any LeRobotDataset v3.0 folder, ours or one that keeps several episodes in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..core.episode import RecordingContract, contract_from
from ..core.values import ImageArray
from .files import DatasetError, read_bytes, read_sealed
from .layout import IMAGES, Layout
from .stats import Stats
from .tables import VERSION

BROKEN = (  # what damaged files raise
    *(KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError),
    *(OSError, MemoryError, RuntimeError, pa.ArrowException),
)


@dataclass(frozen=True, slots=True)
class VideoPart:
    """Where in a video file an episode is, s."""

    path: Path
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Episode:
    """One row of meta/episodes. `first`: index of its first frame in the data set. `videos`: camera -> where."""

    number: int
    frames: int
    tasks: tuple[str, ...]
    first: int
    end: int
    meta: Path
    data: Path
    videos: Mapping[str, VideoPart]


@dataclass(frozen=True)
class DataSet:
    """What `DataSet.open` found. `tasks`: number -> sentence. `cameras`: name -> key of the feature."""

    layout: Layout
    info: Mapping[str, Any]
    tasks: Mapping[int, str]
    episodes: Sequence[Episode]
    cameras: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path) -> DataSet:
        """Read everything but the frames. Raises DatasetError when `root` is no data set, or none that can be read."""
        layout = Layout(Path(root))
        info = read_info(layout)
        with _readable(layout.tasks):
            tasks = _tasks(layout.tasks)
        with _readable(layout.info):
            keys = [key for key, feature in info["features"].items() if feature["dtype"] == "video"]
            cameras = {key.removeprefix(IMAGES): key for key in keys}
            str(info["data_path"]), float(info["fps"])
        episodes: list[Episode] = []
        for path in sorted((layout.root / "meta" / "episodes").glob("*/*.parquet")):
            with _readable(path):
                episodes += _episodes(layout, info, cameras, path)
        return cls(layout, info, tasks, sorted(episodes, key=lambda one: one.number), cameras)

    @property
    def root(self) -> Path:
        return self.layout.root

    @property
    def fps(self) -> float:
        return float(self.info["fps"])

    @property
    def frames_total(self) -> int:
        """Frames of all episodes."""
        return sum(one.frames for one in self.episodes)

    @cached_property
    def contract(self) -> RecordingContract:
        """Whose data this is. Raises DatasetError for a data set that was not recorded by this software."""
        if not self.layout.robot.is_file():
            raise DatasetError(
                f"{self.root} was not recorded here: it has no meta/robot.json, so nobody knows which robot, joint "
                "order and URDF its numbers are of; name a data set of `optimus record`"
            )
        return contract_from(read_sealed(self.layout.robot), str(self.layout.robot))

    def episode(self, number: int) -> Episode:
        """Raises DatasetError when there is no such episode."""
        found = self._by_number.get(number)
        if found is None:
            have = f"it has {_ranges(self._by_number)}" if self.episodes else "it has none"
            raise DatasetError(f"{self.root} has no episode {number}; {have}")
        return found

    @cached_property
    def _by_number(self) -> dict[int, Episode]:
        return {one.number: one for one in self.episodes}

    def document(self, number: int) -> dict[str, Any]:
        """Our episode.json, {} where there is none. Raises DatasetError when it is damaged."""
        path = self.layout.document(number)
        return read_sealed(path) if path.exists() else {}

    def stats(self, number: int) -> dict[str, Stats]:
        """LeRobot's statistics of one episode."""
        episode = self.episode(number)
        found: dict[str, Stats] = {}
        with _readable(episode.meta):
            file = pq.ParquetFile(episode.meta, page_checksum_verification=True)
            names = [name for name in file.schema_arrow.names if name.startswith("stats/")]
            table = file.read(columns=["episode_index", *names])
            row = table.filter(pc.equal(table["episode_index"], number)).to_pylist()[0]
            for name in names:
                _, feature, kind = name.split("/")
                if row[name] is not None:
                    found.setdefault(feature, {})[kind] = np.array(row[name])
        return found

    def table(self, number: int, names: Sequence[str] | None = None) -> pa.Table:
        """The rows of an episode; `names`: which columns, default all."""
        episode = self.episode(number)
        with _readable(episode.data):
            known = pq.read_schema(episode.data).names
            if missing := [name for name in names or () if name not in known]:
                raise DatasetError(f"{episode.data} has no column {missing[0]!r}; it has {', '.join(known)}")
            return pq.read_table(
                episode.data,
                columns=None if names is None else list(names),
                filters=pc.field("episode_index") == number,
                partitioning=None,
                page_checksum_verification=True,
            )

    def columns(self, number: int, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """The same as arrays, (F,) or (F, N)."""
        table = self.table(number, names)
        return {name: _array(table[name]) for name in table.column_names}

    def frames(self, number: int, camera: str) -> Iterator[ImageArray]:
        """The pictures of an episode, (H, W, 3) uint8 RGB each. Raises DatasetError when they do not all come."""
        episode = self.episode(number)
        name = camera.removeprefix(IMAGES)
        if name not in episode.videos:
            raise DatasetError(f"{self.root} has no camera {camera!r}; it has {', '.join(self.cameras) or 'none'}")
        part, count = episode.videos[name], 0
        try:
            with av.open(str(part.path)) as container:
                stream = container.streams.video[0]
                early = part.begin - 0.5 / self.fps
                if part.begin > 0:
                    container.seek(int(part.begin / stream.time_base), stream=stream)
                for frame in container.decode(stream):
                    if count == episode.frames:
                        break
                    if frame.time is not None and frame.time >= early:
                        count += 1
                        yield frame.to_ndarray(format="rgb24")
        except (av.FFmpegError, IndexError, OSError) as error:
            raise _unreadable(part.path, error) from error
        if count < episode.frames:
            raise DatasetError(
                f"{part.path} gave {count} of the {episode.frames} pictures of episode {number}; "
                "restore it from a copy, and run `optimus dataset check`"
            )


def read_info(layout: Layout) -> dict[str, Any]:
    """info.json. Raises DatasetError when the folder is no data set, or one of another version."""
    if not layout.root.is_dir():
        raise DatasetError(f"{layout.root} is no folder; name the folder of a data set, the one that meta/ is in")
    if not layout.info.is_file():
        if layout.robot.is_file():
            raise DatasetError(f"{layout.root} holds no finished episode yet; record one with `optimus record`")
        raise DatasetError(f"{layout.root} is no data set: it has no meta/info.json; name the folder that meta/ is in")
    try:
        info = json.loads(read_bytes(layout.info))
        version = info["codebase_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(layout.info, error) from error
    if version != VERSION:
        raise DatasetError(
            f"{layout.root} is a data set of version {version!r}, this reads {VERSION!r} only (meta/info.json, "
            "codebase_version); LeRobot's conversion scripts bring older ones up to date"
        )
    return dict(info)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever a damaged file raises as one DatasetError that names it."""
    try:
        yield
    except BROKEN as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DatasetError:
    if not path.exists():
        return DatasetError(f"{path} is missing; restore it from a copy, and run `optimus dataset check`")
    reason = (str(error).splitlines() or [""])[0]
    return DatasetError(
        f"{path} can't be read ({type(error).__name__}: {reason}); expected a whole {path.suffix.lstrip('.')} file: "
        "restore it from a copy, and run `optimus dataset check`"
    )


def _tasks(path: Path) -> dict[int, str]:
    table = pq.ParquetFile(path, page_checksum_verification=True).read()
    text = [name for name in ("task", "__index_level_0__") if name in table.column_names][0]  # noqa: RUF015  IndexError
    return dict(sorted(zip(table["task_index"].to_pylist(), table[text].to_pylist())))


def _episodes(layout: Layout, info: Mapping[str, Any], cameras: Mapping[str, str], path: Path) -> Iterator[Episode]:
    file = pq.ParquetFile(path, page_checksum_verification=True)
    names = [name for name in file.schema_arrow.names if not name.startswith("stats/")]
    for row in file.read(columns=names).to_pylist():
        place = {key: row[f"data/{key}"] for key in ("chunk_index", "file_index")}
        videos = {}
        for name, key in cameras.items():
            at = {one: row[f"videos/{key}/{one}"] for one in ("chunk_index", "file_index")}
            video = layout.root / info["video_path"].format(video_key=key, **at)
            begin, end = (float(row[f"videos/{key}/{edge}_timestamp"]) for edge in ("from", "to"))
            videos[name] = VideoPart(video, begin, end)
        yield Episode(
            int(row["episode_index"]),
            int(row["length"]),
            tuple(row["tasks"]),
            int(row["dataset_from_index"]),
            int(row["dataset_to_index"]),
            path,
            layout.root / info["data_path"].format(**place),
            videos,
        )


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # older pyarrow
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    kind = whole.type
    if pa.types.is_fixed_size_list(kind):
        return np.asarray(whole.flatten()).reshape(len(whole), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or isinstance(kind, pa.ExtensionType):
        return np.array(whole.to_pylist())
    return np.asarray(whole.to_numpy(zero_copy_only=False))


def _ranges(numbers: Iterable[int]) -> str:
    """0 to 4, 7, 9 to 11."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in found)
