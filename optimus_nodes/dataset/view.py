"""A data set as HTML pages that a browser opens from disk: no server, no network. See view.html.

Reads LeRobotDataset v3.0, and what we add beside it where that is there.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow.parquet as pq

from ..core.values import Array
from .files import DatasetError, read_bytes, write_whole
from .layout import IMAGES, Layout

POINTS = 1000  # of a curve at most
_CURVES = (("position", "observation.state"), ("velocity", "observation.velocity"), ("effort", "observation.effort"))
_UNITS = {"position": "rad", "velocity": "rad/s", "effort": "N·m"}
_TEMPLATE = Path(__file__).with_name("view.html")
_MARK = "/*DATA*/ null"


@dataclass(frozen=True)
class _DataSet:
    root: Path
    info: Mapping[str, Any]
    tasks: Mapping[int, str]
    rows: Sequence[Mapping[str, Any]]  # of meta/episodes, without statistics


def write_view(
    root: Path,
    groups: Mapping[str, Sequence[str]] | None = None,
    episodes: Sequence[int] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write <root>/view/index.html and a page for each episode (or only for `episodes`); the path of index.html.

    Args: groups: group of the robot -> its joints (RobotSpec.groups); by default joints go by the first word of
    their names. progress: told how many of how many pages are written.
    Raises: DatasetError when there is no data set in `root`.
    """
    data_set = _read(Path(root))
    pages = Path(root) / "view"
    known = [int(row["episode_index"]) for row in data_set.rows]
    chosen = known if episodes is None else list(episodes)
    for number in chosen:
        if number not in known:
            raise DatasetError(f"{root} has no episode {number}; it has {len(known)}, from 0")
    documents = {
        int(row["episode_index"]): _document(data_set.root, int(row["episode_index"])) for row in data_set.rows
    }
    tables = _Tables(data_set)
    for done, row in enumerate((row for row in data_set.rows if row["episode_index"] in chosen), start=1):
        number = int(row["episode_index"])
        page = _episode(data_set, row, tables.of(row), documents[number], groups)
        at = known.index(number)
        page["previous"] = known[at - 1] if at else None
        page["next"] = known[at + 1] if at + 1 < len(known) else None
        _write(pages / f"episode-{number:06d}.html", f"Episode {number}", page)
        progress(done, len(chosen))
    _write(pages / "index.html", data_set.root.resolve().name, _index(data_set, documents))
    return pages / "index.html"


def _read(root: Path) -> _DataSet:
    layout = Layout(root)
    if not layout.info.is_file():
        raise DatasetError(f"{root} is no data set: it has no meta/info.json; name the folder that meta/ is in")
    info = json.loads(read_bytes(layout.info))
    version = str(info.get("codebase_version", ""))
    if not version.startswith("v3."):
        raise DatasetError(f"{root} is a data set of version {version or 'unknown'}; this shows v3.0 only")
    tasks: dict[int, str] = {}
    if layout.tasks.is_file():
        table = pq.read_table(io.BytesIO(read_bytes(layout.tasks))).to_pydict()
        sentences = table.get("task", table.get("__index_level_0__", []))
        tasks = {int(number): str(text) for number, text in zip(table["task_index"], sentences)}
    rows: list[Mapping[str, Any]] = []
    for path in sorted((root / "meta" / "episodes").glob("*/*.parquet")):
        names = [name for name in pq.read_schema(path).names if not name.startswith("stats/")]
        rows += pq.read_table(path, columns=names).to_pylist()
    return _DataSet(root, info, tasks, sorted(rows, key=lambda row: row["episode_index"]))


def _document(root: Path, episode: int) -> dict[str, Any]:
    """Our episode.json; empty where there is none."""
    path = Layout(root).document(episode)
    if not path.is_file():
        return {}
    try:
        raw = json.loads(path.read_text())
    except ValueError:
        raw = None
    return raw if isinstance(raw, dict) else {"outcome": {"success": None, "reason": "episode.json is damaged"}}


