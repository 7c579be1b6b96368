"""Is a data set whole? Every changed bit and every missing end of a file is found and named.

Ours are compared with their checksums: those of an episode's files are in its episode.json, those of the sums of the
whole data set in meta/checksums.json; both, and meta/robot.json, hold a checksum of their own text. Data sets from
elsewhere have none, so for them only what must fit together is compared. Not looked at: .lock, set_aside/, view/.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from mcap.exceptions import McapError
from mcap.reader import make_reader

from ..core.episode import contract_from
from ..core.errors import OptimusError
from .files import DatasetError, checksum, read_sealed
from .layout import PER_CHUNK, Layout
from .reader import BROKEN, DataSet, Episode
from .video import decodable_frames, frames_in

DAMAGE, NOTE = "damage", "note"
_COPY = "restore it from a copy"
_LEAVE_OUT = f"{_COPY}; without one, `optimus dataset split` keeps the other episodes (--episodes)"
_ANEW = "record into the folder again or label an episode: the recorder makes the sums anew from the episodes"
_ELSEWHERE = ("recording", "set_aside", "view", ".cache", ".git")
_FOREIGN = ("README.md", ".gitattributes", ".gitignore", "LICENSE", ".lock")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind`: damage, or note for what is unfinished but not wrong. `file`: path below the data set."""

    kind: str
    file: str
    got: str
    expected: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}: {self.got}; expected {self.expected}. To do: {self.fix}"

    def to_mapping(self) -> dict[str, str]:
        """For --json."""
        return asdict(self)


def damaged(findings: Iterable[Finding]) -> bool:
    """Whether any of them is damage."""
    return any(finding.kind == DAMAGE for finding in findings)


def check(root: Path, progress: Progress = lambda done, total: None, deep: bool = False) -> list[Finding]:
    """All that is wrong or unfinished in a data set. `progress` is told how many of how many bytes were read.

    `deep`: decode every picture and every message too, for what was wrong already when it was written.
    Raises DatasetError when `root` is no data set at all.
    """
    return _Check(Layout(Path(root)), progress, deep).run()


