"""The Parquet and JSON files of LeRobotDataset v3.0, made from rows and episodes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..core.episode import RecordingContract
from .layout import IMAGES, PER_CHUNK
from .rows import Rows
from .stats import Stats

VERSION = "v3.0"
_VECTORS = {  # feature: column of the rows
    "observation.state": "state",
    "observation.velocity": "velocity",
    "observation.effort": "effort",
    "observation.tactile": "tactile",
    "action": "action",
}
_SUFFIX = {"observation.velocity": ".vel", "observation.effort": ".effort"}


def features(contract: RecordingContract) -> dict[str, dict[str, Any]]:
    """What info.json says about every column and video."""
    joints = [name.removesuffix("_joint") for name in contract.joint_names]
    found: dict[str, dict[str, Any]] = {}
    for key in _VECTORS:
        names = (
            list(contract.tactile_pads) if key.endswith("tactile") else [j + _SUFFIX.get(key, ".pos") for j in joints]
        )
        if names:
            found[key] = {"dtype": "float32", "shape": [len(names)], "names": names}
    for key, dtype in (("intervention", "bool"), ("gap", "bool"), ("capture_time", "float64")):
        found[key] = {"dtype": dtype, "shape": [1], "names": None}
    for one in contract.extras:
        found[one.name] = {"dtype": "float32", "shape": [one.size], "names": list(one.names) or None}
    for camera, height, width in contract.cameras:
        found[IMAGES + camera] = {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height,
                "video.width": width,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": contract.fps,
                "video.channels": 3,
                "has_audio": False,
            },
        }
    for key in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        found[key] = {"dtype": "float32" if key == "timestamp" else "int64", "shape": [1], "names": None}
    return found


def info(contract: RecordingContract, episodes: int, frames: int, tasks: int) -> dict[str, Any]:
    """The content of info.json."""
    return {
        "codebase_version": VERSION,
        "robot_type": contract.robot,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "chunks_size": PER_CHUNK,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": contract.fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        "features": features(contract),
    }


def columns(
    rows: Rows, contract: RecordingContract, episode: int, first: int, task_index: Mapping[int, int]
) -> dict[str, NDArray[Any]]:
    """Columns of the table of one episode. `first`: index of its first frame in the data set.

    `task_index`: number of a task in the data set, by its number in the episode.
    """
    frame = np.arange(len(rows), dtype=np.int64)
    found: dict[str, NDArray[Any]] = {key: rows[name] for key, name in _VECTORS.items() if rows[name].shape[1]}
    found |= {
        "intervention": rows["intervention"].astype(bool),
        "gap": rows["gap"].astype(bool),
        "capture_time": rows["capture_time"],
        "timestamp": (frame / contract.fps).astype(np.float32),
        "frame_index": frame,
        "episode_index": np.full(len(rows), episode, np.int64),
        "index": frame + first,
        "task_index": np.array([task_index[int(t)] for t in rows["task"]], np.int64),
    }
    return found | {one.name: rows[one.name] for one in contract.extras}


def data_parquet(table: Mapping[str, NDArray[Any]], contract: RecordingContract) -> bytes:
    """The table as Parquet: one row group, with the schema that the `datasets` library looks for."""
    arrays, fields, kinds = [], [], {}
    for key, feature in features(contract).items():
        if feature["dtype"] == "video":
            continue
        values = np.ascontiguousarray(table[key])
        kind = pa.bool_() if feature["dtype"] == "bool" else pa.from_numpy_dtype(np.dtype(feature["dtype"]))
        flat = pa.array(values.reshape(-1), kind)
        value: dict[str, Any] = {"dtype": feature["dtype"], "_type": "Value"}
        if values.ndim == 2 and values.shape[1] > 1:  # LeRobot keeps a single number as a plain column
            flat = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
            value = {"feature": value, "length": values.shape[1], "_type": "List"}
        arrays.append(flat)
        fields.append(pa.field(key, flat.type))
        kinds[key] = value
    schema = pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": kinds}})})
    whole = [field.name for field in fields if not pa.types.is_fixed_size_list(field.type)]
    return _parquet(pa.Table.from_arrays(arrays, schema=schema), whole)


def tasks_parquet(tasks: Sequence[str]) -> bytes:
    """tasks.parquet: a pandas frame with the sentence as index and column task_index, written without pandas."""
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks, pa.string())})
    column = {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"}
    index = {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object"}
    label = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object"}
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [{**label, "metadata": {"encoding": "UTF-8"}}],
        "columns": [{**column, "metadata": None}, {**index, "metadata": None}],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.2.0",
    }
    return _parquet(table.replace_schema_metadata({"pandas": json.dumps(pandas)}))


def read_tasks(content: bytes) -> list[str]:
    """The sentences of a tasks.parquet, in order of their numbers."""
    table = pq.read_table(io.BytesIO(content)).to_pydict()
    return [text for _, text in sorted(zip(table["task_index"], table["task"]))]


def episode_parquet(
    contract: RecordingContract, episode: int, frames: int, first: int, tasks: Sequence[str], stats: Mapping[str, Stats]
) -> bytes:
    """The one row about an episode in meta/episodes."""
    place = {"chunk_index": episode // PER_CHUNK, "file_index": episode % PER_CHUNK}
    row: dict[str, Any] = {"episode_index": episode, "tasks": list(tasks), "length": frames}
    row |= {f"data/{key}": value for key, value in place.items()}
    row |= {"dataset_from_index": first, "dataset_to_index": first + frames}
    for camera, _, _ in contract.cameras:
        row |= {f"videos/{IMAGES}{camera}/{key}": value for key, value in place.items()}
        row |= {f"videos/{IMAGES}{camera}/from_timestamp": 0.0}
        row |= {f"videos/{IMAGES}{camera}/to_timestamp": frames / contract.fps}
    for key, one in stats.items():
        row |= {f"stats/{key}/{name}": value.tolist() for name, value in one.items()}
    row |= {f"meta/episodes/{key}": value for key, value in place.items()}
    return _parquet(pa.table({key: [value] for key, value in row.items()}), [])


def read_episode(content: bytes) -> tuple[dict[str, Any], dict[str, Stats]]:
    """The row about an episode and its statistics."""
    row = {key: values[0] for key, values in pq.read_table(io.BytesIO(content)).to_pydict().items()}
    stats: dict[str, Stats] = {}
    for key in [key for key in row if key.startswith("stats/")]:
        _, feature, name = key.split("/")
        stats.setdefault(feature, {})[name] = np.array(row.pop(key))
    return row, stats


def stats_json(stats: Mapping[str, Stats]) -> dict[str, Any]:
    """The content of stats.json."""
    return {key: {name: value.tolist() for name, value in one.items()} for key, one in stats.items()}


def _parquet(table: pa.Table, lookups: list[str] | None = None) -> bytes:
    """`lookups`: the columns with dictionaries and statistics; elsewhere measured values hardly ever repeat, and the
    two take more room and time than they save. All columns when left out.
    """
    sink = pa.BufferOutputStream()  # a BytesIO would wait for the interpreter at every piece
    some: list[str] | bool = True if lookups is None else lookups or False
    pq.write_table(
        table, sink, compression="snappy", use_dictionary=some, write_statistics=some, write_page_checksum=True
    )
    return bytes(sink.getvalue().to_pybytes())