class _Tables:
    """Rows of episodes. Several may share a file, hence the last one is kept."""

    def __init__(self, data_set: _DataSet) -> None:
        self._data_set = data_set
        self._path, self._table = Path(), None

    def of(self, row: Mapping[str, Any]) -> dict[str, Array]:
        """Columns of one episode, (T,) or (T, N)."""
        place = {"chunk_index": row["data/chunk_index"], "file_index": row["data/file_index"]}
        path = self._data_set.root / self._data_set.info["data_path"].format(**place)
        if path != self._path or self._table is None:
            self._path, self._table = path, pq.read_table(io.BytesIO(read_bytes(path)))
        mine = np.asarray(self._table["episode_index"]) == row["episode_index"]
        columns = {}
        for name in self._table.column_names:
            values = self._table[name].filter(mine)
            feature = self._data_set.info["features"].get(name, {})
            kind = feature.get("dtype", "")
            if kind in ("float32", "float64", "bool") or kind.startswith(("int", "uint")):
                columns[name] = np.array(values.to_pylist())
                if feature.get("names"):  # a single joint is kept as plain numbers
                    columns[name] = columns[name].reshape(len(values), -1)
        return columns


def _episode(
    data_set: _DataSet,
    row: Mapping[str, Any],
    table: Mapping[str, Array],
    document: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]] | None,
) -> dict[str, Any]:
    """Everything the page of one episode shows."""
    number, fps = int(row["episode_index"]), float(data_set.info["fps"])
    count = len(table["timestamp"])
    picks = np.unique(np.linspace(0, count - 1, min(POINTS, count)).round().astype(int)) if count else np.empty(0, int)
    joints = _names(data_set, "observation.state") or _names(data_set, "action")
    curves = {
        kind: _curves(table[key], picks, len(joints)) for kind, key in _CURVES if key in table and table[key].ndim == 2
    }
    touch = table.get("observation.tactile", np.empty((count, 0)))
    image = data_set.root / "episodes" / f"episode-{number:06d}" / "sync.png"
    return {
        **_summary(data_set, row, document),
        "kind": "episode",
        "fps": fps,
        "videos": _videos(data_set, row),
        "t": _list(table["timestamp"][picks], 3),
        "joints": joints,
        "groups": _groups(joints, groups),
        "curves": curves,
        "units": _UNITS,
        "action": _curves(table["action"], picks, len(joints)) if table.get("action", touch).ndim == 2 else [],
        "touch": {"names": _names(data_set, "observation.tactile"), "values": _peaks(touch, picks)},
        "intervention": _spans(table.get("intervention"), fps),
        "gaps": _spans(table.get("gap"), fps),
        "tasks": _tasks(table.get("task_index"), data_set.tasks, fps),
        "events": document.get("events", []),
        "sync": document.get("sync", {}),
        "sync_png": f"../episodes/episode-{number:06d}/sync.png" if image.is_file() else None,
    }


