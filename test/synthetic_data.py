"""A data set in the format of the demonstrations that is made in a second and needs eyes and ears.

Four coloured squares lie on a grey bench; the sentence names one, and for "place" one of two sides. The "arm" must
reach the named square: joints 0 and 1 go to its x and y, joint 2 to the named side. Nothing else tells which one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from optimus_nodes.core.language import COLOURS, all_instructions
from optimus_nodes.core.language import first_wordings as wordings
from optimus_nodes.core.robot import CameraSpec, RobotSpec

RGB = {"red": (200, 40, 40), "green": (40, 170, 60), "blue": (40, 70, 200), "yellow": (210, 190, 40)}
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
        max_effort=full,
        kp=full,
        kd=full,
        armature=full,
        home=0 * full,
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


def make_data_set(
    folder: Path,
    *,
    episodes: int,
    seed: int = 0,
    robot: RobotSpec | None = None,
    length: int = 4,
    horizon: int = 16,
    shrink: int = 1,
    cameras: tuple[str, ...] = tuple(CAMERAS),
) -> Path:
    """Write `episodes` short episodes as one shard, pictures of `cameras` 1/`shrink` of full size; returns `folder`."""
    robot = robot or synthetic_robot()
    sizes = {name: (h // shrink, w // shrink) for name, (h, w) in CAMERAS.items() if name in cameras}
    rng, joints = np.random.default_rng(seed), len(robot.joint_names)
    frames = episodes * length
    images = {n: np.zeros((frames, *size, 3), np.uint8) for n, size in sizes.items()}
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
            for name in set(images) - {"head"}:
                images[name][i] = 90
            along = t / length
            position[i] = start + along * (goal - start)
            ahead = np.minimum(1.0, along + np.arange(horizon)[:, None] / length / 2)
            action[i] = start + ahead * (goal - start)
            progress[i] = along
            aux[i] = goal[0], goal[1], 0.0, 1.0, u, v
            ids[i], episode[i], frame[i] = sentences.index(options[rng.integers(len(options))]), e, t
    shard = folder / "shard-0000"
    shard.mkdir(parents=True)
    for name, pictures in images.items():
        np.save(shard / f"{name}.npy", pictures)
    pads = np.zeros((frames, len(robot.tactile_pads)), np.float32)
    arrays = {"position": position, "velocity": 0 * position, "tactile": pads, "action": action, "progress": progress}
    arrays |= {"aux": aux, "sentence_id": ids, "episode": episode, "frame": frame}
    for name, values in arrays.items():
        np.save(shard / f"{name}.npy", values)
    meta = {
        "sentences": sentences,
        "aux": ["target_x", "target_y", "target_z", "target_mask", "target_head_u", "target_head_v"],
        "robot": robot.name,
        "urdf_sha256": robot.urdf_sha256,
        "joint_names": list(robot.joint_names),
        "tactile_pads": list(robot.tactile_pads),
        "cameras": {n: list(size) for n, size in sizes.items()},
        "step_dt": 0.05,
        "frame_dt": 0.1,
    }
    (shard / "meta.json").write_text(json.dumps(meta))
    return folder
