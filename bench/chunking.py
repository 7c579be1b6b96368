"""Slow policies: how well chunks of actions are joined when an answer takes 0.2 to 1.5 s.

    python bench/chunking.py --episodes 20 --json

The scripted expert plays the policy, so that only the delay is measured: it sees the scene when it is asked, its chunk
arrives so much later, and it answers to one observation at a time. `realtime` and `naive` are the two settings of
`chunking`; `switched` asks like `realtime` but plays the new chunk at once from the row whose time it is; `without
delay` is what all are compared with. Seams are compared twice: in what the chunks ask for, by joining the same
chunks in both ways (`joined`, `switched`), and in what the arms are commanded after the limits (`command`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimus_nodes.core.chunk_player import ChunkPlayer
from optimus_nodes.core.chunk_schedule import ChunkSchedule
from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.joint_controller import JointControlConfig
from optimus_nodes.core.scene import SceneConfig
from optimus_nodes.core.statistics import wilson_interval
from optimus_nodes.core.suites import Trial, trials
from optimus_nodes.core.tasks import instruction_done
from optimus_nodes.core.values import ActionChunk, Array
from optimus_nodes.learning.rollout import FRAME_DT, TICK_STEPS, LockStep
from optimus_nodes.robot.controller import joint_controller
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.expert import STEP_DT, Expert, ExpertStyle, ExpertView
from optimus_nodes.sim.grasp import Grasp

TICK = TICK_STEPS * 0.002
TIME_LIMIT, SURE_FOR = 20.0, 0.5
LATENCIES = (0.2, 0.5, 1.0, 1.5)
CONFIG = JointControlConfig()


@dataclass(frozen=True)
class Setting:
    """How an episode is played. `steps`: rows of a chunk. `switched`: in real time, but without a fade at the seams."""

    chunking: str
    latency: float
    steps: int
    parallel: int = 1

    @property
    def control(self) -> JointControlConfig:
        if self.chunking == "switched":
            return JointControlConfig(crossfade=TICK)
        return JointControlConfig(chunking=self.chunking)

    @property
    def schedule(self) -> ChunkSchedule:
        return ChunkSchedule("realtime" if self.chunking == "switched" else self.chunking, self.parallel)


class Player:
    """One simulated robot that is played with one trial after another."""

    def __init__(self) -> None:
        self.robot, self._urdf = load_robot("optimus")
        self._loop = LockStep(self.robot, self._urdf)
        self._expert = Expert(self.robot, self._urdf, SceneConfig(), Grasp.of(self.robot))

    def play(self, trial: Trial, setting: Setting) -> dict[str, Any]:
        """One episode: whether it was done, starved ticks, and the steps of acceleration at its seams."""
        loop, world = self._loop, self._loop.world
        start = loop.reset(trial.seed)
        controller = joint_controller(self.robot, self._urdf, setting.control)
        schedule = setting.schedule
        self._expert.begin(trial.task, self._view(), ExpertStyle())
        waiting: deque[tuple[float, ActionChunk]] = deque()
        heard: list[tuple[int, ActionChunk]] = []
        commands, done_for, tick, stage = [], 0.0, 0, ""
        per_frame = round(FRAME_DT / TICK)
        while tick * TICK < TIME_LIMIT and done_for < SURE_FOR:
            now = world.time
            if tick % per_frame == 0:
                if schedule.due(now):
                    stage = self._ask(waiting, now, setting)
                    schedule.asked(now)
                sure = stage == "done" and instruction_done(trial.task, start, world.scene_state(), self._away())
                done_for = done_for + FRAME_DT if sure else 0.0
            while waiting and waiting[0][0] <= now + 1e-9:
                _, chunk = waiting.popleft()
                schedule.answered(chunk.observation_stamp, now, setting.steps * STEP_DT)
                try:
                    controller.on_chunk(chunk, now, now)
                    heard.append((tick, chunk))
                except CommandError as error:
                    if error.reason != "stale":
                        raise
            command = controller.tick(now, now, world.joint_state())
            commands.append(command.position)
            world.apply(command)
            world.step(TICK_STEPS)
            tick += 1
        done = instruction_done(trial.task, start, world.scene_state(), self._away())
        path, arms = np.array(commands), self.robot.group("arms")
        first, seams, naive = heard[0][0], [k for k, _ in heard[1:]], setting.chunking == "naive"
        return {
            "done": done,
            "seconds": tick * TICK,
            "starved": controller.status().starved_ticks,
            "ticks": tick - first,
            "refused": sum(controller.status().refused.values()),
            "command": steps_at(path[:, arms], seams),
            "joined": [] if naive else steps_at(replay(heard, tick, CONFIG.crossfade, path)[:, arms], seams),
            "switched": [] if naive else steps_at(replay(heard, tick, TICK, path)[:, arms], seams),
        }

    def _ask(self, waiting: deque[tuple[float, ActionChunk]], now: float, setting: Setting) -> str:
        advice = self._expert.advise(self._view(), setting.steps)
        names = self.robot.joint_names
        chunk = ActionChunk(now, now, STEP_DT, names, advice.positions, advice.progress, "expert")
        waiting.append((now + setting.latency, chunk))
        return advice.stage

    def _view(self) -> ExpertView:
        world = self._loop.world
        return ExpertView(world.joint_state().position, world.tactile(), world.scene_state())

    def _away(self) -> Array:
        arms = self.robot.group("arms")
        return np.asarray(self._loop.world.joint_state().position[arms] - self.robot.home[arms])


def replay(heard: list[tuple[int, ActionChunk]], ticks: int, crossfade: float, path: Array) -> Array:
    """What the same chunks ask for, (ticks, J) rad, when joined with another `crossfade`."""
    player = ChunkPlayer(crossfade, CONFIG.silence, CONFIG.slow_down, CONFIG.takeover_speed)
    arrivals, targets, last = dict(heard), [], path[0]
    for tick in range(ticks):
        now = tick * TICK
        if tick in arrivals:
            player.add(arrivals[tick], arrivals[tick].positions, last, now, now)
        target, _ = player.sample(now, now)
        last = last if target is None else target
        targets.append(last)
    return np.array(targets)


def steps_at(path: Array, seams: list[int]) -> list[float]:
    """At each seam of a path (ticks, J): the largest change of acceleration from one tick to the next, rad/s^2."""
    change = np.abs(np.diff(path, 3, axis=0)).max(axis=1) / TICK**2
    reach = round(CONFIG.crossfade / TICK) + 3
    return [float(change[max(k - 3, 0) : k + reach].max(initial=0.0)) for k in seams]


_player: Player | None = None


def _one(job: tuple[Trial, Setting]) -> dict[str, Any]:
    global _player
    if _player is None:
        _player = Player()
    return _player.play(*job)


def summarize(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of one setting."""
    done = sum(one["done"] for one in found)
    ticks = sum(one["ticks"] for one in found)
    return {
        "successes": done,
        "episodes": len(found),
        "wilson95": [round(x, 3) for x in wilson_interval(done, len(found))],
        "median_seconds": round(float(np.median([one["seconds"] for one in found])), 2),
        "starved_ticks": sum(one["starved"] for one in found),
        "starved_share": round(sum(one["starved"] for one in found) / max(ticks, 1), 4),
        "refused": sum(one["refused"] for one in found),
        **{
            f"{what}_step": spread([x for one in found for x in one[what]])
            for what in ("command", "joined", "switched")
        },
    }


