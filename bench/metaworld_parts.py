"""What the parts of bench/metaworld.py share: names, seeds, demonstrations in memory, how chunks become actions."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SENTENCES = {  # task: what the robot is told, LeRobot's wording
    "reach": "Reach a goal position",
    "push": "Push the puck to a goal",
    "pick-place": "Pick and place a puck to a goal",
    "door-open": "Open a door with a revolving joint",
    "drawer-open": "Open a drawer",
    "drawer-close": "Push and close a drawer",
    "button-press-topdown": "Press a button from the top",
    "peg-insert-side": "Insert a peg sideways",
    "window-open": "Push and open a window",
    "window-close": "Push and close a window",
}
TASKS = tuple(SENTENCES)
EXPERTS = {task: f"Sawyer{''.join(word.title() for word in task.split('-'))}V3Policy" for task in TASKS}
EXPERTS["peg-insert-side"] = "SawyerPegInsertionSideV3Policy"
CAMERAS = ("corner4", "gripperPOV")  # LeRobot's own view of Meta-World, and the wrist
SIDE, ACTIONS = 96, 4
LIMIT = 490  # steps an episode may take; Meta-World's own limit is 500
TRAINING_SEED, TEST_SEED, VALIDATION_SEED = 0, 100_000, 200_000
POINTS = ("object", "goal", "hand")
TRUTH = (
    *(f"{name}_{axis}" for name in ("object", "goal", "to_object", "to_goal") for axis in "xyz"),
    *(f"{name}_{camera}_{axis}" for camera in CAMERAS for name in POINTS for axis in "uv"),
)


@dataclass(slots=True)
class Demonstrations:
    """All frames, one after the other. N frames, C cameras.

    `images` (N, C, H, W, 3) uint8; `position`, `previous` and `action` (N, 4); `truth` (N, len(TRUTH)); `task` (N,);
    `last` (N,): number of the last frame of this frame's episode; `progress` (N,) 0 to 1.
    """

    images: np.ndarray
    position: np.ndarray
    previous: np.ndarray
    action: np.ndarray
    truth: np.ndarray
    task: np.ndarray
    last: np.ndarray
    progress: np.ndarray

    def chunks(self, frames: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Actions from each of `frames` on (B, length, 4), the last one repeated, and which are repeats (B, length)."""
        wanted = frames[:, None] + np.arange(length)
        last = self.last[frames][:, None]
        return self.action[np.minimum(wanted, last)], wanted > last


def read_demonstrations(folder: Path, tasks: tuple[str, ...] = TASKS) -> Demonstrations:
    """Read what `collect` wrote."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in Demonstrations.__slots__}
    begin = 0
    for task in tasks:
        with np.load(folder / f"{task}.npz") as file:
            for name in ("images", "position", "action", "truth"):
                parts[name].append(file[name])
            lengths, position = file["lengths"], parts["position"][-1]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        before = np.maximum(np.arange(len(position)) - 1, np.repeat(starts, lengths))
        parts["previous"].append(position[before])
        parts["task"].append(np.full(len(position), TASKS.index(task)))
        parts["last"].append(np.repeat(begin + starts + lengths - 1, lengths))
        count = np.arange(len(position)) - np.repeat(starts, lengths)
        parts["progress"].append((count / np.repeat(lengths - 1, lengths)).astype(np.float32))
        begin += len(position)
    return Demonstrations(**{name: np.concatenate(values) for name, values in parts.items()})


class Player:
    """Turns chunks of actions into one action a step. A new chunk is due every `every` steps; where chunks overlap the
    newest counts most: one that is `k` chunks older counts `keep` ** k as much."""

    def __init__(self, every: int, keep: float) -> None:
        self.every, self.keep = every, keep
        self._chunks: deque[tuple[int, np.ndarray]] = deque()
        self._step = 0

    def due(self) -> bool:
        """Is a chunk to be given before the next action?"""
        return self._step % self.every == 0

    def give(self, chunk: np.ndarray) -> None:
        """Take a chunk (H, 4) whose first action is for the next step."""
        self._chunks.append((self._step, chunk))

    def action(self) -> np.ndarray:
        """The action of the next step, (4,)."""
        while len(self._chunks) > 1 and self._step - self._chunks[0][0] >= len(self._chunks[0][1]):
            self._chunks.popleft()
        wanted = [chunk[self._step - at] for at, chunk in self._chunks if self._step - at < len(chunk)]
        weights = self.keep ** np.arange(len(wanted))[::-1]
        self._step += 1
        return np.asarray((np.stack(wanted) * weights[:, None]).sum(0) / weights.sum())


def wilson(successes: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson."""
    if not count:
        return 0.0, 1.0
    share = successes / count
    middle, room = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return max(0.0, (middle - room) / (1 + z * z / count)), min(1.0, (middle + room) / (1 + z * z / count))
