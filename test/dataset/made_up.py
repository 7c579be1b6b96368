"""A small robot's made-up recordings: two cameras, three joints, two pads, 10 frames a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from optimus_nodes.core.episode import EpisodeInfo, Event, FrameRow, Outcome, RecordingContract
from optimus_nodes.dataset.episode_files import Draft, EpisodeFiles
from optimus_nodes.dataset.stats import sample
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.video import Encoder

CONTRACT = RecordingContract(
    robot="small",
    urdf_sha256="0" * 64,
    joint_names=("neck_joint", "elbow_joint", "wrist_joint"),
    tactile_pads=("left_tip", "right_tip"),
    cameras=(("head", 48, 64), ("wrist", 32, 32)),
    fps=10,
)
SUCCESS = Outcome(True, "", "person")


def picture(number: int, height: int, width: int) -> np.ndarray:
    """A bright square that moves over a gradient."""
    image = np.empty((height, width, 3), np.uint8)
    image[...] = np.linspace(20, 120, width)[None, :, None]
    at = 2 * number % (width - 8)
    image[4:12, at : at + 8] = (250, 60, 20)
    return image


def row(number: int, task: str = "wave", contract: RecordingContract = CONTRACT) -> FrameRow:
    """Frame `number` of an episode."""
    joints = np.array([0.01, 0.02, 0.03])[: len(contract.joint_names)] * number
    touch = np.ones(len(contract.tactile_pads))
    return FrameRow(5.0 + number / 10, joints, joints * 0.1, joints * 0.0, touch, joints + 0.1, False, False, task)


def frames(count: int, contract: RecordingContract = CONTRACT) -> Iterator[tuple[FrameRow, dict, dict]]:
    """(row, packets, samples) of an episode."""
    encoders = {name: Encoder(width, height, contract.fps) for name, height, width in contract.cameras}
    for number in range(count):
        pictures = {name: picture(number, height, width) for name, height, width in contract.cameras}
        packets = {name: encoders[name].encode(pictures[name], key=number == 0) for name in pictures}
        samples = {name: sample(one) for name, one in pictures.items()}
        yield row(number, "wave" if number < count // 2 else "go home", contract), packets, samples


def running(store: Store, count: int) -> EpisodeFiles:
    """An episode of `count` frames that has not ended."""
    info = EpisodeInfo("wave and go home", "script", "", "small", "lab", 7, "2026-01-01T00:00:00Z")
    files = store.begin(info)
    for one in frames(count, store.contract):
        files.add(*one)
    files.event(Event(0.1, "task", "wave"))
    return files


def ended(store: Store, count: int, outcome: Outcome = SUCCESS) -> Draft:
    """An episode that is ready to be saved."""
    return running(store, count).finish(outcome)


def data_set(root: Path, lengths: tuple[int, ...] = (12, 8), contract: RecordingContract = CONTRACT) -> Path:
    """A data set of whole, sealed episodes."""
    store = Store(root, contract)
    for length in lengths:
        store.seal(store.save(ended(store, length)).episode)
    store.close()
    return root
