"""New data sets from episodes of others: merged and split. The sources stay as they are.

A new data set is made in a hidden folder beside its place and moved there when it is whole.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..core.episode import RecordingContract, contract_mismatch
from . import tables
from .files import DatasetError, canonical, checksum, move_whole, read_sealed, sealed, sync_file, write_whole
from .layout import Layout
from .reader import DataSet
from .stats import Stats, column_stats, merged

Picks = Sequence[tuple[DataSet, int]]  # episodes, by number, in the order they shall have
Progress = Callable[[int, int], None]

_RENUMBERED = ("index", "episode_index", "task_index")
_WHERE: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "success": lambda document: document["outcome"]["success"] is True,
    "failure": lambda document: document["outcome"]["success"] is False,
    "unknown": lambda document: document["outcome"]["success"] is None,
    "accepted": lambda document: bool(document["accepted"]),
    "refused": lambda document: not document["accepted"],
}
WHERE = tuple(_WHERE)


def merge(sources: Sequence[Path], out: Path, progress: Progress = lambda done, total: None) -> int:
    """All episodes of `sources`, one after the other, as the new data set `out`; returns how many.

    Raises DatasetError when they are of different robots, pictures or rates, naming every difference, when one is
    damaged, or when there is something at `out` already.
    """
    if len({Path(one).resolve() for one in sources}) < len(sources):
        raise DatasetError("the same data set is named twice; its episodes would count twice in training: name it once")
    data_sets = [DataSet.open(Path(one)) for one in sources]
    picks = [(one, episode.number) for one in data_sets for episode in one.episodes]
    write_episodes(picks, out, progress)
    return len(picks)


def split(root: Path, parts: Mapping[Path, Sequence[int]], progress: Progress = lambda done, total: None) -> None:
    """Some episodes of `root` as new data sets: folder -> numbers of its episodes.

    Raises DatasetError before anything is written when a folder exists, gets no episode or one that is not there.
    """
    data_set = DataSet.open(root)
    for out, numbers in parts.items():
        require_free(out)
        if not numbers:
            raise DatasetError(f"{out} would get no episode; {root} has {len(data_set.episodes)}: choose otherwise")
        for number in numbers:
            data_set.episode(number)
    total, done = sum(len(numbers) for numbers in parts.values()), 0
    for out, numbers in parts.items():
        before = done
        write_episodes(
            [(data_set, number) for number in numbers], out, lambda at, _, before=before: progress(before + at, total)
        )
        done += len(numbers)


def by_fractions(data_set: DataSet, fractions: Sequence[float], seed: int) -> list[list[int]]:
    """All episodes dealt out by chance, each to one part; the same with the same seed. In each they stay in order."""
    if any(not 0 < one < 1 for one in fractions) or abs(sum(fractions) - 1) > 1e-6:
        raise DatasetError(f"the fractions {list(fractions)} must each be between 0 and 1 and sum to 1 (--fractions)")
    numbers = [one.number for one in data_set.episodes]
    order = np.random.default_rng(seed).permutation(len(numbers))
    ends = np.round(np.cumsum(fractions) * len(numbers)).astype(int)
    parts = np.split(order, ends[:-1])
    return [sorted(numbers[i] for i in part) for part in parts]


def by_outcome(data_set: DataSet, which: str) -> list[int]:
    """The episodes whose episode.json says so; `which`: one of WHERE."""
    if which not in _WHERE:
        raise DatasetError(f"{which!r} is no way to choose episodes; there are {', '.join(WHERE)} (--where)")
    data_set.contract  # noqa: B018  others have no outcomes: says so
    return [one.number for one in data_set.episodes if _WHERE[which](data_set.document(one.number))]


def by_numbers(text: str) -> list[int]:
    """0-9,12 as numbers, in order, each once."""
    found: set[int] = set()
    for word in text.split(","):
        first, dash, last = word.strip().partition("-")
        if not first.isdecimal() or dash and (not last.isdecimal() or int(last) < int(first)):
            raise DatasetError(
                f"{word.strip()!r} of {text!r} is neither a number nor a range, as in 0-9,12 (--episodes)"
            )
        found |= set(range(int(first), int(last or first) + 1))
    return sorted(found)


def write_episodes(picks: Picks, out: Path, progress: Progress = lambda done, total: None) -> None:
    """The episodes `picks` as the new data set `out`, numbered anew from 0.

    Pictures and streams are copied as they are, and compared with their checksums on the way.
    """
    if not picks:
        raise DatasetError(f"{out} would get no episode; the data sets named hold none")
    contract = _one_contract([data_set for data_set, _ in picks])
    tasks: list[str] = []
    for data_set, number in picks:
        tasks += [text for text in _tasks(data_set, number) if text not in tasks]
    with new_folder(out) as folder:
        layout = Layout(folder)
        first, parts = 0, []
        for number, (source, old) in enumerate(picks):
            frames, stats = _episode(source, old, layout, number, first, contract, tasks)
            parts.append(stats)
            first += frames
            progress(number + 1, len(picks))
        content = {
            layout.info: canonical(tables.info(contract, len(picks), first, len(tasks))),
            layout.stats: canonical(tables.stats_json(merged(parts))),
            layout.tasks: tables.tasks_parquet(tasks),
        }
        sums = {layout.relative(path): hashlib.sha256(one).hexdigest() for path, one in content.items()}
        for path, one in content.items():
            write_whole(path, one)
        write_whole(layout.checksums, sealed({"files": sums}))
        write_whole(layout.robot, sealed(contract.to_mapping()))


def require_free(out: Path) -> None:
    """Raise DatasetError when there is something at `out`."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DatasetError(f"{out} exists already and stays as it is; name a new folder")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `out` at the end; nothing is left when it is not finished."""
    require_free(out)
    partial = out.with_name(f".{out.name}.part")
    if partial.exists():
        raise DatasetError(f"{partial} is left over from a run that was killed, or one that still runs; delete it")
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in sorted(partial.rglob("*")):
            if path.is_file():
                sync_file(path)
        move_whole(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def copy_checked(source: Path, target: Path, sha256: str = "") -> None:
    """Copy a file. Raises DatasetError when it is not there or does not have the checksum it should have."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise DatasetError(f"{source} is missing; restore it from a copy, and run `optimus dataset check`") from None
    if sha256:
        require_sum(source, checksum(target), sha256)


def require_sum(path: Path, got: str, want: str) -> None:
    """Raise DatasetError when the checksum of a file is not the one in its episode.json."""
    if got != want:
        raise DatasetError(
            f"{path} is damaged: sha256 {got}, expected {want} (episode.json); restore it from a copy, or leave the "
            "episode out with `optimus dataset split --episodes`"
        )


def _one_contract(data_sets: Sequence[DataSet]) -> RecordingContract:
    """What all data sets were recorded with."""
    first = data_sets[0]
    for other in {id(one): one for one in data_sets}.values():
        if lines := contract_mismatch(first.contract, other.contract, str(first.root), str(other.root)):
            text = "\n  ".join(lines)
            raise DatasetError(f"{first.root} and {other.root} can't be one data set; keep them apart:\n  {text}")
    return first.contract


def _tasks(data_set: DataSet, number: int) -> list[str]:
    """The sentences of an episode, those that its rows use included."""
    used = np.unique(data_set.columns(number, ["task_index"])["task_index"]).tolist()
    if unknown := [one for one in used if one not in data_set.tasks]:
        raise DatasetError(f"{data_set.root}: episode {number} has task_index {unknown[0]}, which is no task in meta/")
    return list(dict.fromkeys([*data_set.episode(number).tasks, *(data_set.tasks[one] for one in used)]))


def _episode(
    source: DataSet, old: int, layout: Layout, new: int, first: int, contract: RecordingContract, tasks: list[str]
) -> tuple[int, dict[str, Stats]]:
    """Write one episode; its frames and statistics."""
    episode = source.episode(old)
    document = read_sealed(source.layout.document(old))
    sums = {name: one["sha256"] for name, one in document.get("files", {}).items()}
    for path in (episode.data, episode.meta):
        if name := sums.get(source.layout.relative(path)):
            require_sum(path, checksum(path), name)
    columns = source.columns(old)
    if len(columns["index"]) != episode.frames:
        raise DatasetError(f"{episode.data} holds {len(columns['index'])} rows of episode {old}, not {episode.frames}")
    columns["index"] = np.arange(first, first + episode.frames)
    columns["episode_index"] = np.full(episode.frames, new)
    renumbered = {number: tasks.index(text) for number, text in source.tasks.items() if text in tasks}
    columns["task_index"] = np.array([renumbered[one] for one in columns["task_index"].tolist()], np.int64)
    stats = source.stats(old) | {name: column_stats(columns[name]) for name in _RENUMBERED}
    meta = tables.episode_parquet(contract, new, episode.frames, first, list(episode.tasks), stats)
    for path, content in (
        (layout.data(new), tables.data_parquet(columns, contract)),
        (layout.meta(new), meta),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    copies = {part.path: layout.video(camera, new) for camera, part in episode.videos.items()}
    folder = source.layout.episode(old)
    beside = [path for path in folder.rglob("*") if path.is_file() and path.name != "episode.json"]
    copies |= {path: layout.episode(new) / path.relative_to(folder) for path in beside if _belongs(path)}
    for path, target in copies.items():
        copy_checked(path, target, sums.get(source.layout.relative(path), ""))
    files = [layout.data(new), layout.meta(new), *copies.values()]
    listed = {layout.relative(path): {"bytes": path.stat().st_size, "sha256": checksum(path)} for path in files}
    layout.episode(new).mkdir(parents=True, exist_ok=True)
    layout.document(new).write_bytes(sealed({**document, "episode": new, "files": listed}))
    return episode.frames, stats


def _belongs(path: Path) -> bool:
    return not path.name.endswith(".part")
