"""The files of the running episode, `recording/<name>/`, and what becomes of them when it ends or was cut short.

start.json     what is known when it begins; the folder counts from when this file is there
rows.bin       the table, one record per frame
<camera>.mp4   pictures, in fragments
notes.jsonl    tasks in order of appearance, events, the outcome; one line each
episode.mcap   every stream at its own rate
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from ..core.episode import Column, EpisodeInfo, Event, FrameRow, Outcome, RecordingContract, episode_info
from ..core.values import ImageArray
from . import tables
from .files import DatasetError, make_folder, read_sealed, sealed, sync_file, sync_folder, write_whole
from .mcap_log import repair
from .rows import RowLog, Rows, read_rows, row_type
from .stats import PictureStats, Stats, column_stats, sample
from .video import Mp4File, Packet, copy_frames, frames_in, rescue

_SAMPLED = 10  # every so many-th picture of a rescued episode is counted
CUT_SHORT = "the recorder ended before the episode did"


@dataclass
class Draft:
    """An episode whose files are complete in `folder`. `rescued`: what was mended, in words, when it was cut short.

    extras: the columns that only this data set has.

    wait: called when its tables are staged; afterwards `sync`, `refused` and all other files are there too.
    """

    folder: Path
    info: EpisodeInfo
    rows: Rows
    tasks: list[str]
    outcome: Outcome
    pictures: dict[str, Stats]
    events: list[Event] = field(default_factory=list)
    sync: dict[str, Any] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    rescued: str = ""
    extras: tuple[Column, ...] = ()
    wait: Callable[[], object] = lambda: None

    def stats(self, table: Mapping[str, Any]) -> dict[str, Stats]:
        """LeRobot's statistics of every feature; `table` holds the columns. Labels of training have none."""
        labels = {one.name for one in self.extras}
        found = {key: column_stats(values) for key, values in table.items() if key not in labels}
        return {**found, **{f"observation.images.{name}": one for name, one in self.pictures.items()}}


