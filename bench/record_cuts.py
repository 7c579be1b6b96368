"""Cuts every file of a running episode at every byte of its end and repairs it; `record_kills.py --truncate`."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import av
from mcap.reader import make_reader
from record_kills import CAMERAS, CONTRACT, TICK, Feed, check_opens

from optimus_nodes.core.episode import EpisodeInfo, Event, Outcome
from optimus_nodes.dataset.episode_files import _read_notes
from optimus_nodes.dataset.layout import Layout
from optimus_nodes.dataset.mcap_file import RECORD
from optimus_nodes.dataset.mcap_log import repair
from optimus_nodes.dataset.rows import read_rows, row_type
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.video import rescue

Boundaries = list[tuple[int, int]]  # where something whole ends, bytes; how many rows, pictures, ... there are by then


def running_episode(scratch: Path, seconds: float) -> Path:
    """The folder of an episode as a kill after `seconds` leaves it."""
    feed = Feed(scratch / "recorded", 0.0, 1)
    while feed.recorder.missing():
        feed.tick()
    assert feed.recorder.start(EpisodeInfo("wave", "script")) == ""
    began, offset = time.monotonic(), feed.time
    while feed.time - offset < seconds:
        feed.tick()
        if round(feed.time / TICK) % 25 == 0:
            feed.recorder.event("label", f"at {feed.time:.2f} s")
        time.sleep(max(0.0, began + feed.time - offset - time.monotonic()))
    (running,) = (scratch / "recorded/recording").iterdir()
    copy = scratch / "running"
    shutil.copytree(running, copy)
    feed.recorder.stop(Outcome(True))
    feed.recorder.close()
    return copy


def _rows(content: bytes) -> Boundaries:
    size = row_type(CONTRACT).itemsize
    return [(number * size, number) for number in range(len(content) // size + 1)]


def _lines(content: bytes) -> Boundaries:
    parts = content.split(b"\n")[:-1]
    return [(sum(len(one) + 1 for one in parts[:number]), number) for number in range(len(parts) + 1)]


def _fragments(content: bytes) -> Boundaries:
    found, place, pictures = [(0, 0)], 0, 0
    while place + 8 <= len(content):
        size, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        box = content[place : place + size]
        if kind in (b"moov", b"moof"):  # the first fragment is described by moov
            at = box.index(b"trun") + 8 if kind == b"moof" else box.index(b"stsz") + 12  # the number of pictures
            pictures += int.from_bytes(box[at : at + 4], "big")
        place += size
        if kind == b"mdat" and place <= len(content):
            found.append((place, pictures))
    return found


def _chunks(content: bytes) -> Boundaries:
    found, place, messages = [(0, 0)], 8, 0
    while place + RECORD.size <= len(content):
        opcode, size = RECORD.unpack_from(content, place)
        end = place + RECORD.size + size
        if opcode == 6 and end <= len(content):  # a chunk; the index records after it tell its messages
            found.append((end, messages))
        elif opcode == 7:  # 16 bytes for each message of one channel
            messages += (int.from_bytes(content[place + 11 : place + 15], "little")) // 16
            found[-1] = (found[-1][0], messages)
        place = end
    return found


def _count_rows(path: Path) -> int:
    return len(read_rows(path, CONTRACT))


def _count_notes(path: Path) -> int:
    tasks, events, _ = _read_notes(path)
    assert all(isinstance(one, Event) for one in events)
    return len(tasks) + len(events)


def _count_pictures(path: Path) -> int:
    return rescue(path, CONTRACT.fps)


def _count_messages(path: Path) -> int:
    return repair(path).messages


KINDS: dict[str, tuple[Callable[[bytes], Boundaries], Callable[[Path], int]]] = {
    "rows.bin": (_rows, _count_rows),
    "notes.jsonl": (_lines, _count_notes),
    **{f"{name}.mp4": (_fragments, _count_pictures) for name in CAMERAS},
    "episode.mcap": (_chunks, _count_messages),
}


def _cuts(size: int, tail: int, stride: int) -> Iterator[int]:
    yield from range(0, max(0, size - tail), stride)
    yield from range(max(0, size - tail), size + 1)


def cut_file(folder: Path, name: str, scratch: Path, tail: int, stride: int) -> dict[str, Any]:
    """Cut one file, repair it alone and count what is left."""
    bounds, count = KINDS[name]
    content = (folder / name).read_bytes()
    boundaries, path = bounds(content), scratch / name
    tried, problems, began = 0, [], time.monotonic()
    for length in _cuts(len(content), tail, stride):
        path.write_bytes(content[:length])
        expected = max(number for end, number in boundaries if end <= length)
        try:
            if (got := count(path)) < expected:
                problems.append(f"{name} cut at {length}: {got} of {expected} came back")
        except Exception as error:
            problems.append(f"{name} cut at {length}: {type(error).__name__}: {error}")
        tried += 1
    path.unlink()
    print(
        f"{name}: {tried} cuts of {len(content)} bytes in {time.monotonic() - began:.0f} s, {len(problems)} problems",
        file=sys.stderr,
    )
    return {"bytes": len(content), "cuts": tried, "whole": boundaries[-1][1], "problems": problems}


def cut_episode(folder: Path, name: str, scratch: Path, every: int = 1) -> dict[str, Any]:
    """Cut one file beside every `every`-th boundary and let the data set's next start repair the whole episode."""
    bounds, _ = KINDS[name]
    content = (folder / name).read_bytes()
    tried, problems, root = 0, [], scratch / "repaired"
    others = [bounds_((folder / one).read_bytes())[-1][1] for one, (bounds_, _) in KINDS.items() if _is_frames(one)]
    for end, number in bounds(content)[::-every]:
        for length in sorted({max(0, end - 1), end, min(len(content), end + 1)}):
            shutil.copytree(folder, root / "recording/one")
            (root / "recording/one" / name).write_bytes(content[:length])
            here = [n for e, n in bounds(content) if e <= length][-1]
            expected = min([*others, here]) if _is_frames(name) else min(others)
            try:
                Store(root, CONTRACT).close()
                _check_repaired(root, expected)
            except Exception as error:
                problems.append(f"{name} cut at {length}, {number}: {type(error).__name__}: {error}")
            tried += 1
            shutil.rmtree(root)
    return {"repairs": tried, "problems": problems}


