"""Demonstrations on disk, as training reads them: memory-mapped shards of one or more data sets.

A data set is a folder of `shard-*` folders, each with one row every `frame_dt` s: `<camera>.npy` (F, h, w, 3) uint8,
`position.npy` (F, J) rad, `tactile.npy` (F, P) N, `action.npy` (F, H, J) rad absolute, `progress.npy` (F,),
`aux.npy` (F, A), `sentence_id.npy`, `episode.npy` and `frame.npy` (F,), and `meta.json`.
F frames, J joints, P pads, H steps, A training-only targets.

Names of training-only targets (`aux` in meta.json) may say more: NaN always means "unknown here"; `<what>_mask` is 0
where the other `<what>_*` are unknown; `<what>_<camera>_u` and `<what>_<camera>_v` (0 to 1 across and down the
picture) say where to look and directly teach the network's attention.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.contract import PolicyContract, contract_differences, contract_from_mapping, require_fit
from ..core.errors import ConfigError
from ..core.language import all_instructions, wordings

_ROWS = ("position", "tactile", "action", "progress", "aux", "sentence_id", "episode", "frame")
HELD_OUT_PARTS = 1000


@dataclass(frozen=True, eq=False)
class Shard:
    """One shard's arrays (see the module), memory-mapped. `images` by camera name."""

    folder: Path
    images: dict[str, NDArray[np.uint8]]
    rows: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return int(self.rows["frame"].shape[0])


@dataclass(frozen=True, eq=False)
class DataSet:
    """All shards of one folder, what they were recorded for, and how often each frame counts (`weight`)."""

    folder: Path
    contract: PolicyContract
    aux: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]
    shards: tuple[Shard, ...]
    weight: float = 1.0


def read_data_set(text: str, defaults: Mapping[str, Any]) -> DataSet:
    """Open the data set `FOLDER` or `FOLDER:WEIGHT`; `defaults` fill entries that its meta.json leaves out."""
    name, colon, number = text.rpartition(":")
    try:
        folder, weight = (Path(name), float(number)) if colon else (Path(text), 1.0)
    except ValueError:
        folder, weight = Path(text), 1.0
    if weight <= 0:
        raise ConfigError(f"the weight of {folder} is {weight}; it must be above 0 (FOLDER:WEIGHT)")
    folders = sorted(p for p in folder.glob("shard-*") if (p / "meta.json").is_file())
    if not folders:
        raise ConfigError(f"{folder} holds no shard-*/meta.json; make a data set with: optimus collect --out {folder}")
    shards, sentences, first = [], [], None
    for one in folders:
        contract, aux, words, shard = _read_shard(one, defaults)
        if first is None:
            first = (contract, aux)
        require_fit(
            contract_differences(contract, first[0], str(one), str(folders[0])), "two shards of a data set differ"
        )
        if aux != first[1]:
            raise ConfigError(f"{one} has the training-only targets {aux}, {folders[0]} has {first[1]}")
        shards.append(shard)
        sentences.append(words)
    assert first is not None
    return DataSet(folder, first[0], first[1], tuple(sentences), tuple(shards), weight)


