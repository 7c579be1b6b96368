"""`optimus collect`: make demonstrations with the scripted expert, or label what a policy does."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from ..core.errors import ConfigError
from ..learning.collect import CollectJob, collect


def run(
    out: Annotated[Path, typer.Argument(help="Folder of the data set; what is in it stays.")],
    episodes: Annotated[int, typer.Option(help="How many scenes to play.")] = 400,
    minutes: Annotated[float, typer.Option(help="Stop after so long, though there are scenes left; 0: never.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the first scene, 10000 or more.")] = 100_000,
    robot: Annotated[str, typer.Option(help="Robot, from config/robots/.")] = "optimus",
    scene: Annotated[str, typer.Option(help="boxes, eggs or bench.")] = "boxes",
    task: Annotated[list[str] | None, typer.Option(help="On the bench: only begin with this task; repeatable.")] = None,
    policy: Annotated[str, typer.Option(help="Model bundle that acts while the expert labels.")] = "",
    beta: Annotated[float, typer.Option(help="With --policy: share of tasks the expert plays itself, 0 to 1.")] = 0.2,
    noise: Annotated[float, typer.Option(help="Strength of the pushes off the expert's path.")] = 1.0,
    workers: Annotated[int, typer.Option(help="Processes; 0: one per core.")] = 0,
) -> int:
    """Make demonstrations in the simulator."""
    if minutes < 0.0:
        raise ConfigError(f"minutes is {minutes:g}; it must be 0 or more (--minutes)")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LP_NUM_THREADS", "0")
    tasks = tuple(task or ())
    chosen = {"robot": robot, "scene": scene, "tasks": tasks}
    job = CollectJob(str(out), episodes, seed, noise=noise, policy=policy, beta=beta, **chosen)
    totals: Counter[str] = Counter()
    begun = time.monotonic()
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar, closing(collect(job, workers or os.cpu_count() or 1, bar.console.print)) as scenes:
        task = bar.add_task("scenes", total=episodes)
        for counts in scenes:
            totals.update(counts)
            done, failed = (sum(n for k, n in totals.items() if k.endswith(end)) for end in ("_done", "_failed"))
            words = f"{totals['frames']} frames, {done} tasks done, {failed} failed"
            bar.update(task, advance=counts["episodes"], description=words)
            if not bar.console.is_terminal and totals["episodes"] % 20 == 0:
                print(f"{totals['episodes']}/{episodes} scenes, {words}, {time.monotonic() - begun:.0f} s", flush=True)
            if minutes and time.monotonic() - begun > 60.0 * minutes:
                bar.console.print(f"stopped after {minutes:g} min; the same command goes on")
                break
    print(f"{out}: {totals['stored']} episodes added in {(time.monotonic() - begun) / 60:.1f} min; {_table(totals)}")
    return 0


def _table(totals: Counter[str]) -> str:
    skills = sorted({name.rpartition("_")[0] for name in totals if name.endswith(("_done", "_failed"))})
    rows = [f"{one} {totals[f'{one}_done']}/{totals[f'{one}_done'] + totals[f'{one}_failed']}" for one in skills]
    return "done: " + (", ".join(rows) or "nothing new")
