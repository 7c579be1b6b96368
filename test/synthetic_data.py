"""A data set that is made in a second, in memory or as files, and needs eyes and ears.

Four coloured squares lie on a grey bench; the sentence names one, and for "place" one of two sides. The "arm" must
reach the named square: joints 0 and 1 go to its x and y, joint 2 to the named side. Nothing else tells which one.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from optimus_nodes.core.contract import PolicyContract
from optimus_nodes.core.episode import Column, EpisodeInfo, FrameRow, Outcome, RecordingContract
from optimus_nodes.core.language import COLOURS, all_instructions
from optimus_nodes.core.language import first_wordings as wordings
from optimus_nodes.core.robot import CameraSpec, RobotSpec
from optimus_nodes.dataset.stats import sample
from optimus_nodes.dataset.store import Store
from optimus_nodes.dataset.video import Encoder, Encoding
from optimus_nodes.learning.data import DataSet
from optimus_nodes.learning.frames import Shard

RGB = {"red": (200, 40, 40), "green": (40, 170, 60), "blue": (40, 70, 200), "yellow": (210, 190, 40)}
AUX = ("target_x", "target_y", "target_z", "target_mask", "target_head_u", "target_head_v")
CAMERAS = {"head": (96, 128), "wrist_left": (60, 80), "wrist_right": (60, 80)}


def synthetic_robot(joints: int = 8, pads: int = 2) -> RobotSpec:
    """A robot of `joints` joints, all of them arm joints, with the three cameras."""
    names = tuple(f"joint_{i}" for i in range(joints))
    full = np.ones(joints)
    half = joints // 2
    return RobotSpec(
        name="square",
        joint_names=names,
        lower=-3 * full,
        upper=3 * full,
        max_velocity=full,
        max_acceleration=full,
        max_jerk=250.0 * full,
        max_effort=full,
        kp=full,
        kd=full,
        armature=full,
        home=0 * full,
        crouch=None,
        groups={"left_arm": names[:half], "right_arm": names[half:]},
        cameras=tuple(CameraSpec(n, f"{n}_optical_frame", w * 5, h * 5, 20.0, 60.0) for n, (h, w) in CAMERAS.items()),
        tactile_pads=tuple(f"pad_{i}" for i in range(pads)),
        imu_frame="imu_link",
        urdf_sha256="0" * 64,
    )


def scene(rng: np.random.Generator, shrink: int = 1) -> tuple[np.ndarray, dict[str, tuple[float, float]]]:
    """A head picture (96, 128, 3), or 1/`shrink` of it, and each coloured square's centre (u, v) in 0..1."""
    picture = np.full((96, 128, 3), 120, np.uint8)
    picture[:] = np.clip(picture + rng.integers(-12, 13, (96, 128, 1)), 0, 255)
    cells = rng.permutation(12)[:4]
    centres = {}
    for colour, cell in zip(COLOURS, cells):
        x = int(16 + 32 * (cell % 4) + rng.integers(-10, 11))
        y = int(16 + 32 * (cell // 4) + rng.integers(-10, 11))
        picture[y - 4 : y + 4, x - 4 : x + 4] = RGB[colour]
        centres[colour] = (x / 128, y / 96)
    return picture[::shrink, ::shrink], centres


@dataclass
class Synthetic:
    """Frames of short episodes, as `learning.frames` opens them."""

    robot: RobotSpec
    sizes: dict[str, tuple[int, int]]
    sentences: list[str]
    images: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]

    @property
    def contract(self) -> RecordingContract:
        robot, (horizon, joints) = self.robot, self.rows["action"].shape[1:]
        extras = (Column("expert.chunk", horizon * joints), Column("expert.progress", 1), Column("expert.aux", 6, AUX))
        cameras = tuple((name, *size) for name, size in self.sizes.items())
        names, pads = robot.joint_names, robot.tactile_pads
        return RecordingContract(robot.name, robot.urdf_sha256, names, pads, cameras, 10, extras)

    def data_set(self, folder: Path) -> DataSet:
        """In memory, as if it had been read from `folder`."""
        robot, cameras = self.robot, self.contract.cameras
        names, pads, horizon = robot.joint_names, robot.tactile_pads, self.rows["action"].shape[1]
        contract = PolicyContract(robot.name, robot.urdf_sha256, names, pads, cameras, 0.05, horizon, 0.1)
        shard = Shard(folder, self.images, self.rows)
        return DataSet(folder, contract, AUX, dict(enumerate(self.sentences)), (shard,))


def synthetic(
    *,
    episodes: int,
    seed: int = 0,
    robot: RobotSpec | None = None,
    length: int = 4,
    horizon: int = 16,
    shrink: int = 1,
    cameras: tuple[str, ...] = tuple(CAMERAS),
) -> Synthetic:
    """`episodes` short episodes, pictures of `cameras` 1/`shrink` of full size."""
    robot = robot or synthetic_robot()
    sizes = {name: (h // shrink, w // shrink) for name, (h, w) in CAMERAS.items() if name in cameras}
    rng, joints = np.random.default_rng(seed), len(robot.joint_names)
    frames = episodes * length
    images = {n: np.full((frames, *size, 3), 90, np.uint8) for n, size in sizes.items()}
    position, action = np.zeros((frames, joints), np.float32), np.zeros((frames, horizon, joints), np.float32)
    progress, aux = np.zeros(frames, np.float32), np.zeros((frames, 6), np.float32)
    ids, episode, frame = (np.zeros(frames, np.int32) for _ in range(3))
    chosen = [i for i in all_instructions() if i.skill in ("pick", "place")]
    sentences = list(dict.fromkeys(s for i in chosen for s in wordings(i)))
    for e in range(episodes):
        instruction = chosen[rng.integers(len(chosen))]
        options = wordings(instruction)
        picture, centres = scene(rng, shrink)
        u, v = centres[instruction.colour]
        goal = np.zeros(joints)
        goal[:3] = 2 * u - 1, 2 * v - 1, {"left": 0.5, "right": -0.5}.get(instruction.bin, 0.0)
        start = rng.uniform(-0.3, 0.3, joints)
        for t in range(length):
            i = e * length + t
            images["head"][i] = picture
            along = t / length
            position[i] = start + along * (goal - start)
            ahead = np.minimum(1.0, along + np.arange(horizon)[:, None] / length / 2)
            action[i] = start + ahead * (goal - start)
            progress[i] = along
            aux[i] = goal[0], goal[1], 0.0, 1.0, u, v
            ids[i], episode[i], frame[i] = sentences.index(options[rng.integers(len(options))]), e, t
    pads = np.zeros((frames, len(robot.tactile_pads)), np.float32)
    rows = {"position": position, "tactile": pads, "action": action, "progress": progress, "aux": aux}
    rows |= {"task": ids, "episode": episode, "frame": frame, "intervention": np.zeros(frames, bool)}
    return Synthetic(robot, sizes, sentences, images, rows)


def make_data_set(folder: Path, *, failed: tuple[int, ...] = (), operator: str = "script", **options: Any) -> Path:
    """Store what `synthetic` makes; returns `folder`."""
    return store(folder, synthetic(**options), failed, operator)


def store(folder: Path, made: Synthetic, failed: tuple[int, ...] = (), operator: str = "script") -> Path:
    """Write a LeRobot data set; the episodes `failed` count as failures. Returns `folder`."""
    rows = made.rows
    with closing(Store(folder, made.contract)) as target:
        for number in range(int(rows["episode"][-1]) + 1):
            files = target.begin(EpisodeInfo("", operator, "", made.robot.name, "test", number))
            encoders = {name: Encoder(w, h, 10, Encoding("ultrafast", 10)) for name, (h, w) in made.sizes.items()}
            for k in np.flatnonzero(rows["episode"] == number):
                pictures = {name: made.images[name][k] for name in made.sizes}
                first = bool(rows["frame"][k] == 0)
                packets = {name: encoders[name].encode(one, key=first) for name, one in pictures.items()}
                still, touch = 0 * rows["position"][k], rows["tactile"][k]
                labels = {"expert.chunk": rows["action"][k].ravel(), "expert.progress": rows["progress"][k]}
                labels["expert.aux"] = rows["aux"][k]
                position, words = rows["position"][k], made.sentences[rows["task"][k]]
                applied = rows["action"][k, 2]
                row = FrameRow(0.1 * k, position, still, still, touch, applied, False, False, words, labels)
                files.add(row, packets, {name: sample(one) for name, one in pictures.items()} if first else None)
            outcome = Outcome(False, "it fell", "simulator") if number in failed else Outcome(True, "", "simulator")
            target.save(files.finish(outcome))
    return folder
