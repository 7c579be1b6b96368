"""One step of bench/metaworld.py in a process of its own, so that its CPU time can be read. Needs LeRobot's environment
and `metaworld`.

    python bench/metaworld_step.py collect --folder F --episodes 25 --tasks reach push
    python bench/metaworld_step.py train --folder F --work W --policy ours --minutes 60 --threads 1
    python bench/metaworld_step.py evaluate --folder F --work W --policy act-ensembled --tasks reach --episodes 20
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:] = [*sys.path[1:], str(HERE), str(HERE.parent)]  # `metaworld` is the package, not the script beside this one

import numpy as np  # noqa: E402
import torch  # noqa: E402
from metaworld_parts import LIMIT, TASKS, TEST_SEED, Demonstrations, read_demonstrations  # noqa: E402

SAVE_EVERY = 120.0  # s of CPU time between checkpoints
SHOW_EVERY = 20.0  # s


def train(options: argparse.Namespace) -> None:
    """Train until the CPU time of this training, all threads together, is `minutes`."""
    torch.set_num_threads(options.threads)
    data = read_demonstrations(options.folder / "demonstrations", tuple(options.tasks))
    training = new_training(options, data)
    state = training.resume() or {"cpu_s": 0.0, "wall_s": 0.0}
    before, budget = (state["cpu_s"], state["wall_s"]), 60.0 * options.minutes
    began, saved, shown = (time.process_time(), time.monotonic()), state["cpu_s"], 0.0
    recent: dict[str, list[float]] = {}
    while state["cpu_s"] < budget:
        for name, value in training.step(state["cpu_s"] / budget).items():
            recent.setdefault(name, []).append(value)
        state["cpu_s"] = before[0] + time.process_time() - began[0]
        state["wall_s"] = before[1] + time.monotonic() - began[1]
        if time.monotonic() - shown > SHOW_EVERY or state["cpu_s"] >= budget:
            shown = time.monotonic()
            losses = " ".join(f"{name} {np.mean(values):.3f}" for name, values in recent.items())
            used = f"{state['cpu_s'] / 60:.1f} of {options.minutes:g} CPU min"
            tell(f"{options.policy}: {used}, step {training.steps}, {losses}")
            recent.clear()
        if state["cpu_s"] - saved > SAVE_EVERY or state["cpu_s"] >= budget:
            saved = state["cpu_s"]
            training.save(state)


def new_training(options: argparse.Namespace, data: Demonstrations) -> Any:
    """The training of `ours` or `act`, nothing learnt yet."""
    if options.policy == "ours":
        from metaworld_ours import Training

        return Training(data, options.work, options.seed)
    from metaworld_act import Training as Act

    return Act(data, options.work, options.seed, options.act_rate)


def make_policy(name: str, work: Path) -> Any:
    """`ours`, `act` or `act-ensembled`, as trained in `work`."""
    if name == "ours":
        from metaworld_ours import Policy

        return Policy(work)
    from metaworld_act import Policy as Act

    return Act(work, ensembling=name == "act-ensembled")


def evaluate(options: argparse.Namespace) -> None:
    """Write one file of results for each task: for every seed the step at which the task was done, or null."""
    from metaworld_world import World

    torch.set_num_threads(1)
    policy = make_policy(options.policy, options.work)
    for task in options.tasks:
        path = options.work / f"{options.policy}-{task}-{options.first}.json"
        found: list[int | None] = json.loads(path.read_text()) if path.exists() else []
        if len(found) >= options.episodes:
            continue
        with np.load(options.folder / "demonstrations" / f"{task}.npz") as file:
            known = file["drawn"]
        world = World(task)
        for seed in range(options.first + len(found), options.first + options.episodes):
            found.append(episode(world, policy, seed, known))
            path.with_suffix(".part").write_text(json.dumps(found))
            os.replace(path.with_suffix(".part"), path)
        tell(f"{options.policy} {task}: {sum(one is not None for one in found)} of {len(found)}")


def episode(world: Any, policy: Any, seed: int, known: np.ndarray) -> int | None:
    """The step at which `policy` succeeded in the scene of `seed`, None when it did not."""
    drawn = world.reset(seed)
    if (np.abs(known - drawn).max(axis=1) == 0.0).any():
        raise SystemExit(f"{world.task}: the scene of seed {seed} is one of the demonstrations'")
    policy.reset(world.task)
    for number in range(LIMIT):
        images = world.look() if policy.due() else None
        if world.step(policy.act(images, world.position())):
            return number
    return None


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("collect", "train", "evaluate"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--policy", choices=("ours", "act", "act-ensembled"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--first", type=int, default=TEST_SEED, help="seed of the first episode")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--act-rate", type=float, default=1e-5, help="ACT's learning rate")
    options = parser.parse_args()
    if options.do == "collect":
        from metaworld_world import collect

        for task in options.tasks:
            collect(task, options.episodes, options.folder / "demonstrations")
    else:
        {"train": train, "evaluate": evaluate}[options.do](options)
    sys.stderr.flush()
    os._exit(0)  # mujoco's EGL context would complain while Python ends


if __name__ == "__main__":
    main()
