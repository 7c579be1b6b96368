"""Plays the trials of an evaluation on several processes, and films those that failed."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..core.errors import OptimusError
from ..core.robot import RobotSpec
from ..core.suites import Trial
from ..core.values import ImageArray, Policy
from ..drivers.video_file import VideoFile
from ..learning.evaluate import Result, Stage, run_trial
from ..learning.evaluate_controls import CONTROLS, ExpertPolicy, StillPolicy
from ..learning.rollout import LockStep
from ..policy.runtime import load_policy
from ..robot.load import load_robot

_WIDTH, _HEIGHT, _BAR = 480, 360, 64  # of each of the two pictures, and of the caption below them
_LETTERS = 112  # of a caption's line


@dataclass(frozen=True)
class Setting:
    """What is evaluated. `model`: a bundle's path, or a name of CONTROLS. `video`, `failures`: folders, "" for none."""

    model: str
    robot: str = "optimus"
    video: str = ""
    failures: str = ""


@dataclass(frozen=True)
class Job:
    """One trial, and the folder within the video folders that belongs to its condition."""

    trial: Trial
    folder: str = ""


def play(todo: Sequence[Job], setting: Setting, workers: int) -> Iterator[Result]:
    """The results in the order of the jobs, played by `workers` processes."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LP_NUM_THREADS", "0")
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(todo)), initializer=_begin_worker, initargs=(asdict(setting),)) as pool:
        yield from pool.imap(_play_one, todo)


@dataclass
class _Worker:
    stage: Stage
    policy: Policy
    helper: ExpertPolicy
    setting: Setting


_worker: _Worker | OptimusError | None = None


def _begin_worker(raw: dict[str, Any]) -> None:
    """An error is kept for the first trial: raised here, the pool would begin workers for ever."""
    global _worker
    try:
        _worker = _make_worker(Setting(**raw))
    except OptimusError as error:
        _worker = error


def _make_worker(setting: Setting) -> _Worker:
    robot, urdf = load_robot(setting.robot)
    cameras = [camera.name for camera in robot.cameras]
    cameras += ["outside"] if setting.video or setting.failures else []
    stage = Stage(lambda scene, seed: LockStep(robot, urdf, cameras=cameras, scene=scene, seed=seed))
    return _Worker(stage, policy_of(setting.model, robot, urdf), ExpertPolicy(robot, urdf), setting)


def policy_of(model: str, robot: RobotSpec, urdf: str) -> Policy:
    """The policy of a bundle, or one of the controls."""
    if model in CONTROLS:
        return ExpertPolicy(robot, urdf) if model == "expert" else StillPolicy()
    return load_policy(model, robot)


def _play_one(job: Job) -> Result:
    assert _worker is not None
    if isinstance(_worker, OptimusError):
        raise _worker
    setting, trial = _worker.setting, job.trial
    film = Film() if setting.video or setting.failures else None
    result = run_trial(_worker.stage.loop(trial), _worker.policy, trial, _worker.helper, film)
    wanted = [setting.video] if setting.video else []
    wanted += [setting.failures] if setting.failures and not result.done else []
    for folder in wanted if film is not None and film.frames else ():
        name = f"{trial.name or trial.told.skill}-{trial.seed}-{'done' if result.done else 'failed'}.mp4"
        path = Path(folder) / job.folder / name
        film.save(path, "done" if result.done else f"FAILED: {result.reason}")  # type: ignore[union-attr]
        result = replace(result, video=str(path))
    return result


class Film:
    """Keeps the pictures of an episode, packed, until it is known whether anybody wants them."""

    def __init__(self) -> None:
        self.frames: list[tuple[np.ndarray, str, float]] = []

    def __call__(self, head: ImageArray, outside: ImageArray, caption: str, time: float) -> None:
        """Two pictures side by side, what is written below them, and when they were taken, s."""
        both = np.hstack([cv2.resize(one, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA) for one in (head, outside)])
        packed = cv2.imencode(".jpg", both, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        self.frames.append((packed, caption, time))

    def save(self, path: Path, verdict: str) -> None:
        """Write the film with the verdict below it, and hold its last picture for two seconds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part, end = path.with_suffix(".part.mp4"), self.frames[-1][2]
        with VideoFile(part, 2 * _WIDTH, _HEIGHT + _BAR, rate=10) as video:
            for packed, caption, time in [*self.frames, (*self.frames[-1][:2], end + 2.0)]:
                picture = np.zeros((_HEIGHT + _BAR, 2 * _WIDTH, 3), np.uint8)
                picture[:_HEIGHT] = cv2.imdecode(packed, cv2.IMREAD_COLOR)
                for line, text in enumerate((f"{time:5.1f} s  {caption}", verdict)):
                    _write(picture, text, _HEIGHT + 25 + 26 * line, (255, 255, 255) if line == 0 else (255, 205, 120))
                video.add(picture, time)
        part.rename(path)


def _write(picture: ImageArray, text: str, y: int, colour: tuple[int, int, int]) -> None:
    text = text if len(text) <= _LETTERS else text[: _LETTERS - 3] + "..."
    cv2.putText(picture, text, (12, y), cv2.FONT_HERSHEY_SIMPLEX, 0.48, colour, 1, cv2.LINE_AA)