class EpisodeFiles:
    """Writes the running episode. One thread calls `add`, `event` and `finish`; another may call `sync`."""

    def __init__(self, folder: Path, contract: RecordingContract, info: EpisodeInfo) -> None:
        make_folder(folder.parent)
        folder.mkdir()
        sync_folder(folder.parent)
        self.folder, self.info, self._contract = folder, info, contract
        self._rows = RowLog(folder / "rows.bin", contract)
        self._videos = {name: Mp4File(folder / f"{name}.mp4", contract.fps) for name, _, _ in contract.cameras}
        self._pictures = {name: PictureStats() for name, _, _ in contract.cameras}
        self._notes = os.open(folder / "notes.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.tasks: list[str] = []
        self.events: list[Event] = []
        write_whole(folder / "start.json", sealed({**info.to_mapping(), "contract": contract.to_mapping()}))

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return self._rows.count

    @property
    def mcap(self) -> Path:
        """Where the streams go, for `mcap_log`."""
        return self.folder / "episode.mcap"

    def add(self, row: FrameRow, packets: Mapping[str, Packet], samples: Mapping[str, ImageArray] | None) -> None:
        """One frame: its row, one packet per camera, and, now and then, `stats.sample` of its pictures.

        The first frame needs samples, and its packets must be key frames.

        Raises OSError when the disk is full.
        """
        if row.task not in self.tasks:
            self.tasks.append(row.task)
            self._note({"task": row.task})
        for name, video in self._videos.items():
            video.add(packets[name])
            if samples is not None:
                self._pictures[name].add(samples[name])
        self._rows.add(row, self.tasks.index(row.task))

    def event(self, event: Event) -> None:
        """Note what happened."""
        self.events.append(event)
        self._note({"event": asdict(event)})

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        for path in [*(v.path for v in self._videos.values()), self.folder / "rows.bin", self.folder / "notes.jsonl"]:
            sync_file(path)
        sync_folder(self.folder)  # the streams' file came later than the others

    def finish(self, outcome: Outcome) -> Draft:
        """End all files; the videos while the tables are made.

        `wait` of the draft checks that every video holds as many pictures as the table has rows; it raises DatasetError
        when they differ and OSError when the disk is full, as this does. The folder can be rescued then.
        """
        pool = ThreadPoolExecutor(len(self._videos))
        ended = [pool.submit(_ended, video) for video in self._videos.values()]
        pool.shutdown(wait=False)
        try:
            self._note({"outcome": asdict(outcome)})
            rows = self._rows.rows()
        finally:
            self._rows.close()
            os.close(self._notes)
        pictures = {name: one.result() for name, one in self._pictures.items()}
        draft = Draft(self.folder, self.info, rows, self.tasks, outcome, pictures, self.events)
        draft.extras = self._contract.extras
        draft.wait = lambda: self._require_whole(ended, len(rows))
        return draft

    def abandon(self) -> None:
        """Let go of the files as they are."""
        for close in (*(video.close for video in self._videos.values()), self._rows.close):
            try:
                close()
            except (OSError, av.FFmpegError):
                pass  # a full disk is why it is abandoned
        os.close(self._notes)

    def _require_whole(self, ended: Sequence[Future[int]], frames: int) -> None:
        wait(ended)
        for video, one in zip(self._videos.values(), ended):
            if (found := one.result()) != frames:
                raise DatasetError(f"{video.path} holds {found} pictures, the table {frames} rows; the episode waits")

    def _note(self, line: Mapping[str, Any]) -> None:
        content = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        if os.write(self._notes, content) != len(content):
            raise OSError(28, "No space left on device")


def _ended(video: Mp4File) -> int:
    """End a video; the pictures it holds."""
    video.close()
    return frames_in(video.path)


def rehearse(contract: RecordingContract) -> None:
    """Do in memory what `stage` will do: NumPy and Arrow load much at the first use, while nobody waits yet."""
    rows = np.zeros(256, row_type(contract))
    table = tables.columns(rows, contract, 0, 0, {0: 0})
    stats = Draft(Path(), EpisodeInfo(), rows, [""], Outcome(None), {}, extras=contract.extras).stats(table)
    tables.data_parquet(table, contract)
    tables.episode_parquet(contract, 0, len(rows), 0, [""], stats)
    np.median(rows["capture_time"])
    np.savez(io.BytesIO(), rows["capture_time"])


def rescue_episode(folder: Path, contract: RecordingContract) -> Draft | None:
    """What can be saved of an episode that was cut short; None when there is not one whole frame.

    Raises DatasetError when its start.json is damaged or was written for another robot.
    """
    start = read_sealed(folder / "start.json")
    if start["contract"] != json.loads(json.dumps(contract.to_mapping())):
        raise DatasetError(f"{folder} was recorded with another robot, camera or rate than this data set")
    rows = read_rows(folder / "rows.bin", contract)
    paths = {name: folder / f"{name}.mp4" for name, _, _ in contract.cameras}
    found = {name: rescue(path, contract.fps) if path.exists() else 0 for name, path in paths.items()}
    frames = min(len(rows), *found.values())
    if frames == 0:
        return None
    for path in paths.values():
        whole = path.with_suffix(".whole.mp4")
        copy_frames(path, whole, frames, contract.fps)
        if (got := frames_in(whole)) != frames:
            raise DatasetError(f"{path} gave {got} of {frames} pictures back; it stays where it is")
        sync_file(whole)  # until it is on the disk, the cut one is all there is
        whole.replace(path)
    tasks, events, outcome = _read_notes(folder / "notes.jsonl")
    tasks += ["unknown"] * (int(rows["task"][:frames].max()) + 1 - len(tasks))
    lost = {"table": len(rows), **found}
    text = f"{frames} frames are left of {', '.join(f'{name} {count}' for name, count in lost.items())}"
    if outcome is None:
        outcome = Outcome(False, CUT_SHORT)
        events.append(Event(frames / contract.fps, "recorder", f"{CUT_SHORT}: {text}"))
    if problem := _repair_streams(folder / "episode.mcap"):
        events.append(Event(frames / contract.fps, "recorder", problem))
    pictures = {name: _picture_stats(path) for name, path in paths.items()}
    extras = contract.extras
    return Draft(folder, episode_info(start), rows[:frames], tasks, outcome, pictures, events, {}, [], text, extras)


def stage(
    draft: Draft, contract: RecordingContract, episode: int, first: int, tasks: Sequence[str]
) -> dict[str, Stats]:
    """Write the episode's Parquet files beside the videos. `tasks`: those of the data set. Returns its statistics."""
    numbers = {i: tasks.index(text) for i, text in enumerate(draft.tasks)}
    table = tables.columns(draft.rows, contract, episode, first, numbers)
    with ThreadPoolExecutor(1) as beside:
        data = beside.submit(tables.data_parquet, table, contract)
        stats = draft.stats(table)
    (draft.folder / "data.parquet").write_bytes(data.result())
    row = tables.episode_parquet(contract, episode, len(draft.rows), first, draft.tasks, stats)
    (draft.folder / "meta.parquet").write_bytes(row)
    return stats


def _picture_stats(path: Path) -> Stats:
    counted = PictureStats()
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % _SAMPLED == 0:
                counted.add(sample(frame.to_ndarray(format="rgb24")))
    return counted.result()


def _repair_streams(path: Path) -> str:
    """Give the MCAP file its index back. Returns why that is not possible; the file stays as it is then."""
    try:
        if path.exists():
            repair(path)
    except DatasetError as error:
        return str(error)
    return ""


def _read_notes(path: Path) -> tuple[list[str], list[Event], Outcome | None]:
    tasks: list[str] = []
    events: list[Event] = []
    outcome = None
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            note = json.loads(line)
        except ValueError:
            continue  # the line that was being written
        if "task" in note:
            tasks.append(note["task"])
        elif "event" in note:
            events.append(Event(**note["event"]))
        elif "outcome" in note:
            outcome = Outcome(**note["outcome"])
    return tasks, events, outcome
