"""Meta-World's ten tasks (MT10) as bench/metaworld.py sees them: pictures, the hand, an expert. Needs `metaworld`.

Only `World.truth` and `World.expert` know the simulator's state. They serve demonstrations; no policy is given them.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("MUJOCO_GL", "egl")

import metaworld.policies
import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld_parts import CAMERAS, EXPERTS, LIMIT, POINTS, SIDE, TASKS, TRAINING_SEED, TRUTH

UPSIDE_DOWN = ("corner4",)
LONGEST = 250  # steps a demonstration may take
AFTERWARDS = 10  # steps kept after success: a policy should learn to stay
TREMBLE = 0.1  # noise of the hand's command at every step, in units of the largest command
PUSH, PUSH_EVERY, PUSH_STEPS = 1.0, 45, (5, 12)  # now and then something pushes the hand away, for so many steps
ATTEMPTS = (1.0, 1.0, 0.5, 0.0)  # where a demonstration fails it is tried again in the same scene, disturbed less


class World:
    """One task. A seed decides goal and scene; `reset` first."""

    def __init__(self, task: str) -> None:
        warnings.filterwarnings("ignore", message="Constant\\(s\\) may be too high")
        self.task = task
        self.env: Any = ALL_V3_ENVIRONMENTS[f"{task}-v3"]()
        self.env._partially_observable = False  # for the expert; `position` does not hold the goal
        self.env.__dict__.pop("sawyer_observation_space", None)  # its cached bounds would clip the goal to 0
        self.env._freeze_rand_vec, self.env.seeded_rand_vec, self.env._set_task_called = False, True, True
        self._expert = getattr(metaworld.policies, EXPERTS[task])()
        quality = self.env.model.vis.quality
        quality.shadowsize, quality.offsamples = 0, 0
        self._renderer = mujoco.Renderer(self.env.model, SIDE, SIDE)
        flags = self._renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self._observed = np.zeros(39)

    def reset(self, seed: int) -> np.ndarray:
        """Lay out the scene of `seed`; the numbers it was drawn with."""
        self.env.seed(seed)
        self._observed, _ = self.env.reset()
        mujoco.mj_forward(self.env.model, self.env.data)  # else the first picture shows things where they were
        return np.array(self.env._last_rand_vec, np.float64)

    def step(self, action: np.ndarray) -> bool:
        """Act for 12.5 ms: (4,) hand command x y z and grip, each -1 to 1. Is the task done now?"""
        self._observed, _, _, _, info = self.env.step(np.clip(action, -1.0, 1.0).astype(np.float32))
        return bool(info["success"])

    def position(self) -> np.ndarray:
        """What the robot feels, (4,) float32: hand x y z, m, and how far the fingers are open, 0 to 1."""
        return np.array(self._observed[:4], np.float32)

    def look(self) -> np.ndarray:
        """Pictures of all cameras, (C, H, W, 3) uint8."""
        return np.stack([self._picture(camera) for camera in CAMERAS])

    def _picture(self, camera: str) -> np.ndarray:
        self._renderer.update_scene(self.env.data, camera=camera)
        picture = self._renderer.render()
        return picture[::-1, ::-1] if camera in UPSIDE_DOWN else picture

    def expert(self) -> np.ndarray:
        """What Meta-World's scripted expert would do, (4,) -1 to 1."""
        return np.clip(self._expert.get_action(self._observed), -1.0, 1.0).astype(np.float32)

    def truth(self) -> np.ndarray:
        """Where things are, as `TRUTH` names it: for training only."""
        points = {"hand": self.env.tcp_center, "object": self._observed[4:7], "goal": self.env._target_pos}
        found = [*points["object"], *points["goal"], *(points["object"] - points["hand"])]
        found += [*(points["goal"] - points["hand"])]
        for camera in CAMERAS:
            for name in POINTS:
                found += self._place(camera, points[name])
        return np.array(found, np.float32)

    def _place(self, camera: str, point: np.ndarray) -> tuple[float, float]:
        """Where a picture shows a point: u to the right, v down, 0 to 1; nan when it is behind the camera."""
        seen, number = self.env.data.camera(camera), self.env.model.camera(camera).id
        x, y, z = seen.xmat.reshape(3, 3).T @ (np.asarray(point) - seen.xpos)
        if z > -1e-3:
            return float("nan"), float("nan")
        size = 2.0 * np.tan(np.deg2rad(self.env.model.cam_fovy[number]) / 2.0) * -z
        u, v = 0.5 + x / size, 0.5 - y / size
        return (1.0 - u, 1.0 - v) if camera in UPSIDE_DOWN else (u, v)


