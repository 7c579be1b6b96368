"""Demonstrations as episodes of a data set: one LeRobot v3 episode per instruction, with what the expert advised.

Beside what every recording holds, a demonstration has `expert.chunk` (H x J, flat: where the joints should be every
STEP_DT s from the frame on), `expert.progress`, `expert.aux` (see `learning.data`) and `next.success`. `action` is what
was applied. Pictures are kept at twice the network's size: video halves the resolution of colour, which would blur
them by 10 dB at its own size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.episode import Column, EpisodeInfo, FrameRow, Outcome, RecordingContract
from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array, ImageArray, Observation
from ..dataset.stats import sample
from ..dataset.store import Store
from ..dataset.video import Encoder, Encoding, Packet
from ..policy.preprocess import shrink
from ..sim.expert import HORIZON, STEP_DT
from .demonstrations import AUX, EVERY, SIZES, Recording
from .rollout import LockStep

FPS = round(1 / (STEP_DT * EVERY))
KEPT = 2  # times the network's size
ENCODING = Encoding("veryfast", crf=14, gop=10)
CHUNK, PROGRESS, TARGETS, SUCCESS = "expert.chunk", "expert.progress", "expert.aux", "next.success"
_SAMPLED = 10  # every so many-th picture is counted in the statistics


def demonstration_contract(robot: RobotSpec) -> RecordingContract:
    """What a data set of demonstrations of `robot` holds."""
    cameras = tuple((name, KEPT * height, KEPT * width) for name, (height, width) in SIZES.items())
    chunk = Column(CHUNK, HORIZON * len(robot.joint_names))
    extras = (chunk, Column(PROGRESS, 1), Column(TARGETS, len(AUX), tuple(AUX)), Column(SUCCESS, 1))
    return RecordingContract(robot.name, robot.urdf_sha256, robot.joint_names, robot.tactile_pads, cameras, FPS, extras)


@dataclass(frozen=True, slots=True)
class Moment:
    """What the loop knew at one 20 Hz frame. `applied` (J,) rad: the targets in force just before it."""

    sentence: str
    stamp: float
    velocity: Array
    applied: Array
    images: Mapping[str, ImageArray]


class WatchedLoop(LockStep):
    """A lock-step loop that keeps what `Recording` does not: the targets that were applied, and larger pictures."""

    def __init__(self, robot: RobotSpec, urdf: str, **options: Any) -> None:
        super().__init__(robot, urdf, **options)
        self.moments: list[Moment] = []

    def reset(self, seed: int, home: Array | None = None) -> Any:
        self.moments.clear()
        return super().reset(seed, home)

    @property
    def applied(self) -> Array:
        """Targets in force now (J,) rad."""
        assert self.command is not None
        return self.command.position.copy()

    def observe(self, sentence: str, cameras: Sequence[str] | None = None) -> Observation:
        seen = super().observe(sentence, cameras)
        pictures = {
            name: shrink(seen.images[name], KEPT * size[0], KEPT * size[1])
            for name, size in SIZES.items()
            if name in seen.images
        }
        self.moments.append(Moment(sentence, seen.stamp, seen.velocity, self.applied, pictures))
        return seen


@dataclass(frozen=True)
class Part:
    """One instruction of a programme, ready to be stored: pictures are packets, the rest arrays (F, ...)."""

    seed: int
    sentence: str
    outcome: Outcome
    rows: dict[str, NDArray[Any]]
    packets: dict[str, list[Packet]]
    samples: list[dict[str, ImageArray]]
    policy_id: str = ""

    def __len__(self) -> int:
        return len(self.rows["stamp"])


@dataclass
class Programme:
    """What became of one scene. `outcomes`: (skill, done) of every instruction, those without frames included."""

    seed: int
    parts: list[Part] = field(default_factory=list)
    outcomes: list[tuple[str, bool]] = field(default_factory=list)


def programme(seed: int, recording: Recording, loop: WatchedLoop, policy_id: str = "") -> Programme:
    """Divide a recording into its instructions and compress its pictures."""
    found = Programme(seed, outcomes=list(recording.outcomes))
    lengths = getattr(recording, "lengths", None) or [len(list(g)) for _, g in groupby(recording.sentences)]
    reasons = getattr(recording, "reasons", None) or [""] * len(lengths)
    shown = [list(group) for _, group in groupby(loop.moments, key=lambda moment: moment.sentence)]
    if len(lengths) > min(len(recording.outcomes), len(shown)):
        raise ConfigError(
            f"scene {seed}: {len(lengths)} instructions have frames, {len(recording.outcomes)} have an outcome and "
            f"{len(shown)} were seen by the loop; two equal sentences must not follow each other"
        )
    begin = 0
    for number, length in enumerate(lengths):
        after = shown[number + 1][0].applied if number + 1 < len(shown) else loop.applied
        done, why = recording.outcomes[number][1], reasons[number]
        rows = {name: np.asarray(values[begin : begin + length]) for name, values in recording.rows.items()}
        outcome = Outcome(done, "" if done else why or "not done in time", "simulator")
        if length:
            found.parts.append(_part(seed, outcome, rows, shown[number], after, policy_id))
        begin += length
    return found


def _part(
    seed: int, outcome: Outcome, rows: dict[str, NDArray[Any]], moments: list[Moment], after: Array, policy_id: str
) -> Part:
    count = len(rows["position"])
    kept = moments[::EVERY][:count]
    before = [*(moment.applied for moment in moments), after]
    applied = [before[min(EVERY * (k + 1), len(before) - 1)] for k in range(count)]
    columns = {
        "stamp": np.array([moment.stamp for moment in kept]),
        "position": rows["position"].astype(np.float32),
        "velocity": np.array([moment.velocity for moment in kept], np.float32),
        "tactile": rows["tactile"].astype(np.float32),
        "applied": np.array(applied, np.float32),
        CHUNK: rows["action"].reshape(count, -1).astype(np.float32),
        PROGRESS: rows["progress"].reshape(count, 1).astype(np.float32),
        TARGETS: rows["aux"].astype(np.float32),
        SUCCESS: np.array([[float(bool(outcome.success) and k == count - 1)] for k in range(count)], np.float32),
    }
    packets = {}
    for name, (height, width) in SIZES.items():
        encoder = Encoder(KEPT * width, KEPT * height, FPS, ENCODING)
        packets[name] = [encoder.encode(one.images[name], key=k == 0) for k, one in enumerate(kept)]
    samples = [{name: sample(pixels) for name, pixels in one.images.items()} for one in kept[::_SAMPLED]]
    return Part(seed, moments[0].sentence, outcome, columns, packets, samples, policy_id)


def store_part(store: Store, part: Part) -> int:
    """Make a part an episode of the data set. Returns its number."""
    operator = "policy" if part.policy_id else "script"
    info = EpisodeInfo(part.sentence, operator, part.policy_id, store.contract.robot, "simulation", part.seed)
    files = store.begin(info)
    rows = part.rows
    nothing = np.zeros(len(store.contract.joint_names))
    for k in range(len(part)):
        row = FrameRow(
            float(rows["stamp"][k]),
            rows["position"][k],
            rows["velocity"][k],
            nothing,
            rows["tactile"][k],
            rows["applied"][k],
            False,
            False,
            part.sentence,
            {one.name: rows[one.name][k] for one in store.contract.extras},
        )
        packets = {name: packets[k] for name, packets in part.packets.items()}
        files.add(row, packets, part.samples[k // _SAMPLED] if k % _SAMPLED == 0 else None)
    return store.save(files.finish(part.outcome)).episode
