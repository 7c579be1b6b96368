"""A data set in the layout that GR00T reads: LeRobot v2.1, one file per episode, and meta/modality.json.

modality.json slices the flat vectors by groups of joints: {"state": {"left_arm": {"start": 4, "end": 10}}, …}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq

from .edit import copy_checked, new_folder, require_sum
from .files import DatasetError, checksum, write_whole
from .layout import PER_CHUNK
from .reader import DataSet, VideoPart
from .stats import Stats, merged
from .tables import stats_json
from .video import frames_in

FORMATS = ("gr00t",)
_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"

Groups = Mapping[str, Sequence[str]]


def export_gr00t(
    root: Path, out: Path, groups: Groups | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Write the data set `root` as the new folder `out`.

    `groups`: group of the robot -> its joints (RobotSpec.groups); without, state and action are one part each.
    Raises DatasetError when something is at `out` already, or when a file is damaged.
    """
    data_set = DataSet.open(root)
    if not data_set.episodes:
        raise DatasetError(f"{root} holds no episode to export")
    with new_folder(out) as folder:
        parts: list[dict[str, Stats]] = []
        for done, episode in enumerate(data_set.episodes, start=1):
            number = episode.number
            place = {"episode_chunk": number // PER_CHUNK, "episode_index": number}
            sums = data_set.document(number).get("files", {})
            if listed := sums.get(data_set.layout.relative(episode.data)):
                require_sum(episode.data, checksum(episode.data), listed["sha256"])
            _table(data_set, number, folder / _DATA.format(**place))
            for camera, part in episode.videos.items():
                target = folder / _VIDEO.format(video_key=data_set.cameras[camera], **place)
                listed = sums.get(data_set.layout.relative(part.path), {})
                _video(data_set, part, episode.frames, target, listed.get("sha256", ""))
            parts.append(data_set.stats(number))
            progress(done, len(data_set.episodes))
        _meta(data_set, folder / "meta", parts, groups)


def modality(data_set: DataSet, groups: Groups | None) -> dict[str, Any]:
    """The content of modality.json."""
    found: dict[str, Any] = {
        kind: _slices(data_set, key, groups or {})
        for kind, key in (("state", "observation.state"), ("action", "action"))
    }
    found["video"] = {name: {"original_key": key} for name, key in data_set.cameras.items()}
    found["annotation"] = {"human.task_description": {"original_key": "task_index"}}
    return found


def _slices(data_set: DataSet, key: str, groups: Groups) -> dict[str, dict[str, int]]:
    """Where each group lies in the vector. Left out: groups made of others, and those whose joints are apart."""
    feature = data_set.info["features"].get(key)
    if feature is None:
        raise DatasetError(f"{data_set.root} has no {key}, which GR00T needs (meta/info.json, features)")
    names = feature.get("names") or []
    order = [str(name).removesuffix(".pos") for name in names] if isinstance(names, list) else []
    found = {}
    for group, joints in groups.items():
        places = sorted(order.index(name) for joint in joints if (name := joint.removesuffix("_joint")) in order)
        if 0 < len(places) == len(joints) and places == list(range(places[0], places[-1] + 1)):
            found[group] = {"start": places[0], "end": places[-1] + 1}
    smallest = {
        group: one
        for group, one in found.items()
        if not any(o["start"] >= one["start"] and o["end"] <= one["end"] and o != one for o in found.values())
    }
    covered = {place for one in smallest.values() for place in range(one["start"], one["end"])}
    if len(covered) < feature["shape"][0]:
        return {"all": {"start": 0, "end": int(feature["shape"][0])}}
    return dict(sorted(smallest.items(), key=lambda item: item[1]["start"]))


def _table(data_set: DataSet, number: int, target: Path) -> None:
    table = data_set.table(number)
    frames = data_set.episode(number).frames
    if len(table) != frames:
        raise DatasetError(f"{data_set.episode(number).data} holds {len(table)} rows of episode {number}, not {frames}")
    metadata = dict(table.schema.metadata or {})
    if b"huggingface" in metadata:  # readers of v2.1 are older than the name "List"
        text = metadata[b"huggingface"].decode().replace('"_type": "List"', '"_type": "Sequence"')
        metadata[b"huggingface"] = text.encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        pq.write_table(table.replace_schema_metadata(metadata).combine_chunks(), file, compression="snappy")


def _video(data_set: DataSet, part: VideoPart, frames: int, target: Path, sha256: str) -> None:
    """One file per episode: copied, or cut out of a file of several episodes without encoding it anew."""
    if part.begin == 0 and frames_in(part.path) == frames:
        copy_checked(part.path, target, sha256)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    early, count = part.begin - 0.5 / data_set.fps, 0
    with av.open(str(part.path)) as old, av.open(str(target), "w", format="mp4") as new:
        source = old.streams.video[0]
        stream = new.add_stream_from_template(source)
        first = None
        for packet in old.demux(source):
            if packet.pts is None or float(packet.pts * packet.time_base) < early or count == frames:
                continue
            if first is None:
                first = packet.pts
                if not packet.is_keyframe:
                    raise DatasetError(
                        f"{part.path} has no key frame at {part.begin:g} s, where an episode begins; it can't be cut "
                        "there: write the data set anew with LeRobot"
                    )
            packet.pts, packet.dts = packet.pts - first, packet.pts - first
            packet.stream = stream
            new.mux(packet)
            count += 1
    if count != frames:
        raise DatasetError(f"{part.path} gave {count} of {frames} pictures; run `optimus dataset check`")


def _meta(data_set: DataSet, folder: Path, parts: Sequence[dict[str, Stats]], groups: Groups | None) -> None:
    episodes = data_set.episodes
    info = {key: value for key, value in data_set.info.items() if not key.endswith("_files_size_in_mb")}
    info |= {
        "codebase_version": "v2.1",
        "total_episodes": len(episodes),
        "total_frames": data_set.frames_total,
        "total_tasks": len(data_set.tasks),
        "total_videos": len(episodes) * len(data_set.cameras),
        "total_chunks": (len(episodes) - 1) // PER_CHUNK + 1,
        "chunks_size": PER_CHUNK,
        "splits": {"train": f"0:{len(episodes)}"},
        "data_path": _DATA,
        "video_path": _VIDEO if data_set.cameras else None,
    }
    rows = [{"episode_index": one.number, "tasks": list(one.tasks), "length": one.frames} for one in episodes]
    tasks = [{"task_index": number, "task": text} for number, text in data_set.tasks.items()]
    stats = [{"episode_index": one.number, "stats": stats_json(part)} for one, part in zip(episodes, parts)]
    for name, content in (
        ("info.json", info),
        ("stats.json", stats_json(merged(parts))),
        ("modality.json", modality(data_set, groups)),
    ):
        write_whole(folder / name, (json.dumps(content, indent=4, ensure_ascii=False) + "\n").encode())
    for name, lines in (("episodes.jsonl", rows), ("tasks.jsonl", tasks), ("episodes_stats.jsonl", stats)):
        write_whole(folder / name, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines).encode())
