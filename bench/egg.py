"""Eggs picked up and put down by a hand that feels, and by one that squeezes with all it has; a box that gets heavy.

    python bench/egg.py --episodes 20 --json

The scene is "eggs": one breaks where the forces on it are those of two plates pressed together with 12 N. The scripted
expert picks the red one up and puts it down, once with every hand limited to 8 N and once without a limit. The box is
picked up with a limit of 10 N and then pulled down with 9 N within a second, once with hands that answer a slip and
once with hands that take friction for endless.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from optimus_nodes.core.joint_control_config import JointControlConfig
from optimus_nodes.core.language import Instruction
from optimus_nodes.core.scene import scene_named
from optimus_nodes.core.statistics import wilson_interval
from optimus_nodes.core.tasks import TaskJudge
from optimus_nodes.core.touch import TouchConfig
from optimus_nodes.learning.rollout import FRAME_DT, LockStep
from optimus_nodes.robot.controller import joint_controller
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.expert import STEP_DT, Expert, ExpertStyle, ExpertView
from optimus_nodes.sim.grasp import Grasp

EGG, FORCE, HEAVY_FORCE, PULL = "box_red", 8.0, 10.0, 9.0
TASKS = (Instruction("pick", "red"), Instruction("put_down"))
LONGEST = 10.0  # s for a task


class Stage:
    """A scene, an expert, and the force (N) on the red thing after every control tick."""

    def __init__(self, scene: str, touch: TouchConfig = TouchConfig()) -> None:
        robot, urdf = load_robot("optimus")
        self.loop = LockStep(robot, urdf, scene=scene_named(scene))
        self.loop.controller = joint_controller(robot, urdf, JointControlConfig(touch=touch))
        self.expert = Expert(robot, urdf, self.loop.world.scene, Grasp.of(robot))
        self.pressed: list[tuple[float, float]] = []
        step = self.loop.world.step

        def watched(n: int = 1) -> None:
            step(n)
            self.pressed.append((self.loop.world.time, self.loop.world.squeezed.get(EGG, 0.0)))

        self.loop.world.step = watched  # type: ignore[method-assign]

    def begin(self, seed: int, force: float) -> None:
        self.pressed.clear()
        self.loop.reset(seed)
        self.loop.controller.hands.limit("", force)

    def play(self, task: Instruction, number: int) -> str:
        """Why the task is not done; "" when it is."""
        world = self.loop.world
        judge = TaskJudge(task, world.scene_state())
        self.expert.begin(task, self._view(), ExpertStyle())
        for _ in range(round(LONGEST / FRAME_DT)):
            advice = self.expert.advise(self._view())
            if advice.stage == "done":
                break
            self.loop.advance(advice.positions, advice.progress, STEP_DT, "expert", number)
            judge.see(world.scene_state(), world.body())
        judge.see(world.scene_state(), world.body())
        return judge.why_not()

    def _view(self) -> ExpertView:
        world = self.loop.world
        return ExpertView(world.joint_state().position, world.tactile(), world.scene_state())

    def hold(self, seconds: float, each: Callable[[float], None]) -> None:
        """Stay where it is; `each` is told how much of the time is over, 0 to 1."""
        frames = round(seconds / FRAME_DT)
        for k in range(frames):
            each((k + 1) / frames)
            still = np.tile(self.loop.command.position, (64, 1))  # type: ignore[union-attr]
            for side in ("left", "right"):
                hand = self.loop.robot.group(f"{side}_hand")
                if self.loop.world.scene_state().find(EGG).held_by == side:
                    still[:, hand] = self.loop.robot.hand_posture(side, "closed")
            self.loop.advance(still, 1.0, STEP_DT, "expert", 9)


def eggs(stage: Stage, episodes: int, force: float) -> tuple[dict[str, Any], list[tuple[float, float]]]:
    """How it went, and the force on the last egg."""
    whole, done, most, why = 0, 0, [], {}
    for seed in range(5000, 5000 + episodes):
        stage.begin(seed, force)
        reasons = [stage.play(task, number) for number, task in enumerate(TASKS, start=1)]
        broken = bool(stage.loop.world.scene_state().find(EGG).state)
        whole += not broken
        done += reasons == ["", ""]
        most.append(max(value for _, value in stage.pressed))
        why |= {seed: reasons} if any(reasons) else {}
    low, high = wilson_interval(done, episodes)
    figures = {
        "limit_n": force,
        "episodes": episodes,
        "whole": whole,
        "picked_up_and_put_down": done,
        "interval": [round(low, 3), round(high, 3)],
        "largest_force_p50_n": round(float(np.median(most)), 1),
        "largest_force_n": round(float(max(most)), 1),
        "why_not": why,
    }
    return figures, list(stage.pressed)


def heavy(stage: Stage, episodes: int) -> dict[str, Any]:
    """Boxes still held after they became heavy."""
    held, world, slips = 0, stage.loop.world, 0
    for seed in range(5000, 5000 + episodes):
        stage.begin(seed, HEAVY_FORCE)
        stage.play(TASKS[0], 1)
        body = int(world.model.body(EGG).id)

        def fill(share: float, body: int = body) -> None:
            world.data.xfrc_applied[body, 2] = -PULL * min(1.0, 2.0 * share)

        stage.hold(2.0, fill)
        held += bool(world.scene_state().find(EGG).held_by)
        slips = sum(hand.slips for hand in stage.loop.controller.status().hands.values())
    return {"episodes": episodes, "held": held, "slips": slips}


def plot(path: Path, courses: dict[str, list[tuple[float, float]]], breaks: float) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, course in courses.items():
        times, force = np.array(course).T
        axes.plot(times, force, label=name, linewidth=1.2)
    axes.axhline(breaks, color="grey", linestyle="--", linewidth=1.0, label="an egg breaks")
    axes.set_xlabel("s")
    axes.set_ylabel("force between thumb and fingers, N")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--picture", type=Path, default=Path("runs/egg.png"))
    parser.add_argument("--json", action="store_true", help="print one line of JSON last")
    options = parser.parse_args()
    stage, result, courses = Stage("eggs"), {}, {}
    for name, force in ((f"limited to {FORCE:g} N", FORCE), ("no limit", 0.0)):
        result[name], courses[name] = eggs(stage, options.episodes, force)
        print(f"eggs, {name}: {result[name]}", flush=True)
    for name, touch in (("answers slips", TouchConfig()), ("does not", TouchConfig(friction=100.0))):
        result[name] = heavy(Stage("boxes", touch), options.episodes)
        print(f"a box pulled with {PULL:g} N, {name}: {result[name]}", flush=True)
    plot(options.picture, courses, scene_named("eggs").breaks)
    print(f"written: {options.picture}")
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