def spread(values: list[float]) -> dict[str, float] | None:
    """Median, 95th percentile and largest of some steps of acceleration, rad/s^2."""
    if not values:
        return None
    return {name: round(float(np.percentile(values, q)), 1) for name, q in (("p50", 50), ("p95", 95), ("max", 100))}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument(
        "--steps", type=int, default=64, help="rows of a chunk, 0.05 s each; models/bench has 64"
    )
    parser.add_argument("--parallel", type=int, default=1, help="answers under way at a time, as over a slow link")
    parser.add_argument("--suite", default="pick_place")
    parser.add_argument("--latency", type=float, nargs="*", default=LATENCIES)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="only one line of JSON on standard output")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = {"without delay": Setting("realtime", 0.06, 16)}
    for latency in options.latency:
        for chunking in ("realtime", "switched", "naive"):
            parallel = 1 if chunking == "naive" else options.parallel
            settings[f"{chunking} {latency:g} s"] = Setting(chunking, latency, options.steps, parallel)
    todo = trials(options.suite, options.episodes, options.seed)
    report: dict[str, Any] = {
        "steps": options.steps,
        "parallel": options.parallel,
        "suite": options.suite,
        "load_before": round(os.getloadavg()[0], 2),
    }
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for name, setting in settings.items():
            report[name] = summarize(pool.map(_one, [(trial, setting) for trial in todo], chunksize=1))
            print(name, report[name], file=sys.stderr)
    ours = [report[f"realtime {latency:g} s"] for latency in options.latency]
    other = [report[f"switched {latency:g} s"] for latency in options.latency]
    report["starved_ticks"] = sum(one["starved_ticks"] for one in ours)
    report["seam_ratio"] = round(max(a["joined_step"]["max"] / a["switched_step"]["max"] for a in ours), 4)
    for q in ("p50", "p95"):
        ratios = [a["command_step"][q] / b["command_step"][q] for a, b in zip(ours, other, strict=True)]
        report[f"command_ratio_{q}"] = round(max(ratios), 3)
    report["load_after"] = round(os.getloadavg()[0], 2)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
