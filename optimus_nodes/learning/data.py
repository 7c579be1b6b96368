"""Demonstrations and recordings as training draws them: frames of one or more data sets in one table.

Names of training-only targets (`aux`) may say more: NaN always means "unknown here"; `<what>_mask` is 0 where the
other `<what>_*` are unknown; `<what>_<camera>_u` and `<what>_<camera>_v` (0 to 1 across and down the picture) say where
to look and directly teach the network's attention.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.contract import PolicyContract, contract_differences, require_fit
from ..core.errors import ConfigError
from ..core.language import find_instruction
from ..core.meaning import MEANING, MEANING_PLACES, meaning_vector
from ..dataset import reader
from .frames import Progress, Shard, aux_of, contract_of, open_frames, outcomes

HELD_OUT_PARTS = 1000
Read = Callable[[str], NDArray[np.float32]]


def known_meaning(sentence: str) -> NDArray[np.float32]:
    """The meaning of a sentence of the grammar. Raises ConfigError for any other."""
    instruction = find_instruction(sentence)
    if instruction is None:
        raise ConfigError(
            f"nobody knows what {sentence!r} means: it is no sentence of the grammar (core/wordings_templates.py); "
            "name the folder of a trained reader (--language)"
        )
    return meaning_vector(instruction)


@dataclass(frozen=True, eq=False)
class DataSet:
    """All frames of one folder, what they were recorded for, and how often each counts (`weight`).

    `sentences`: number -> what was asked. `episodes`: number -> (may be trained on, name of its scene). `back`: how
    many frames ago the earlier joint positions are.
    """

    folder: Path
    contract: PolicyContract
    aux: tuple[str, ...]
    sentences: Mapping[int, str]
    shards: tuple[Shard, ...]
    episodes: Mapping[int, tuple[bool, str]] = field(default_factory=dict)
    weight: float = 1.0
    back: int = 1


def read_data_set(text: str, cache: Path | None = None, progress: Progress = lambda done, total: None) -> DataSet:
    """Open the data set `FOLDER` or `FOLDER:WEIGHT`; its pictures are decoded into `cache` the first time."""
    name, colon, number = text.rpartition(":")
    try:
        folder, weight = (Path(name), float(number)) if colon else (Path(text), 1.0)
    except ValueError:
        folder, weight = Path(text), 1.0
    if weight <= 0:
        raise ConfigError(f"the weight of {folder} is {weight}; it must be above 0 (FOLDER:WEIGHT)")
    if not (folder / "meta" / "info.json").is_file():
        raise ConfigError(f"{folder} is no data set; make one with: optimus collect {folder}, or optimus record")
    found = reader.DataSet.open(folder)
    contract, shards = contract_of(found), tuple(open_frames(found, cache, progress))
    back = round(contract.history_dt * found.fps)
    return DataSet(folder, contract, aux_of(found), found.tasks, shards, outcomes(found), weight, back)


class Mixture:
    """Frames of several data sets in one table, split by scene into training and held-out frames.

    Columns (N,): `shard`, `row`, `previous` (row of the earlier joint positions, itself at the beginning), `sentence`
    (index into `sentences`). `meaning` (S, M): what `read` says of each sentence. `training`, `held_out`: frame
    numbers; frames of failed episodes are in neither. `probability`: of each training frame, such that instructions
    given more often are damped by the power `balance` (0 as recorded, 1 all alike), and frames in which a person
    corrected the policy count `intervention` times. `horizon`: how many rows of each chunk are learned, 0 all.
    """

    def __init__(
        self,
        sets: Sequence[DataSet],
        held_out: float = 0.03,
        balance: float = 0.5,
        intervention: float = 1.0,
        read: Read = known_meaning,
        horizon: int = 0,
    ) -> None:
        first = sets[0]
        for other in sets[1:]:
            require_fit(
                contract_differences(first.contract, other.contract, str(first.folder), str(other.folder)),
                "the data sets were not recorded for the same thing",
            )
        rows = first.contract.horizon
        if not 0 <= horizon <= rows:
            raise ConfigError(f"horizon is {horizon}; the chunks of {first.folder} have 1 to {rows} rows (--horizon)")
        self.contract = replace(first.contract, horizon=horizon or rows)
        self.folders = [str(s.folder) for s in sets]
        named = [one for one in sets if one.aux]
        for other in named[1:]:
            if other.aux != named[0].aux:
                raise ConfigError(
                    f"{other.folder} has training-only targets {other.aux}, {named[0].folder} {named[0].aux}"
                )
        self.aux = named[0].aux if named else ()
        self.shards = [shard for one in sets for shard in one.shards]
        self.sentences = list(dict.fromkeys(words for one in sets for words in one.sentences.values()))
        self.meaning = np.stack([read(sentence) for sentence in self.sentences])
        self._build_table(sets, held_out, intervention)
        self._weigh(balance)

    def _build_table(self, sets: Sequence[DataSet], held_out: float, intervention: float) -> None:
        number = {sentence: i for i, sentence in enumerate(self.sentences)}
        names = ("shard", "row", "previous", "sentence", "part", "weight", "usable")
        columns: dict[str, list[NDArray[Any]]] = {k: [] for k in names}
        self.episodes, place = 0, 0
        for one in sets:
            tasks = np.zeros(max(one.sentences, default=-1) + 1, np.int64)
            tasks[list(one.sentences)] = [number[words] for words in one.sentences.values()]
            for shard in one.shards:
                n, episode, frame = len(shard), shard.rows["episode"], shard.rows["frame"]
                known, where = np.unique(episode, return_inverse=True)
                about = [one.episodes.get(e, (True, f"episode {e}")) for e in known.tolist()]
                codes = [zlib.crc32(f"{one.folder.name}/{scene}".encode()) for _, scene in about]
                parts = np.array(codes) % HELD_OUT_PARTS
                columns["shard"].append(np.full(n, place))
                columns["row"].append(np.arange(n))
                columns["previous"].append(np.arange(n) - np.where(frame >= one.back, one.back, 0))
                columns["sentence"].append(tasks[shard.rows["task"]])
                columns["part"].append(parts[where])
                columns["weight"].append(one.weight * np.where(shard.rows["intervention"], intervention, 1.0))
                columns["usable"].append(np.array([ok for ok, _ in about])[where])
                place, self.episodes = place + 1, self.episodes + len(known)
        self.shard, self.row, self.previous, self.sentence, part, self.weight, usable = (
            np.concatenate(c) for c in columns.values()
        )
        if not usable.any():
            raise ConfigError(f"every episode of {', '.join(self.folders)} failed; there is nothing to learn from")
        out = part < max(held_out * HELD_OUT_PARTS, part[usable].min() + 1 if held_out > 0 else 0)
        out &= not out[usable].all()
        self.training, self.held_out = np.flatnonzero(~out & usable), np.flatnonzero(out & usable)

    def _weigh(self, balance: float) -> None:
        meant = np.stack([self.meaning[:, place].argmax(1) for place in MEANING_PLACES.values()], axis=1)
        _, kinds = np.unique(meant, axis=0, return_inverse=True)
        kind = kinds.reshape(-1)[self.sentence[self.training]]
        count = np.bincount(kind).astype(np.float64)
        weight = self.weight[self.training] * count[kind] ** -balance
        self.probability = weight / weight.sum()

    def __len__(self) -> int:
        return int(self.row.shape[0])

    @property
    def skills(self) -> list[str]:
        """What the sentences ask for, in the order of `core.language.SLOTS`."""
        meant = set(self.meaning[:, MEANING_PLACES["skill"]].argmax(1).tolist())
        return [skill for number, skill in enumerate(MEANING["skill"]) if number in meant]

    @property
    def bytes_per_frame(self) -> int:
        """What one frame takes in memory once it was read."""
        pictures = sum(3 * height * width for _, height, width in self.contract.cameras)
        return pictures + 4 * (self.contract.horizon + 2) * len(self.contract.joint_names)

    def release(self) -> None:
        """Give back the memory of the frames read so far; they stay in their files."""
        for shard in self.shards:
            shard.release()

    def row_shape(self, name: str) -> tuple[int, ...]:
        """Shape of one frame's row of the array `name`."""
        if name == "action":
            return (self.contract.horizon, len(self.contract.joint_names))
        return (len(self.aux),) if name == "aux" else self.shards[0].rows[name].shape[1:]

    def gather(self, name: str, frames: NDArray[np.int64], column: str = "row") -> NDArray[np.float32]:
        """Rows of the array `name` for frame numbers (N,), float32; `column` "previous" takes the frame before."""
        shard, row = self.shard[frames], getattr(self, column)[frames]
        shape = self.row_shape(name)
        found = np.full((len(frames), *shape), np.nan, np.float32)  # data sets without targets: all unknown
        for one in np.unique(shard):
            values = self.shards[one].rows[name]
            values = values[:, : shape[0]] if name == "action" else values
            if values.shape[1:] == shape:
                here = shard == one
                found[here] = values[row[here]]
        return found
