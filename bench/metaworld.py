"""Our network and LeRobot's ACT learn Meta-World's ten tasks (MT10); prints one line of JSON.

    python bench/metaworld.py                          25 demonstrations a task, 60 CPU minutes each, 20 episodes a task
    python bench/metaworld.py --only ours              without ACT
    python bench/metaworld.py --until train            stop before the evaluation: collect, train, evaluate

Both learn from the same demonstrations of Meta-World's own scripted experts, disturbed now and then, and see two
pictures of 96x96 (a corner of the table, the wrist), the hand's place and opening, and what was said. Nothing else.
Budget: CPU time (user + system, all threads) of the process that trains, making its batches included. Two train at the
same time on two cores, with one thread each. Then each acts in 20 scenes of each task that no demonstration was made
in, at most 490 steps. Meta-World itself says whether a task is done. Both train in bf16 where the processor has it.

ours   policy/network.py with the loss of `optimus train`: batches of 32, averaged weights, cosine. In training
       it is also asked where things are, which the simulator knows. Chunks of 16, a new one every 2 steps.
act    ACT as LeRobot 0.4.4 documents it: ResNet-18, batches of 8, chunks of 100. What was said is a token
       (`observation.environment_state`). ImageNet's weights are nowhere to be had offline: ResNet-18 starts random, so
       ACT learns once at 1e-5, LeRobot's rate for a pretrained one, and once at 1e-4 (`--act-rates`), each with the
       whole budget. Each is judged twice: with whole chunks (LeRobot's default) and ensembled at every step (ACT's
       paper). Our mean is compared with the best of these.

Everything is kept in --folder: an interrupted run goes on when it is started again with the same options. It takes
hours: to ensemble, ACT computes all at every step, 1 min of one AVX2 core for an episode (`--act-ways act` leaves it).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from metaworld_parts import TASKS, TEST_SEED, wilson

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-lerobot/bin/python"
STEP = ROOT / "bench/metaworld_step.py"
STEPS = ("collect", "train", "evaluate")
ACT_WAYS = ("act", "act-ensembled")  # how ACT is played
RATES = (1e-5, 1e-4)
METAWORLD = "metaworld==3.1.1"


def missing(python: Path = PYTHON) -> str:
    """What has to be done before this bench can run, "" when nothing."""
    if not python.exists():
        return f"{python} is missing: `make env-lerobot`, then `{python} -m pip install {METAWORLD}`"
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('metaworld') is None)"
    if subprocess.run([python, "-c", look]).returncode:
        return f"{python} has no metaworld: `{python} -m pip install {METAWORLD}`"
    return ""


def together(commands: list[list[Any]], at_once: int) -> None:
    """Run steps, so many of them at the same time."""
    quiet = {"PYTHONWARNINGS": "ignore", "OMP_WAIT_POLICY": "passive"}
    waiting, running = list(commands), list[subprocess.Popen[bytes]]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                words = [str(word) for word in (PYTHON, STEP, *waiting.pop(0))]
                running.append(subprocess.Popen(words, env={**os.environ, **quiet}))
            time.sleep(0.2)
            for one in [one for one in running if one.poll() is not None]:
                running.remove(one)
                if one.returncode:
                    raise SystemExit(f"this step failed, the rest is kept: {' '.join(map(str, one.args))}")
    finally:
        for one in running:
            one.terminate()
            one.wait()


def trainings(options: argparse.Namespace) -> dict[Path, list[Any]]:
    """Of each training: the folder it is kept in, whose name holds all that decides it, and the words that start it."""
    settings = f"{options.minutes:g}min-{options.demonstrations}demos-{options.threads}threads-seed{options.seed}"
    found: dict[Path, list[Any]] = {}
    if options.only in (None, "ours"):
        found[options.folder / f"ours-{settings}"] = ["--policy", "ours"]
    if options.only in (None, "act"):
        for rate in options.act_rates:
            found[options.folder / f"act-{rate:g}-{settings}"] = ["--policy", "act", "--act-rate", rate]
    return found


def ways(options: argparse.Namespace, policy: str) -> tuple[str, ...]:
    """How what was trained as `policy` is played."""
    return ("ours",) if policy == "ours" else tuple(options.act_ways)


def run(options: argparse.Namespace) -> None:
    """The steps that are not done yet."""
    data, cores = options.folder / f"data-{options.demonstrations}", os.cpu_count() or 1
    common = ["--folder", data]
    if not all((data / "demonstrations" / f"{task}.npz").exists() for task in TASKS):
        words = ["collect", *common, "--episodes", options.demonstrations]
        together([[*words, "--tasks", task] for task in TASKS], cores)
    if options.until == "collect":
        return
    words = ["train", *common, "--minutes", options.minutes, "--threads", options.threads, "--seed", options.seed]
    starts = [[*words, "--work", work, *more] for work, more in trainings(options).items()]
    together(starts, max(1, cores // options.threads))
    if options.until == "train":
        return
    words = ["evaluate", *common, "--episodes", options.episodes, "--first", options.first]
    played = [(work, way) for work, more in trainings(options).items() for way in ways(options, more[1])]
    together(
        [[*words, "--work", work, "--policy", way, "--tasks", task] for work, way in played for task in TASKS], cores
    )


def judged(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of every policy whose results are complete."""
    found: dict[str, Any] = {}
    for work, more in trainings(options).items():
        for way in ways(options, more[1]):
            paths = {task: work / f"{way}-{task}-{options.first}.json" for task in TASKS}
            results = {task: json.loads(path.read_text()) for task, path in paths.items() if path.exists()}
            if any(len(results.get(task, ())) < options.episodes for task in TASKS):
                continue
            state = json.loads((work / "state.json").read_text())
            figures = summary({task: one[: options.episodes] for task, one in results.items()})
            figures |= {f"{kind}_minutes": round(state[f"{kind}_s"] / 60, 1) for kind in ("cpu", "wall")}
            found[" ".join([way, *(f"{rate:g}" for rate in more[3:])])] = figures | {"updates": state["steps"]}
    return found


