"""Frames of a LeRobot v3 folder as training reads them: decoded once into memory-mapped files, then only looked up.

<cache>/<name of the data set>-<hash>/part-000-<hash>/     100 episodes each; the hash changes with the recordings
    <camera>.npy (F, h, w, 3) uint8, position.npy (F, J) rad, tactile.npy (F, P) N, action.npy (F, H, J) rad,
    progress.npy (F,), aux.npy (F, A), task.npy, episode.npy, frame.npy, intervention.npy (F,)

Row f of `action` says where the joints should be every STEP_DT s from the frame on. Demonstrations bring the expert's
advice (`learning.demonstrated`); elsewhere it is made of what was applied, since a person's own motion is the advice.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.contract import PolicyContract
from ..core.errors import ConfigError
from ..dataset.files import is_disk_full
from ..dataset.picture_cache import default_cache
from ..dataset.reader import DataSet, Episode
from ..policy.preprocess import shrink

STEP_DT, HORIZON, HISTORY_S = 0.05, 64, 0.1
PICTURES = {"head": (96, 128), "wrist_left": (60, 80), "wrist_right": (60, 80)}  # px, unless recorded smaller
EPISODES_PER_PART = 100
CHUNK, PROGRESS, TARGETS = "expert.chunk", "expert.progress", "expert.aux"
_VERSION = 1  # changes when the same recordings would give other rows
_ROWS = ("position", "tactile", "action", "progress", "aux", "task", "episode", "frame", "intervention")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Shard:
    """Some episodes' arrays, see the module. `images` by camera name."""

    folder: Path
    images: dict[str, NDArray[np.uint8]]
    rows: dict[str, NDArray[Any]]
    maps: list[mmap.mmap] = field(default_factory=list)

    def __len__(self) -> int:
        return int(self.rows["frame"].shape[0])

    def release(self) -> None:
        """Give back the memory of what was read so far."""
        for one in self.maps:
            one.madvise(mmap.MADV_DONTNEED)


def contract_of(data_set: DataSet) -> PolicyContract:
    """What a policy trained on `data_set` is made for."""
    theirs = data_set.contract
    cameras = tuple((name, *_size(name, height, width)) for name, height, width in theirs.cameras)
    sizes = {one.name: one.size for one in theirs.extras}
    horizon = sizes[CHUNK] // len(theirs.joint_names) if CHUNK in sizes else HORIZON
    return PolicyContract(
        theirs.robot,
        theirs.urdf_sha256,
        theirs.joint_names,
        theirs.tactile_pads,
        cameras,
        STEP_DT,
        horizon,
        _back(theirs.fps) / theirs.fps,
    )


def aux_of(data_set: DataSet) -> tuple[str, ...]:
    """Names of the training-only targets, () where nobody knows any."""
    return next((one.names for one in data_set.contract.extras if one.name == TARGETS), ())


def open_frames(
    data_set: DataSet, cache: Path | None = None, progress: Progress = lambda done, total: None
) -> list[Shard]:
    """The frames of all episodes, decoded now where that has not been done before."""
    root = data_set.root.resolve()
    place = (cache or default_cache().with_name("training")).expanduser().resolve()
    home = place / f"{root.name}-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"
    if root == home or root in home.parents:
        raise ConfigError(f"the cache {place} lies in the data set {root}; name a folder outside of it (--cache)")
    contract, episodes = contract_of(data_set), list(data_set.episodes)
    parts = [episodes[k : k + EPISODES_PER_PART] for k in range(0, len(episodes), EPISODES_PER_PART)]
    shards, done = [], 0
    for number, part in enumerate(parts):
        folder = home / f"part-{number:03d}-{_identity(data_set, contract, part)}"
        if not folder.is_dir():
            with _locked(home / f".part-{number:03d}.lock"):
                if not folder.is_dir():
                    _build(data_set, contract, part, folder)
        done += len(part)
        progress(done, len(episodes))
        shards.append(_open(folder, contract))
    return shards


def chunks_from_applied(applied: NDArray[np.float32], fps: float, horizon: int, step_dt: float) -> NDArray[np.float32]:
    """(F, J) rad -> (F, H, J): where the joints were sent, every `step_dt` s from each frame on; the last target holds.

    Row k of `applied` is in force when frame k + 1 is taken, so it belongs to the time (k + 1) / fps.
    """
    count = len(applied)
    at = np.arange(count)[:, None] + fps * step_dt * np.arange(horizon)[None, :] - 1.0
    at = np.clip(at, 0.0, count - 1.0)
    low = np.floor(at).astype(np.int64)
    high, share = np.minimum(low + 1, count - 1), (at - low)[..., None].astype(np.float32)
    return (1.0 - share) * applied[low] + share * applied[high]


def _size(name: str, height: int, width: int) -> tuple[int, int]:
    wanted = PICTURES.get(name, (height, width))
    return wanted if wanted[0] <= height and wanted[1] <= width else (height, width)


def _back(fps: int) -> int:
    """How many frames ago the earlier joint positions are."""
    return max(1, round(HISTORY_S * fps))