def _read_shard(
    folder: Path, defaults: Mapping[str, Any]
) -> tuple[PolicyContract, tuple[str, ...], tuple[str, ...], Shard]:
    where = folder / "meta.json"
    try:
        meta = {**defaults, **json.loads(where.read_text())}
        meta["history_dt"] = meta.get("frame_dt", meta.get("history_dt"))  # the frame before is the history
        rows = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ROWS}
        meta.setdefault("horizon", rows["action"].shape[1])
        contract = contract_from_mapping(meta, str(where))
        images = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name, _, _ in contract.cameras}
        aux, sentences = tuple(meta["aux"]), tuple(meta["sentences"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} is not a whole shard: {error}; delete it or collect it again") from error
    shard = Shard(folder, {k: np.asarray(v) for k, v in images.items()}, {k: np.asarray(v) for k, v in rows.items()})
    _check_shapes(shard, contract, len(aux), len(sentences))
    return contract, aux, sentences, shard


def _check_shapes(shard: Shard, contract: PolicyContract, aux: int, sentences: int) -> None:
    joints, frames = len(contract.joint_names), len(shard)
    expected: dict[str, tuple[int, ...]] = {
        "position": (frames, joints),
        "tactile": (frames, len(contract.tactile_pads)),
        "action": (frames, contract.horizon, joints),
        "progress": (frames,),
        "aux": (frames, aux),
        "sentence_id": (frames,),
        "episode": (frames,),
    }
    got: dict[str, tuple[int, ...]] = {name: shard.rows[name].shape for name in expected}
    for name, height, width in contract.cameras:
        expected[name], got[name] = (frames, height, width, 3), shard.images[name].shape
    for name, shape in expected.items():
        if got[name] != shape:
            raise ConfigError(f"{shard.folder / name}.npy has shape {got[name]}; its meta.json asks for {shape}")
    highest = int(shard.rows["sentence_id"].max(initial=0))
    if highest >= sentences:
        raise ConfigError(f"{shard.folder}/sentence_id.npy names sentence {highest}; meta.json has {sentences}")
    for name in ("position", "action", "tactile", "progress"):
        bad = np.flatnonzero(~np.isfinite(shard.rows[name]).reshape(frames, -1).all(axis=1))
        if bad.size:
            raise ConfigError(f"{shard.folder}/{name}.npy is not finite in frame {bad[0]} ({bad.size} such frames)")


class Mixture:
    """Frames of several data sets in one table, split by episode into training and held-out frames.

    Columns (N,): `shard`, `row`, `previous` (row of the frame before, itself when there is none), `sentence`
    (index into `sentences`). `training`, `held_out`: frame numbers. `probability`: of each training frame, such
    that instructions given more often are damped by the power `balance` (0 as recorded, 1 all alike).
    """

    def __init__(self, sets: Sequence[DataSet], held_out: float = 0.03, balance: float = 0.5) -> None:
        first = sets[0]
        for other in sets[1:]:
            require_fit(
                contract_differences(first.contract, other.contract, str(first.folder), str(other.folder)),
                "the data sets were not recorded for the same thing",
            )
            if other.aux != first.aux:
                raise ConfigError(f"{other.folder} has training-only targets {other.aux}, {first.folder} {first.aux}")
        self.contract, self.aux, self.folders = first.contract, first.aux, [str(s.folder) for s in sets]
        self.shards = [shard for one in sets for shard in one.shards]
        self.sentences = list(dict.fromkeys(w for one in sets for words in one.sentences for w in words))
        self._build_table(sets, held_out)
        self._weigh(balance)

    def _build_table(self, sets: Sequence[DataSet], held_out: float) -> None:
        number = {sentence: i for i, sentence in enumerate(self.sentences)}
        columns: dict[str, list[NDArray[Any]]] = {
            k: [] for k in ("shard", "row", "previous", "sentence", "part", "weight")
        }
        place, episodes = 0, 0
        for one in sets:
            for shard, words in zip(one.shards, one.sentences):
                n = len(shard)
                episode, frame = shard.rows["episode"], shard.rows["frame"]
                follows = np.zeros(n, bool)
                follows[1:] = (episode[1:] == episode[:-1]) & (frame[1:] == frame[:-1] + 1)
                columns["shard"].append(np.full(n, place))
                columns["row"].append(np.arange(n))
                columns["previous"].append(np.arange(n) - follows)
                columns["sentence"].append(np.array([number[w] for w in words])[shard.rows["sentence_id"]])
                known = np.unique(episode)
                parts = {e: zlib.crc32(f"{shard.folder.name}/{e}".encode()) % HELD_OUT_PARTS for e in known.tolist()}
                columns["part"].append(np.array([parts[e] for e in episode.tolist()]))
                columns["weight"].append(np.full(n, one.weight))
                place, episodes = place + 1, episodes + len(known)
        self.episodes = episodes
        self.shard, self.row, self.previous, self.sentence, part, self.weight = (
            np.concatenate(c) for c in columns.values()
        )
        out = part < max(held_out * HELD_OUT_PARTS, part.min() + 1 if held_out > 0 else 0)
        out &= not out.all()
        self.training, self.held_out = np.flatnonzero(~out), np.flatnonzero(out)

    def _weigh(self, balance: float) -> None:
        meaning = {words: i for i, one in enumerate(all_instructions()) for words in wordings(one)}
        fallback = len(meaning)
        kinds = np.array([meaning.get(s, fallback + i) for i, s in enumerate(self.sentences)])
        _, kind = np.unique(kinds[self.sentence[self.training]], return_inverse=True)
        count = np.bincount(kind).astype(np.float64)
        weight = self.weight[self.training] * count[kind] ** -balance
        self.probability = weight / weight.sum()

    def __len__(self) -> int:
        return int(self.row.shape[0])

    def gather(self, name: str, frames: NDArray[np.int64], column: str = "row") -> NDArray[np.float32]:
        """Rows of the array `name` for frame numbers (N,), float32; `column` "previous" takes the frame before."""
        shard, row = self.shard[frames], getattr(self, column)[frames]
        found = np.empty((len(frames), *self.shards[0].rows[name].shape[1:]), np.float32)
        for one in np.unique(shard):
            here = shard == one
            found[here] = self.shards[one].rows[name][row[here]]
        return found