def _summary(data_set: _DataSet, row: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """What the index tells about an episode."""
    kept = ("operator", "policy_id", "robot", "site", "scene_seed", "started_at", "accepted", "refused_because")
    tasks = [str(task) for task in row.get("tasks") or []]
    return {
        "episode": int(row["episode_index"]),
        "instruction": document.get("instruction") or "; ".join(tasks),
        "frames": int(row["length"]),
        "length": int(row["length"]) / float(data_set.info["fps"]),
        "outcome": document.get("outcome", {}),
        **{key: document[key] for key in kept if key in document},
    }


def _index(data_set: _DataSet, documents: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    pages = [_summary(data_set, row, documents[int(row["episode_index"])]) for row in data_set.rows]
    written = {path.stem for path in (data_set.root / "view").glob("episode-*.html")}
    for page in pages:
        page["page"] = f"episode-{page['episode']:06d}" in written
    return {
        "kind": "index",
        "name": data_set.root.resolve().name,
        "robot": data_set.info.get("robot_type"),
        "fps": data_set.info["fps"],
        "cameras": [key.removeprefix(IMAGES) for key in _video_keys(data_set)],
        "episodes": pages,
    }


def _video_keys(data_set: _DataSet) -> list[str]:
    return [key for key, feature in data_set.info["features"].items() if feature["dtype"] == "video"]


def _videos(data_set: _DataSet, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, path from the page, and the part of the file that is this episode's, s."""
    found = []
    for key in _video_keys(data_set):
        place = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
        path = data_set.info["video_path"].format(video_key=key, **place)
        begin = float(row.get(f"videos/{key}/from_timestamp") or 0.0)
        found.append({"name": key.removeprefix(IMAGES), "path": "../" + quote(path), "from": begin})
    return found


def _names(data_set: _DataSet, key: str) -> list[str]:
    """Names of the numbers of a feature, without what they measure; numbered when it has no names."""
    feature = data_set.info["features"].get(key)
    if feature is None:
        return []
    names = feature.get("names")
    if isinstance(names, dict):
        names = next((value for value in names.values() if isinstance(value, list)), None)
    size = int(feature["shape"][0]) if feature["shape"] else 0
    if not isinstance(names, list) or len(names) != size:
        return [f"{key.rsplit('.', 1)[-1]} {i}" for i in range(size)]
    return [str(name).removesuffix(".pos") for name in names]


def _groups(joints: Sequence[str], groups: Mapping[str, Sequence[str]] | None) -> list[dict[str, Any]]:
    """Joints as indices, each in the smallest group of the robot that has it; "others" when none does."""
    by_name: dict[str, list[int]] = {}
    large_first = sorted((groups or {}).items(), key=lambda item: -len(item[1]))
    of = {name.removesuffix("_joint"): group for group, names in large_first for name in names}
    for i, joint in enumerate(joints):
        by_name.setdefault(of.get(joint, "others" if groups else joint.replace(" ", "_").split("_")[0]), []).append(i)
    return [{"name": name.replace("_", " "), "joints": places} for name, places in by_name.items()]


def _curves(values: Array, picks: Array, count: int) -> list[list[float | None]]:
    """One list for each joint."""
    return [_list(values[picks, i], 4) for i in range(min(count, values.shape[1]))]


def _peaks(values: Array, picks: Array) -> list[list[float | None]]:
    """As `_curves`, but each point is the largest value up to the next: a touch may be short."""
    if values.ndim != 2 or not len(picks):
        return []
    return [_list(column, 3) for column in np.maximum.reduceat(values, picks, axis=0).T]


def _list(values: Array, digits: int) -> list[float | None]:
    rounded = np.round(values.astype(np.float64), digits).tolist()
    return [value if np.isfinite(value) else None for value in rounded]


def _spans(flags: Array | None, fps: float) -> list[list[float]]:
    """Begin and end, s, of every run of true flags."""
    if flags is None or not len(flags):
        return []
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.reshape(-1).astype(int), [0]))))
    return [[round(begin / fps, 3), round(end / fps, 3)] for begin, end in edges.reshape(-1, 2)]


def _tasks(indices: Array | None, tasks: Mapping[int, str], fps: float) -> list[dict[str, Any]]:
    """The sub-instructions, one after the other."""
    if indices is None or not len(indices):
        return []
    starts = [0, *(np.flatnonzero(np.diff(indices)) + 1).tolist(), len(indices)]
    return [
        {"from": round(a / fps, 3), "to": round(b / fps, 3), "text": tasks.get(int(indices[a]), f"task {indices[a]}")}
        for a, b in itertools.pairwise(starts)
    ]


def _write(path: Path, title: str, data: Mapping[str, Any]) -> None:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    name = title.replace("&", "&amp;").replace("<", "&lt;")
    page = _TEMPLATE.read_text().replace("<!--TITLE-->", name).replace(_MARK, text.replace("<!--", "<\\u0021--"))
    write_whole(path, page.encode())