class Disturbance:
    """Noise of the hand's command, and pushes that last a while."""

    def __init__(self, chance: np.random.Generator, scale: float) -> None:
        self._chance, self._scale = chance, scale
        self._push, self._left = np.zeros(3), 0

    def next(self) -> np.ndarray:
        """What is added to the command of one step, (3,)."""
        if self._left == 0 and self._chance.random() < 1.0 / PUSH_EVERY:
            direction = self._chance.standard_normal(3)
            self._push = PUSH * direction / np.linalg.norm(direction)
            self._left = int(self._chance.integers(*PUSH_STEPS))
        self._left = max(0, self._left - 1)
        found = TREMBLE * self._chance.standard_normal(3) + (self._push if self._left else 0.0)
        return np.asarray(self._scale * found)


def demonstrate(world: World, seed: int, attempt: int = 0) -> dict[str, np.ndarray] | None:
    """One demonstration: the hand is disturbed, the label is what the expert wanted. None when it did not succeed."""
    chance = np.random.default_rng((seed, TASKS.index(world.task), attempt))
    drawn = world.reset(seed)
    disturbance = Disturbance(chance, ATTEMPTS[attempt])
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("images", "position", "action", "truth")}
    done_at = LIMIT
    for number in range(LIMIT):
        wanted = world.expert()
        seen = {"images": world.look(), "position": world.position(), "action": wanted, "truth": world.truth()}
        for name, value in seen.items():
            rows[name].append(value)
        action = wanted.copy()
        action[:3] = np.clip(action[:3], -1.0, 1.0) + disturbance.next()
        if world.step(action) and done_at == LIMIT:
            done_at = number
        if number >= done_at + AFTERWARDS:
            found = {name: np.stack(values) for name, values in rows.items()}
            return found | {"drawn": drawn, "done_at": np.int64(done_at)}
        if number > LONGEST and done_at == LIMIT:
            return None
    return None


def collect(task: str, episodes: int, folder: Path) -> None:
    """Write `episodes` successful demonstrations of `task` to one file."""
    path = folder / f"{task}.npz"
    if path.exists():
        return
    world, kept, tried = World(task), list[dict[str, np.ndarray]](), 0
    for seed in range(TRAINING_SEED, TRAINING_SEED + 4 * episodes):
        for attempt in range(len(ATTEMPTS)):
            found, tried = demonstrate(world, seed, attempt), tried + 1
            if found is not None:
                kept.append(found)
                break
        if len(kept) == episodes:
            break
    else:
        raise SystemExit(f"{task}: Meta-World's expert succeeded in only {len(kept)} of {4 * episodes} scenes")
    arrays = {name: np.concatenate([one[name] for one in kept]) for name in ("images", "position", "action", "truth")}
    lengths = np.array([len(one["action"]) for one in kept])
    arrays |= {"lengths": lengths, "drawn": np.stack([one["drawn"] for one in kept])}
    folder.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".part").open("wb") as file:
        np.savez(file, tried=np.int64(tried), **arrays)
    path.with_suffix(".part").rename(path)
    frames = f"{len(arrays['action'])} frames, {lengths.min()} to {lengths.max()} each"
    print(f"{task}: {episodes} demonstrations of {tried} tried, {frames}", file=sys.stderr, flush=True)


assert len(TRUTH) == 12 + 2 * len(POINTS) * len(CAMERAS)
