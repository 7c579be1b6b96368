"""`optimus eval`: how often the policy succeeds, with counts and an interval, and whether it sees and listens."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..core.errors import ConfigError
from ..core.perturb import perturbation
from ..core.suites import Asking
from ..learning.evaluate import Result
from ..learning.evaluate_controls import CONTROLS
from ..robot.load import load_robot
from ..robot.share import model_path
from .evaluate_conditions import Request, battery, single, wordings_of
from .evaluate_html import write_report
from .evaluate_play import Job, Setting, play
from .evaluate_report import Condition, rate, summarize

_EPISODES = {"bench": 20}  # unless asked otherwise: per task; of the other suites in all
_MODELS = {"bench": "bench"}  # the policies that were trained for a suite; pick_place for the others
_BATTERY_EPISODES, _DEFAULT_EPISODES = 5, 50


def run(
    suite: Annotated[str, typer.Option(help="bench (17 tasks), pick_place, pick or home.")] = "pick_place",
    task: Annotated[list[str] | None, typer.Option(help="Only this task of bench; may be repeated.")] = None,
    episodes: Annotated[
        int, typer.Option(help="How many scenes; of bench and of --wordings for each task or sentence. 0: as usual.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the first scene; 1000 to 9999 are never trained on.")] = 1000,
    model: Annotated[
        str, typer.Option(help="In models/, a path, or a control: expert, still; default: the suite's.")
    ] = "",
    ros: Annotated[bool, typer.Option("--ros", help="Through the real ROS 2 graph, in real time.")] = False,
    perturb: Annotated[
        list[str] | None, typer.Option(help="layout, distractors, light, texture or camera; may be repeated.")
    ] = None,
    blackout: Annotated[list[str] | None, typer.Option(help="Camera whose pictures are black, or all.")] = None,
    latency: Annotated[float, typer.Option(help="Seconds that every chunk comes later, 0 to 1.5.")] = 0.0,
    swap_instruction: Annotated[bool, typer.Option("--swap-instruction", help="Tell it something else.")] = False,
    unseen_wordings: Annotated[
        bool, typer.Option("--unseen-wordings", help="Ask in words that training left out.")
    ] = False,
    wordings: Annotated[str, typer.Option(help="JSON lines of task, arguments and sentence to ask.")] = "",
    instruction: Annotated[str, typer.Option(help="Tell it this sentence every time.")] = "",
    battery_: Annotated[bool, typer.Option("--battery", help="All of these, one after another.")] = False,
    report: Annotated[str, typer.Option(help="Folder for a report, index.html.")] = "",
    failures: Annotated[str, typer.Option(help="Folder for videos of failures; as a rule in the report's.")] = "",
    video: Annotated[str, typer.Option(help="Folder for a video of every episode.")] = "",
    workers: Annotated[int, typer.Option(help="Processes; 0: one per core.")] = 0,
    robot: Annotated[str, typer.Option(help="Robot, from config/robots/.")] = "optimus",
    as_json: Annotated[bool, typer.Option("--json", help="Only one line of JSON on standard output.")] = False,
) -> int:
    """Measure how often the policy does what it is told."""
    console = Console(stderr=True)
    model = model or _MODELS.get(suite, "pick_place")
    cameras = _cameras(robot, ["all"])
    request = Request(
        suite,
        episodes or _usual(suite, battery_, bool(wordings)),
        seed,
        tuple(task or (load_robot(robot)[0].tasks if suite == "bench" else ())),
        Asking(swap_instruction, instruction, unseen_wordings, wordings_of(wordings) if wordings else ()),
        perturbation(perturb or [], _cameras(robot, blackout or []), latency),
    )
    if ros and (battery_ or video or failures or request.changed.name != "clean"):
        wrong = "--battery, --perturb, --blackout, --latency, --video or --failures"
        raise ConfigError(f"--ros cannot be combined with {wrong}; leave them out")
    conditions = battery(request, cameras, console.print) if battery_ else [single(request)]
    folder = _report_folder(report, battery_)
    if folder and not ros:
        failures = failures or str(folder / "failures")
    setting = Setting(model if model in CONTROLS else str(model_path(model)), robot, video, failures)
    _follow(console, conditions, _played(conditions, setting, ros, workers or os.cpu_count() or 1))
    found = _figures(request, setting, conditions, ros)
    if folder:
        facts = [f"Suite {suite}, {request.episodes} episodes each, seeds from {seed} on" + (", on ROS 2" * ros)]
        title = f"How often {Path(setting.model).name} does what it is told"
        found["report"] = str(write_report(folder, title, facts, conditions))
    if not as_json:
        _show(console, conditions, found)
    print(json.dumps(found))
    return 0


def _usual(suite: str, whole_battery: bool, given: bool) -> int:
    if given:
        return 1
    return _BATTERY_EPISODES if whole_battery and suite == "bench" else _EPISODES.get(suite, _DEFAULT_EPISODES)


def _report_folder(report: str, whole_battery: bool) -> Path | None:
    if report or not whole_battery:
        return Path(report) if report else None
    from .up import new_run_dir

    return new_run_dir("eval")


def _played(conditions: Sequence[Condition], setting: Setting, ros: bool, workers: int) -> Iterator[Result]:
    if not ros:
        return play([Job(t, c.folder) for c in conditions for t in c.trials], setting, workers)
    if setting.model in CONTROLS:
        raise ConfigError(f"--ros needs a policy that the graph can run; {setting.model} knows the simulator's truth")
    from .evaluate_ros import play_on_graph

    return play_on_graph(conditions[0].trials, setting.model, setting.robot)


def _follow(console: Console, conditions: Sequence[Condition], played: Iterator[Result]) -> None:
    """Sort the results into their conditions, with a line for each."""
    for condition in conditions:
        if len(conditions) > 1:
            console.print(f"\n{condition.name}", highlight=False)
        for _ in condition.trials:
            result = next(played)
            condition.results.append(result)
            good, count = sum(r.done for r in condition.results), len(condition.results)
            mark = "done  " if result.done else "FAILED"
            why = "" if result.done else f"  ({result.reason})"
            console.print(
                f"{count:3d}/{len(condition.trials)}  {mark} {result.duration:5.1f} s  seed {result.trial.seed}  "
                f"{result.trial.sentence}{why}  [{good}/{count}]",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
    next(played, None)  # lets whoever played tidy up


def _figures(request: Request, setting: Setting, conditions: Sequence[Condition], ros: bool) -> dict[str, Any]:
    """The line of JSON: the figures of the first condition, and with several those of each."""
    found = {"suite": request.suite, "condition": conditions[0].name, **summarize(conditions[0])}
    found |= {"policy": Path(setting.model).name, "ros": ros}
    if len(conditions) > 1:
        found["conditions"] = {
            c.name: {**rate([r.done for r in c.results]), "latency": c.latency, "kind": c.kind} for c in conditions
        }
    return found


def _cameras(robot: str, names: Sequence[str]) -> tuple[str, ...]:
    known = [camera.name for camera in load_robot(robot)[0].cameras]
    if "all" in names:
        return tuple(known)
    for name in names:
        if name not in known:
            raise ConfigError(f"no camera {name!r}; {robot} has {', '.join(known)}, or say all (--blackout)")
    return tuple(names)


def _show(console: Console, conditions: Sequence[Condition], found: dict[str, Any]) -> None:
    for condition in conditions:
        row = rate([result.done for result in condition.results])
        low, high = row["wilson95"]
        console.print(
            f"\n{found['suite']}, {condition.name}: {row['successes']} of {row['episodes']} "
            f"(95 % interval {100 * low:.0f}-{100 * high:.0f} %)",
            highlight=False,
        )
        for task, one in summarize(condition)["per_task"].items() if len(conditions) == 1 else ():
            console.print(f"  {one['successes']:2d}/{one['episodes']:<2d}  {task}", highlight=False)
    if "report" in found:
        console.print(f"\nreport: {found['report']}", highlight=False)
