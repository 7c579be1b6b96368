"""`optimus eval`: how often the policy succeeds, with counts and an interval, and whether it sees and listens."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from ..core.errors import ConfigError
from ..core.statistics import wilson_interval
from ..core.suites import Trial, tally, trials
from ..learning.evaluate import Result, run_trial
from ..learning.rollout import LockStep
from ..policy.runtime import load_policy
from ..robot.load import load_robot
from ..robot.share import model_path


@dataclass(frozen=True)
class _Setting:
    model: str
    robot: str
    blackout: tuple[str, ...]
    video: str


def run(
    suite: Annotated[str, typer.Option(help="pick_place, pick or home.")] = "pick_place",
    episodes: Annotated[int, typer.Option(help="How many scenes.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the first scene; 1000 to 9999 are never trained on.")] = 1000,
    model: Annotated[str, typer.Option(help="Policy in models/, or the path of a bundle.")] = "pick_place",
    ros: Annotated[bool, typer.Option("--ros", help="Through the real ROS 2 graph, in real time.")] = False,
    blackout: Annotated[list[str] | None, typer.Option(help="Camera whose pictures are black, or all.")] = None,
    swap_instruction: Annotated[bool, typer.Option("--swap-instruction", help="Tell it another colour.")] = False,
    instruction: Annotated[str, typer.Option(help="Tell it this sentence every time.")] = "",
    video: Annotated[str, typer.Option(help="Folder for a video of every episode.")] = "",
    workers: Annotated[int, typer.Option(help="Processes; 0: one per core.")] = 0,
    robot: Annotated[str, typer.Option(help="Robot, from config/robots/.")] = "optimus",
    as_json: Annotated[bool, typer.Option("--json", help="Only one line of JSON on standard output.")] = False,
) -> int:
    """Measure how often the policy does what it is told."""
    todo = trials(suite, episodes, seed, swap=swap_instruction, sentence=instruction)
    setting = _Setting(str(model_path(model)), robot, _cameras(robot, blackout or []), video)
    console = Console(stderr=True)
    if ros:
        from .evaluate_ros import play_on_graph

        if setting.blackout or video:
            raise ConfigError("--ros cannot be combined with --blackout or --video; leave one out")
        played = play_on_graph(todo, setting.model, setting.robot)
    else:
        played = _play(todo, setting, workers or os.cpu_count() or 1)
    results = []
    for result in played:
        results.append(result)
        good = sum(r.done for r in results)
        mark = "done  " if result.done else "FAILED"
        why = "" if result.done else f"  ({result.reason})"
        console.print(
            f"{len(results):3d}/{episodes}  {mark} {result.duration:5.1f} s  seed {result.trial.seed}  "
            f"{result.trial.sentence}{why}  [{good}/{len(results)}]",
            highlight=False,
        )
    report = summarize(results, suite, setting, ros, swap_instruction)
    if not as_json:
        _show(console, report)
    print(json.dumps(report))
    return 0


def summarize(results: list[Result], suite: str, setting: _Setting, ros: bool, swapped: bool) -> dict[str, Any]:
    """The line of JSON: counts, Wilson interval, per task, and what happened instead."""
    done = [result.done for result in results]
    low, high = wilson_interval(sum(done), len(done))
    report: dict[str, Any] = {
        "suite": suite,
        "successes": sum(done),
        "episodes": len(done),
        "wilson95": [round(low, 3), round(high, 3)],
        "per_task": tally([result.trial.told.sentence for result in results], done),
        "per_colour": tally([result.trial.told.colour for result in results], done),
        "median_duration": float(np.median([result.duration for result in results])),
        "claimed_done": sum(result.claimed for result in results),
        "policy": Path(setting.model).name,
        "ros": ros,
        "blackout": list(setting.blackout),
        "seeds": [results[0].trial.seed, results[-1].trial.seed],
        "failures": [
            {"seed": r.trial.seed, "sentence": r.trial.sentence, "reason": r.reason} for r in results if not r.done
        ],
    }
    if swapped:
        report["went_for_the_unnamed_colour"] = sum(result.task_done for result in results)
    return report


def _cameras(robot: str, names: list[str]) -> tuple[str, ...]:
    known = [camera.name for camera in load_robot(robot)[0].cameras]
    if "all" in names:
        return tuple(known)
    for name in names:
        if name not in known:
            raise ConfigError(f"no camera {name!r}; {robot} has {', '.join(known)}, or say all (--blackout)")
    return tuple(names)


def _show(console: Console, report: dict[str, Any]) -> None:
    low, high = report["wilson95"]
    console.print(
        f"\n{report['suite']}: {report['successes']} of {report['episodes']} "
        f"(95 % interval {100 * low:.0f}-{100 * high:.0f} %)",
        highlight=False,
    )
    for task, row in sorted(report["per_task"].items()):
        console.print(f"  {row['successes']:2d}/{row['episodes']:<2d}  {task}", highlight=False)


def _play(todo: list[Trial], setting: _Setting, workers: int) -> Iterator[Result]:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LP_NUM_THREADS", "0")
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(todo)), initializer=_begin_worker, initargs=(asdict(setting),)) as pool:
        yield from pool.imap(_play_one, todo)


_worker: tuple[LockStep, Any, _Setting] | None = None


def _begin_worker(raw: dict[str, Any]) -> None:
    global _worker
    setting = _Setting(**raw)
    robot, urdf = load_robot(setting.robot)
    cameras = [camera.name for camera in robot.cameras] + (["outside"] if setting.video else [])
    _worker = (LockStep(robot, urdf, cameras=cameras), load_policy(setting.model, robot), setting)


def _play_one(trial: Trial) -> Result:
    assert _worker is not None
    loop, policy, setting = _worker
    if not setting.video:
        return run_trial(loop, policy, trial, setting.blackout)
    import cv2

    from ..drivers.video_file import VideoFile

    folder = Path(setting.video)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{trial.seed}.mp4"
    with VideoFile(part, 1280, 480, rate=10) as film:

        def add(head: Any, outside: Any, caption: str, time: float) -> None:
            picture = np.hstack([head, outside])
            cv2.putText(picture, caption, (12, 462), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
            film.add(picture, time)

        result = run_trial(loop, policy, trial, setting.blackout, add)
    part.rename(folder / f"{trial.seed}-{'done' if result.done else 'failed'}.mp4")
    return result