def _is_frames(name: str) -> bool:
    return name.endswith((".bin", ".mp4"))


def _check_repaired(root: Path, expected: int) -> None:
    layout = Layout(root)
    if expected == 0:
        assert not layout.data(0).exists() and list(layout.set_aside.iterdir()), "it should be set aside"
        return
    assert check_opens(root, decode=True) == 1, "there is no episode"
    frames = json.loads(layout.document(0).read_text())["frames"]
    assert frames == expected, f"{frames} of {expected} frames came back"
    with av.open(str(layout.video(CAMERAS[0], 0))) as video:
        assert video.streams.video[0].frames == frames
    with layout.mcap(0).open("rb") as file:
        assert make_reader(file, validate_crcs=True).get_summary() is not None, "the MCAP file has no summary"


def cut_all(scratch: Path, seconds: float = 3.0, tail: int = 65536, stride: int = 997) -> dict[str, Any]:
    """Both for every file. `tail`: bytes at the end of which each is tried; before them every `stride`-th.

    All cameras see the same, so the files of all but the first are tried at fewer places.
    """
    folder = running_episode(scratch, seconds)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        waiting = {}
        for name in reversed(KINDS):
            (place := scratch / f"cut {name}").mkdir()
            fewer = 16 if name.removesuffix(".mp4") in CAMERAS[1:] else 1
            args = (folder, name, place)
            files = pool.submit(cut_file, *args, tail // fewer, stride * fewer)
            waiting[name] = (files, pool.submit(cut_episode, *args, fewer))
        done = {name: (files.result(), episodes.result()) for name, (files, episodes) in waiting.items()}
    found = {name: {**files, **episodes} for name, (files, episodes) in done.items()}
    problems = [problem for both in done.values() for one in both for problem in one["problems"]]
    for one in found.values():
        del one["problems"]
    sums = {key: sum(one[key] for one in found.values()) for key in ("cuts", "repairs")}
    return {**sums, "failed": len(problems), "problems": problems[:20], "files": found}