class _Check:
    def __init__(self, layout: Layout, progress: Progress, deep: bool) -> None:
        self._layout, self._progress, self._deep = layout, progress, deep
        self._found: list[Finding] = []
        self._known: set[str] = set()  # files that belong here
        self._bad: set[str] = set()  # files with a finding; nothing more is asked of them
        self._moving: set[int] = set()  # episodes whose save was cut short
        self._done, self._total = 0, 0

    def run(self) -> list[Finding]:
        layout = self._layout
        ours = any(path.exists() for path in (layout.robot, layout.checksums, layout.root / "episodes"))
        if not ours and not layout.info.exists():
            DataSet.open(layout.root)  # says what is wrong with the folder
        self._unfinished()
        if ours:
            self._ours()
        data_set = None
        if not ours or layout.info.exists():
            try:
                data_set = DataSet.open(layout.root)
            except DatasetError as error:
                self._unless_known(error)
        if data_set is not None:
            self._fits(data_set, ours)
        self._orphans(ours)
        return self._found

    # What is there

    def _ours(self) -> None:
        layout = self._layout
        cameras: tuple[str, ...] = ()
        if (raw := self._sealed(layout.robot, _COPY)) is not None:
            with self._guard(layout.robot):
                cameras = tuple(name for name, _, _ in contract_from(raw, str(layout.robot)).cameras)
        numbers = set(range(self._last_number() + 1))
        documents = {number: self._document(number) for number in sorted(numbers - self._moving)}
        listed = {number: (one or {}).get("files", {}) for number, one in documents.items()}
        sums = (layout.info, layout.stats, layout.tasks)
        files = [(name, want) for one in listed.values() for name, want in one.items()]
        self._total = sum(want["bytes"] for _, want in files) + sum(p.stat().st_size for p in sums if p.exists())
        if numbers - self._moving:
            self._sums(sums)
        for number, wanted in listed.items():
            for path in self._expected(number, cameras, wanted):
                self._file(path, wanted.get(layout.relative(path)))
        for number in self._moving:
            self._known |= {layout.relative(path) for path in self._expected(number, cameras, {})}
            self._known.add(layout.relative(layout.document(number)))

    def _last_number(self) -> int:
        """The highest episode that any file speaks of, -1 when there is none."""
        found = [-1]
        for kind in ("data", "meta/episodes", *(f"videos/{p.name}" for p in self._layout.root.glob("videos/*"))):
            for path in (self._layout.root / kind).glob("chunk-*/file-*.*"):
                if match := re.fullmatch(r"chunk-(\d+)/file-(\d+)", f"{path.parent.name}/{path.stem}"):
                    found.append(int(match[1]) * PER_CHUNK + int(match[2]))
        for path in (self._layout.root / "episodes").glob("episode-*"):
            if re.fullmatch(r"episode-\d{6,}", path.name):
                found.append(int(path.name.removeprefix("episode-")))
        if self._layout.info.exists():
            try:
                found.append(min(int(json.loads(self._layout.info.read_bytes())["total_episodes"]) - 1, max(found) + 1))
            except (ValueError, KeyError, TypeError):
                pass  # its checksum tells
        return max(found)

    def _document(self, number: int) -> dict[str, Any] | None:
        path = self._layout.document(number)
        raw = self._sealed(path, _LEAVE_OUT)
        if raw is not None and "files" not in raw:
            self._note(path, "not sealed yet: nobody noted the checksums", "a recorder seals it when it starts")
        return raw

    def _expected(self, number: int, cameras: tuple[str, ...], listed: dict[str, Any]) -> list[Path]:
        """The files of an episode: those every one has, those that are listed, and what may lie beside them."""
        layout = self._layout
        always = [layout.meta(number), layout.data(number), *(layout.video(name, number) for name in cameras)]
        more = [layout.root / name for name in listed]
        if not listed:
            names = ("episode.mcap", "sync.npz", "sync.png")
            more = [path for name in names if (path := layout.episode(number) / name).exists()]
        return list(dict.fromkeys([*always, *more]))

    def _sealed(self, path: Path, fix: str) -> dict[str, Any] | None:
        name = self._layout.relative(path)
        self._known.add(name)
        if not path.exists():
            self._damage(name, "missing", "a file", fix)
            return None
        try:
            return read_sealed(path)
        except DatasetError:
            self._damage(name, "its text does not fit the checksum in it", "an unchanged text", fix)
            return None

    def _sums(self, paths: Iterable[Path]) -> None:
        layout = self._layout
        sums = self._sealed(layout.checksums, _ANEW)
        for path in paths:
            name = layout.relative(path)
            self._known.add(name)
            if not path.exists():
                self._damage(name, "missing", "a file", _ANEW)
            elif sums is not None and not self._moving:
                content = path.read_bytes()
                self._advance(len(content))
                got, want = hashlib.sha256(content).hexdigest(), sums.get("files", {}).get(name, "no such file")
                if got != want:
                    self._damage(name, f"sha256 {got}", f"sha256 {want} (meta/checksums.json)", _ANEW)

    def _file(self, path: Path, want: dict[str, Any] | None) -> None:
        name = self._layout.relative(path)
        self._known.add(name)
        if not path.is_file():
            size = f"{want['bytes']} bytes" if want else "a file"
            self._damage(name, "missing", size, _LEAVE_OUT)
        elif want is None:
            return  # not sealed, or orphaned: what must fit together is all that can be asked
        elif (size := path.stat().st_size) != want["bytes"]:
            self._damage(name, f"{size} bytes", f"{want['bytes']} bytes", _LEAVE_OUT)
        elif (got := checksum(path)) != want["sha256"]:
            self._damage(name, f"sha256 {got}", f"sha256 {want['sha256']}", _LEAVE_OUT)
        if want is not None:
            self._advance(want["bytes"])

    def _unfinished(self) -> None:
        layout = self._layout
        for folder in sorted(layout.recording.glob("*")):
            if (folder / "ready.json").exists():
                try:
                    self._moving.add(int(read_sealed(folder / "ready.json")["episode"]))
                except DatasetError as error:
                    self._damage(layout.relative(folder / "ready.json"), str(error), "an unchanged text", _COPY)
                got = "an episode that is being saved, or whose save was cut short"
            else:
                got = "an episode that is being recorded, or that was cut short"
            self._note(
                folder, got, "nothing while a recorder runs; otherwise the next start of a recorder completes it"
            )

    def _orphans(self, ours: bool) -> None:
        layout = self._layout
        for path in sorted(layout.root.rglob("*")):
            name = layout.relative(path)
            top = name.split("/")[0]
            if path.is_dir() or name in self._known or top in _ELSEWHERE or name in _FOREIGN:
                continue
            if path.name.startswith(".") and path.name.endswith(".part"):
                self._note(path, "left over from a write that was cut short", "delete it when no recorder runs")
            elif ours or name.endswith((".parquet", ".mp4")):
                fix = "move it out of the data set; LeRobot reads every table it finds in data/ and meta/episodes/"
                self._damage(name, "a file that nothing in the data set speaks of", "no such file", fix)

    # What fits together

    def _fits(self, data_set: DataSet, ours: bool) -> None:
        layout, episodes = self._layout, data_set.episodes
        total = {"total_episodes": len(episodes), "total_frames": data_set.frames_total}
        total["total_tasks"] = len(data_set.tasks)
        if not ours:
            self._known |= {layout.relative(p) for p in (layout.info, layout.stats, layout.tasks) if p.exists()}
            self._known |= {layout.relative(path) for one in episodes for path in _files(one)}
        for key, want in total.items():
            if data_set.info.get(key) != want and not self._moving:
                self._differs(layout.info, f"{key} {data_set.info.get(key)}", f"{want}, as in meta/", _ANEW)
        if list(data_set.tasks) != list(range(len(data_set.tasks))):
            self._differs(layout.tasks, f"task_index {list(data_set.tasks)[:9]}", "0, 1, 2, ...", _COPY)
        first = 0
        for at, one in enumerate(episodes):
            if one.number != at:
                self._differs(one.meta, f"episode_index {one.number}", f"{at}, without gaps", _COPY)
                break
            if (one.first, one.end) != (first, first + one.frames):
                self._differs(
                    one.meta,
                    f"episode {at} from index {one.first} to {one.end}",
                    f"{first} to {first + one.frames}",
                    _COPY,
                )
            first = one.end
            if one.number not in self._moving:
                self._table(data_set, one)
                self._streams(one)
                if ours:
                    self._document_fits(data_set, one)
            if not self._total:
                self._progress(at + 1, len(episodes))
        self._order(episodes)
        self._videos(data_set)

    def _table(self, data_set: DataSet, episode: Episode) -> None:
        if self._is_bad(episode.data):
            return
        with self._guard(episode.data):
            names = ("index", "episode_index", "frame_index", "task_index", "timestamp")
            columns = data_set.columns(episode.number, names)
            frame = np.arange(episode.frames)
            if len(columns["index"]) != episode.frames:
                rows = f"{len(columns['index'])} rows of episode {episode.number}"
                self._differs(episode.data, rows, f"{episode.frames} (meta/episodes)", _LEAVE_OUT)
                return
            wrong = {
                "index": columns["index"] != episode.first + frame,
                "frame_index": columns["frame_index"] != frame,
                "timestamp": ~(np.abs(columns["timestamp"] - frame / data_set.fps) < 1e-4),
                "task_index": ~np.isin(columns["task_index"], list(data_set.tasks)),
            }
            rule = {
                "index": "one more than in the row before, over all episodes",
                "frame_index": "0, 1, 2, ... in every episode",
                "timestamp": f"frame_index / {data_set.fps:g} s",
                "task_index": f"one of 0 to {len(data_set.tasks) - 1} (meta/tasks.parquet)",
            }
            for name, rows in wrong.items():
                if rows.any():
                    at = int(np.flatnonzero(rows)[0])
                    got = f"{name} {columns[name][at]} in row {at} of episode {episode.number}"
                    self._differs(episode.data, got, rule[name], _LEAVE_OUT)
                    return

    def _document_fits(self, data_set: DataSet, episode: Episode) -> None:
        path = self._layout.document(episode.number)
        if self._is_bad(path) or self._is_bad(episode.meta):
            return
        with self._guard(path):
            document = data_set.document(episode.number)
            known = {"episode": episode.number, "frames": episode.frames, "fps": data_set.info["fps"]}
            known["tasks"] = list(episode.tasks)
            for key, want in known.items():
                if document.get(key) != want:
                    self._differs(path, f"{key} {document.get(key)!r}", f"{want!r} (meta/)", _LEAVE_OUT)
                    return

    def _streams(self, episode: Episode) -> None:
        path = self._layout.mcap(episode.number)
        if not path.exists() or self._is_bad(path):
            return
        with self._guard(path), path.open("rb") as file:
            reader = make_reader(file, validate_crcs=True)
            if (summary := reader.get_summary()) is None or summary.statistics is None:
                self._differs(path, "no summary", "one at the end of the file", _LEAVE_OUT)
            elif self._deep:
                got, want = sum(1 for _ in reader.iter_messages()), summary.statistics.message_count
                if got != want:
                    self._differs(path, f"{got} messages", f"{want}, as its summary says", _LEAVE_OUT)

    def _order(self, episodes: Iterable[Episode]) -> None:
        """LeRobot joins tables in the order of their paths."""
        for one, after in itertools.pairwise(episodes):
            if str(one.data) > str(after.data):
                got = f"episode {after.number} in a file that sorts before that of episode {one.number}"
                self._differs(after.data, got, "files in the order of the episodes", _COPY)

    def _videos(self, data_set: DataSet) -> None:
        """Every video must hold as many pictures as its episodes have rows."""
        wanted: dict[Path, int] = defaultdict(int)
        for one in (one for one in data_set.episodes if one.number not in self._moving):
            for part in one.videos.values():
                wanted[part.path] += one.frames
                seconds = one.frames / data_set.fps
                if abs(part.end - part.begin - seconds) > 0.5 / data_set.fps:
                    got = f"episode {one.number} lasts {part.end - part.begin:g} s in {part.path.name}"
                    self._differs(one.meta, got, f"{seconds:g} s", _COPY)
        for path, want in wanted.items():
            if self._is_bad(path):
                continue
            with self._guard(path):
                got = decodable_frames(path) if self._deep else frames_in(path)
                if got != want:
                    self._differs(path, f"{got} pictures", f"{want}, one for each row", _LEAVE_OUT)

    # Noting

    @contextmanager
    def _guard(self, path: Path) -> Iterator[None]:
        """What reading a damaged file raises, as a finding."""
        try:
            yield
        except (OptimusError, McapError, *BROKEN, EOFError, struct.error, zstandard.ZstdError) as error:
            reason = (str(error).splitlines() or [""])[0]
            self._differs(path, f"{type(error).__name__}: {reason}", "a file that can be read", _LEAVE_OUT)

    def _unless_known(self, error: DatasetError) -> None:
        """Note why the data set can't be opened, unless a finding says it already."""
        if not any(str(self._layout.root / name) in str(error) for name in self._bad):
            self._found.append(Finding(DAMAGE, "meta", str(error), "files that can be read", _COPY))

    def _is_bad(self, path: Path) -> bool:
        return self._layout.relative(path) in self._bad

    def _differs(self, path: Path, got: str, expected: str, fix: str) -> None:
        if not self._is_bad(path):
            self._damage(self._layout.relative(path), got, expected, fix)

    def _damage(self, name: str, got: str, expected: str, fix: str) -> None:
        self._bad.add(name)
        self._found.append(Finding(DAMAGE, name, got, expected, fix))

    def _note(self, path: Path, got: str, fix: str) -> None:
        self._found.append(Finding(NOTE, self._layout.relative(path), got, "nothing unfinished", fix))

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress(min(self._done, self._total), self._total)


def _files(episode: Episode) -> list[Path]:
    return [episode.meta, episode.data, *(part.path for part in episode.videos.values())]