def _identity(data_set: DataSet, contract: PolicyContract, episodes: Sequence[Episode]) -> str:
    told: list[Any] = [_VERSION, contract.to_mapping(), aux_of(data_set)]
    for one in episodes:
        for path in (one.data, *(part.path for part in one.videos.values())):
            found = path.stat()
            told.append([one.number, str(path.name), found.st_size, found.st_mtime_ns])
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _build(data_set: DataSet, contract: PolicyContract, episodes: Sequence[Episode], folder: Path) -> None:
    """Write a part under another name first, so that one that exists is whole."""
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    total = sum(one.frames for one in episodes)
    try:
        tables = [_rows(data_set, contract, one) for one in episodes]
        for name in _ROWS:
            np.save(partial / f"{name}.npy", np.concatenate([table[name] for table in tables]))
        starts = np.cumsum([0, *(one.frames for one in episodes)])
        for name, height, width in contract.cameras:
            shape = (total, height, width, 3)
            pictures = np.lib.format.open_memmap(partial / f"{name}.npy", mode="w+", dtype=np.uint8, shape=shape)

            def fill(k: int, name: str = name, pictures: NDArray[np.uint8] = pictures, size: Any = shape[1:3]) -> None:
                for i, picture in enumerate(data_set.frames(episodes[k].number, name)):
                    pictures[starts[k] + i] = shrink(picture, *size)

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(fill, range(len(episodes))))
            pictures.flush()  # type: ignore[attr-defined]
        for stale in folder.parent.glob(f"{folder.name[:8]}-*"):
            shutil.rmtree(stale, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = "the disk is full" if is_disk_full(error) else error.strerror
        raise ConfigError(f"{folder} can't be written: {reason}; name another place (--cache)") from error


def _rows(data_set: DataSet, contract: PolicyContract, episode: Episode) -> dict[str, NDArray[Any]]:
    table, fps = data_set.columns(episode.number), data_set.contract.fps
    count, joints = episode.frames, len(contract.joint_names)
    pads = len(contract.tactile_pads)
    applied = table["action"].reshape(count, joints)
    if CHUNK in table:
        action = table[CHUNK].reshape(count, contract.horizon, joints)
    else:
        action = chunks_from_applied(applied, fps, contract.horizon, STEP_DT)
    progress = table[PROGRESS].reshape(count) if PROGRESS in table else np.arange(1, count + 1) / count
    found = {
        "position": table["observation.state"].reshape(count, joints),
        "tactile": table["observation.tactile"].reshape(count, pads) if pads else np.zeros((count, 0)),
        "action": action,
        "progress": progress,
        "aux": table[TARGETS].reshape(count, -1) if TARGETS in table else np.zeros((count, 0)),
    }
    for name, values in found.items():
        bad = np.flatnonzero(~np.isfinite(values).reshape(count, -1).all(axis=1))
        if bad.size and name != "aux":  # where unknown is a value
            raise ConfigError(
                f"{episode.data}: {name} of episode {episode.number} is not finite in frame {bad[0]} ({bad.size} such "
                "frames); leave the episode out with `optimus dataset split --episodes`"
            )
    intervention = table.get("intervention", np.zeros(count, bool)).reshape(count)
    whole = {name: np.ascontiguousarray(values, np.float32) for name, values in found.items()}
    numbers = {"task": table["task_index"], "episode": np.full(count, episode.number), "frame": np.arange(count)}
    return {**whole, **{k: v.astype(np.int32) for k, v in numbers.items()}, "intervention": intervention.astype(bool)}


def _open(folder: Path, contract: PolicyContract) -> Shard:
    maps: list[mmap.mmap] = []
    try:
        images = {name: _map(folder / f"{name}.npy", maps) for name, _, _ in contract.cameras}
        rows = {name: _map(folder / f"{name}.npy", maps) for name in _ROWS}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder} is no whole part of a cache: {error}; delete it, it is made anew") from error
    return Shard(folder, images, rows, maps)


def _map(path: Path, maps: list[mmap.mmap]) -> NDArray[Any]:
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        offset = file.tell()
        if not int(np.prod(shape)):
            return np.zeros(shape, dtype)
        memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    maps.append(memory)
    return np.frombuffer(memory, dtype, int(np.prod(shape)), offset).reshape(shape)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time: the others of a training wait for what the first one makes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def outcomes(data_set: DataSet) -> Mapping[int, tuple[bool, str]]:
    """Of every episode: whether it may be trained on, and what tells its scene from others.

    Failures may not, unless a policy failed while an expert said what it should have done.
    """
    labelled, found = any(one.name == CHUNK for one in data_set.contract.extras), {}
    for one in data_set.episodes:
        document = data_set.document(one.number)
        failed = document.get("outcome", {}).get("success") is False
        corrected = labelled and document.get("operator") == "policy"
        seed = document.get("scene_seed")
        found[one.number] = (corrected or not failed, f"episode {one.number}" if seed is None else f"scene {seed}")
    return found