def summary(results: dict[str, list[int | None]]) -> dict[str, Any]:
    """Of each task's episodes: how many succeeded, of how many, with the interval; and of all together."""
    tasks = {}
    for task, steps in results.items():
        won = [step for step in steps if step is not None]
        low, high = wilson(len(won), len(steps))
        steps_taken = float(np.median(won)) if won else None
        tasks[task] = {"won": len(won), "of": len(steps), "low": round(low, 3), "high": round(high, 3)}
        tasks[task]["median_steps"] = steps_taken
    won, count = sum(one["won"] for one in tasks.values()), sum(one["of"] for one in tasks.values())
    low, high = wilson(won, count)
    mean = float(np.mean([one["won"] / one["of"] for one in tasks.values()]))
    return {"mean": round(mean, 4), "won": won, "of": count, "low": round(low, 4), "high": round(high, 4)} | {
        "tasks": tasks
    }


def ratio(found: dict[str, Any]) -> float | None:
    """Our mean over the better of ACT's; None where ACT did nothing or one of them is missing."""
    theirs = max((one["mean"] for name, one in found.items() if name != "ours"), default=0.0)
    return round(found["ours"]["mean"] / theirs, 2) if "ours" in found and theirs else None


def table(found: dict[str, Any]) -> str:
    """For people, as Markdown."""
    lines = [f"| task | {' | '.join(found)} |", "| --- |" + " ---: |" * len(found)]
    for task in TASKS:
        cells = [found[name]["tasks"][task] for name in found]
        spelled = [f"{one['won']}/{one['of']} ({one['low']:.0%} - {one['high']:.0%})" for one in cells]
        lines.append(f"| {task} | {' | '.join(spelled)} |")
    means = [f"{one['mean']:.1%} ({one['low']:.0%} - {one['high']:.0%})" for one in found.values()]
    budget = [f"{one['updates']} updates in {one['cpu_minutes']:g} CPU min" for one in found.values()]
    return "\n".join([*lines, f"| mean | {' | '.join(means)} |", f"| trained | {' | '.join(budget)} |"])


def main() -> int:
    """Exit code 0, or 2 when something has to be installed first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs/metaworld", help="where everything is kept")
    parser.add_argument("--minutes", type=float, default=60.0, help="CPU minutes of each training")
    parser.add_argument("--threads", type=int, default=1, help="of each training")
    parser.add_argument("--demonstrations", type=int, default=25, help="of each task")
    parser.add_argument("--episodes", type=int, default=20, help="of each task, for the evaluation")
    parser.add_argument("--first", type=int, default=TEST_SEED, help="seed of the first scene of the evaluation")
    parser.add_argument("--seed", type=int, default=0, help="of the trainings")
    parser.add_argument("--only", choices=("ours", "act"))
    parser.add_argument("--until", choices=STEPS, default="evaluate", help="the last step to do")
    parser.add_argument("--report", action="store_true", help="do nothing, say what the results kept so far are")
    parser.add_argument("--act-rates", nargs="+", type=float, default=RATES, help="ACT's learning rates")
    parser.add_argument("--act-ways", nargs="+", choices=ACT_WAYS, default=ACT_WAYS, help="how ACT is played")
    parser.add_argument("--json", action="store_true", help="only the line of JSON, no table")
    options = parser.parse_args()
    if not options.report and (problem := missing()):
        print(problem, file=sys.stderr)
        return 2
    if not options.report:
        run(options)
    found = judged(options)
    if found and not options.json:
        print(table(found), file=sys.stderr)
    settings = {"demonstrations": options.demonstrations, "minutes": options.minutes, "threads": options.threads}
    print(json.dumps({**settings, "ours_over_act": ratio(found), "policies": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
