"""A data set open for recording: one process at a time, whole after every crash.

An episode is made ready in its own folder, then its files are moved into place in an order in which LeRobot can open
the data set after every single step: tasks, videos, meta/episodes, data, then the sums in stats.json and info.json.
`ready.json` says which files are on their way; with it there, a start completes the move, without it a start saves
what can be saved of the episode.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.episode import EpisodeInfo, Event, Outcome, RecordingContract, contract_from, contract_mismatch
from . import tables
from .episode_files import Draft, EpisodeFiles, rescue_episode, stage
from .files import (
    DatasetError,
    canonical,
    checksum,
    make_folder,
    move_whole,
    read_bytes,
    read_sealed,
    sealed,
    sync_file,
    sync_folder,
    write_whole,
)
from .layout import Layout
from .stats import Stats, merged

Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Saved:
    """A finished episode: its number, frames, and how long saving took, s."""

    episode: int
    frames: int
    seconds: float


class Store:
    """The data set in the folder `root`, made when there is none. Call `close` at the end.

    `say` is told in words what a start had to mend. Raises DatasetError when another recorder has the folder, when
    it holds the data of another robot, or when it is no data set of ours.
    """

    def __init__(self, root: Path, contract: RecordingContract, say: Callable[[str], None] = lambda text: None) -> None:
        self.layout, self.contract, self._say = Layout(root), contract, say
        make_folder(root)
        self._lock = _take(self.layout.lock)
        self._clearing = threading.Thread(target=lambda: None)
        self._clearing.start()
        self._documents = threading.Lock()  # sealing happens beside the recording
        try:
            self._require_ours()
            self.episodes = self.frames = 0
            self.tasks: list[str] = []
            self._stats: dict[str, Stats] = {}
            self._load()
            self._repair()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let other recorders in."""
        self._clearing.join()
        os.close(self._lock)

    def begin(self, info: EpisodeInfo) -> EpisodeFiles:
        """A new episode; `Store.save` or `Store.set_aside` ends it."""
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
        folder, number = self.layout.recording / name, 1
        while folder.exists():
            folder, number = self.layout.recording / f"{name}-{number}", number + 1
        return EpisodeFiles(folder, self.contract, info)

    def save(self, draft: Draft) -> Saved:
        """Make a finished episode part of the data set. Raises OSError when the disk is full; nothing is harmed."""
        began = time.monotonic()
        number = self.episodes
        for step in self._saving(draft):
            step()
        self._clearing.join()
        self._clearing = threading.Thread(target=_clear, args=(draft.folder,), name="clear")
        self._clearing.start()  # nobody waits for what is only left over
        return Saved(number, len(draft.rows), time.monotonic() - began)

    def steps(self, draft: Draft) -> Iterator[Step]:
        """What `save` does, step by step; a crash between any two of them leaves a data set that can be opened."""
        yield from self._saving(draft)
        yield lambda: _clear(draft.folder)

    def _saving(self, draft: Draft) -> Iterator[Step]:
        episode, first = self.episodes, self.frames
        tasks = [*self.tasks, *(text for text in draft.tasks if text not in self.tasks)]
        stats: dict[str, Stats] = {}
        yield lambda: stats.update(stage(draft, self.contract, episode, first, tasks))
        yield lambda: self._describe(draft, episode)
        moves = self._moves(episode, draft.folder)
        yield lambda: _at_once(sync_file, [source for source, _ in moves])
        ready = {"episode": episode, "tasks": tasks}
        yield lambda: write_whole(draft.folder / "ready.json", sealed(ready))
        yield from self._move(tasks, moves)
        yield lambda: self._count(len(draft.rows), tasks, stats)
        yield self._sums

    def set_aside(self, folder: Path, reason: str) -> Path:
        """Put an episode that is not wanted, or can't be used, where nobody reads it. Nothing is deleted."""
        target = self.layout.set_aside / folder.name
        move_whole(folder, target)
        (target / "reason.txt").write_text(reason + "\n")
        return target

    def seal(self, episode: int) -> None:
        """Note the checksums of all files of an episode; slow, so it is done after `save`, beside the robot."""
        files = {
            self.layout.relative(path): {"bytes": path.stat().st_size, "sha256": checksum(path)}
            for path in self._files(episode)
        }
        with self._documents:
            document = read_sealed(self.layout.document(episode))
            write_whole(self.layout.document(episode), sealed({**document, "files": files}))

    def label(self, episode: int, success: bool | None, reason: str = "", note: str = "") -> None:
        """Say how an episode went (`success` None: leave that), also long after it ended, or note something about it.

        Raises DatasetError when there is no such episode, ConfigError for a failure without a reason.
        """
        if not 0 <= episode < self.episodes:
            raise DatasetError(f"there is no episode {episode}; {self.layout.root} holds 0 to {self.episodes - 1}")
        changes = {} if success is None else {"outcome": asdict(Outcome(success, reason, "person"))}
        how = {True: "success", False: f"failure: {reason}", None: ""}[success]
        text = "; ".join(text for text in (how, note) if text)
        with self._documents:
            document = read_sealed(self.layout.document(episode)) | changes
            event = Event(document["frames"] / document["fps"], "label", text)
            document["events"] = [*document["events"], asdict(event)]
            write_whole(self.layout.document(episode), sealed(document))

    def _require_ours(self) -> None:
        if self.layout.robot.exists():
            where = str(self.layout.robot)
            theirs = contract_from(read_sealed(self.layout.robot), where)
            if lines := contract_mismatch(self.contract, theirs, "this robot", where):
                text = "\n  ".join(lines)
                raise DatasetError(
                    f"{self.layout.root} holds recordings of something else; use another folder:\n  {text}"
                )
        elif self.layout.info.exists() or any(self.layout.root.glob("data/*/*.parquet")):
            raise DatasetError(
                f"{self.layout.root} is a data set that was not recorded here (no meta/robot.json), so nobody "
                "knows its joint order; record into another folder"
            )
        else:
            write_whole(self.layout.robot, sealed(self.contract.to_mapping()))

    def _load(self) -> None:
        """Take the sums from meta/, or make them anew from the episodes when they do not fit their checksums."""
        layout = self.layout
        try:
            sums = read_sealed(layout.checksums)
            content = {name: read_bytes(layout.root / name) for name in sums["files"]}
            intact = {name: hashlib.sha256(one).hexdigest() for name, one in content.items()} == sums["files"]
        except DatasetError:
            intact = False
        if intact:
            raw = json.loads(read_bytes(layout.info))
            self.episodes, self.frames = raw["total_episodes"], raw["total_frames"]
            self.tasks = tables.read_tasks(read_bytes(layout.tasks))
            self._stats = _stats_from(json.loads(read_bytes(layout.stats)))
        elif layout.data(0).exists():
            self._rebuild()

    def _rebuild(self) -> None:
        self.episodes = self.frames = 0
        self.tasks, parts = [], []
        while self.layout.data(self.episodes).exists() and self.layout.meta(self.episodes).exists():
            row, stats = tables.read_episode(read_bytes(self.layout.meta(self.episodes)))
            self.tasks += [text for text in row["tasks"] if text not in self.tasks]
            self.frames += row["length"]
            self.episodes += 1
            parts.append(stats)
        self._stats = merged(parts)
        write_whole(self.layout.tasks, tables.tasks_parquet(self.tasks))
        self._sums()
        self._say(f"the sums in {self.layout.root}/meta did not fit the episodes and were made anew from them")

    def _repair(self) -> None:
        for folder in sorted(self.layout.recording.glob("*")):
            if not folder.is_dir():
                continue
            if (folder / "ready.json").exists():
                self._complete(folder)
            elif not any(folder.iterdir()):
                folder.rmdir()  # of an episode that was saved
            elif not (folder / "start.json").exists():
                self._orphan(folder, "the recorder was ended before the first frame")
            else:
                self._rescue(folder)
        for episode in range(self.episodes - 1, -1, -1):
            try:
                if "files" in read_sealed(self.layout.document(episode)):
                    break
                self.seal(episode)
            except DatasetError as error:
                self._say(str(error))

    def _rescue(self, folder: Path) -> None:
        try:
            draft = rescue_episode(folder, self.contract)
        except DatasetError as error:
            self._orphan(folder, str(error))
            return
        if draft is None:
            self._orphan(folder, "not one whole frame was recorded")
            return
        saved = self.save(draft)
        self._say(f"episode {saved.episode} was cut short and is repaired: {draft.rescued} ({draft.outcome.reason})")

    def _complete(self, folder: Path) -> None:
        ready = read_sealed(folder / "ready.json")
        episode = ready["episode"]
        for step in self._move(ready["tasks"], self._moves(episode, folder)):
            step()
        self._rebuild()
        _clear(folder)
        self._say(f"episode {episode} was complete when the recorder ended; it is part of the data set now")

    def _orphan(self, folder: Path, reason: str) -> None:
        target = self.set_aside(folder, reason)
        self._say(f"an unfinished episode is set aside in {target}: {reason}")

    def _describe(self, draft: Draft, episode: int) -> None:
        draft.wait()
        document = {
            **draft.info.to_mapping(),
            "episode": episode,
            "frames": len(draft.rows),
            "fps": self.contract.fps,
            "tasks": draft.tasks,
            "begin": float(draft.rows["capture_time"][0]),
            "outcome": asdict(draft.outcome),
            "events": [asdict(event) for event in draft.events],
            "sync": draft.sync,
            "accepted": not draft.refused,
            "refused_because": draft.refused,
        }
        write_whole(draft.folder / "episode.json", sealed(document))

    def _moves(self, episode: int, folder: Path) -> list[tuple[Path, Path]]:
        layout = self.layout
        videos = [(folder / f"{name}.mp4", layout.video(name, episode)) for name, _, _ in self.contract.cameras]
        extras = [
            (folder / name, layout.episode(episode) / name) for name in ("episode.json", "episode.mcap", "sync.npz")
        ]
        tables_ = [(folder / "meta.parquet", layout.meta(episode)), (folder / "data.parquet", layout.data(episode))]
        return [pair for pair in [*videos, *extras, *tables_] if pair[0].exists() or pair[1].exists()]

    def _move(self, tasks: list[str], moves: list[tuple[Path, Path]]) -> Iterator[Step]:
        """The last two of `moves` are the tables, which only count when all before them is there."""
        content = tables.tasks_parquet(tasks)
        if not self.layout.tasks.exists() or self.layout.tasks.read_bytes() != content:
            yield lambda: write_whole(self.layout.tasks, content)
        *rest, meta, data = moves
        folders = list(dict.fromkeys(target.parent for _, target in rest))
        yield lambda: [make_folder(one) for one in folders] and None
        for source, target in rest:
            yield lambda source=source, target=target: _rename(source, target)  # type: ignore[misc]
        yield lambda: _at_once(sync_folder, folders)
        for source, target in (meta, data):
            yield lambda target=target: make_folder(target.parent)  # type: ignore[misc]
            yield lambda source=source, target=target: _rename(source, target)  # type: ignore[misc]
            yield lambda target=target: sync_folder(target.parent)  # type: ignore[misc]

    def _count(self, frames: int, tasks: list[str], stats: dict[str, Stats]) -> None:
        self._stats = merged([self._stats, stats]) if self._stats else stats
        self.episodes, self.frames, self.tasks = self.episodes + 1, self.frames + frames, tasks

    def _sums(self) -> None:
        """Replace the sums one after the other, info.json last; those that do not fit together are made anew."""
        layout = self.layout
        info = canonical(tables.info(self.contract, self.episodes, self.frames, len(self.tasks)))
        stats = canonical(tables.stats_json(self._stats))
        content = {layout.info: info, layout.stats: stats, layout.tasks: read_bytes(layout.tasks)}
        sums = {layout.relative(path): hashlib.sha256(one).hexdigest() for path, one in content.items()}
        new = {layout.stats: stats, layout.checksums: sealed({"files": sums}), layout.info: info}
        parts = {path: path.with_name(f".{path.name}.part") for path in new}
        for path, one in new.items():
            parts[path].write_bytes(one)
        _at_once(sync_file, list(parts.values()))
        for path, part in parts.items():
            part.replace(path)
        sync_folder(layout.info.parent)

    def _files(self, episode: int) -> list[Path]:
        layout = self.layout
        videos = [layout.video(name, episode) for name, _, _ in self.contract.cameras]
        names = ("episode.mcap", "sync.npz", "sync.png")
        extras = [path for name in names if (path := layout.episode(episode) / name).exists()]
        return [layout.meta(episode), layout.data(episode), *videos, *extras]


def _take(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise DatasetError(
            f"{path.parent} is being recorded into by process {owner}; stop that recorder or choose another folder "
            "(parameter folder of recorder_node, `optimus record FOLDER`)"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _at_once(work: Callable[[Path], None], paths: list[Path]) -> None:
    """For all paths at the same time: the disk brings them home together."""
    with ThreadPoolExecutor(max(len(paths), 1)) as pool:
        list(pool.map(work, paths))


def _rename(source: Path, target: Path) -> None:
    """Unless an earlier start did it."""
    if source.exists():
        source.replace(target)


def _clear(folder: Path) -> None:
    """Delete what is left of a saved episode's folder; the file that says it was saved goes last."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == "ready.json"):
        path.unlink()
    folder.rmdir()


def _stats_from(raw: dict[str, Any]) -> dict[str, Stats]:
    return {key: {name: np.array(value) for name, value in one.items()} for key, one in raw.items()}
