"""How much of the bench the planner's eyes get right, against the simulator's truth.

python bench/eyes.py --scenes 40          a table, and everything that was seen wrongly
python bench/eyes.py --scenes 40 --json   one line of JSON last

Every scene is looked at as it is laid out, and again after the scripted expert has done a task of the bench in it: a
box in a bin, on another or in a hand, the drawer opened or closed, the bar handed over. A box is right when its colour,
size, place and the hand that holds it are.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np

from optimus_nodes.core.scene import scene_named
from optimus_nodes.core.suites import Trial, trials
from optimus_nodes.core.tasks_suite import BENCH_TASKS
from optimus_nodes.core.values import ImageArray, SceneState
from optimus_nodes.core.view import View
from optimus_nodes.core.world import World
from optimus_nodes.learning.evaluate_controls import ExpertPolicy
from optimus_nodes.learning.rollout import LockStep
from optimus_nodes.planner.eyes import ColourEyes
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.viewpoint import Viewpoint
from optimus_nodes.ros.convert.images import pinhole_matrix

OPEN_FROM = 0.05  # m
ROBOT, URDF = load_robot("optimus")
SCENE = scene_named("bench")


@dataclass(frozen=True)
class Looked:
    """One look: what it was after, how long it took, and what was seen wrongly of how many things."""

    situation: str
    seconds: float
    things: int
    wrong: tuple[str, ...]


class Stage:
    """A simulated robot, an expert that moves it and the eyes that look."""

    def __init__(self) -> None:
        self.loop = LockStep(ROBOT, URDF, cameras=["head"], scene=SCENE)
        self._expert = ExpertPolicy(ROBOT, URDF)
        self._eyes, self._viewpoint = ColourEyes(SCENE), Viewpoint(ROBOT, URDF)
        camera = next(one for one in ROBOT.cameras if one.name == "head")
        self._K = pinhole_matrix(camera.width, camera.height, camera.fovy_deg)

    def play(self, trial: Trial) -> Iterator[str]:
        """Lay out the scene, then do the trial's task; a name for each moment to look at."""
        self.loop.reset(trial.seed)
        self.loop.wait()
        yield "laid out"
        for instruction in (*trial.preparation, trial.task):
            self._expert.play(self.loop, instruction)
        yield trial.name

    def view(self, image: ImageArray, touch: dict[str, float]) -> View:
        """A picture as one that was taken now."""
        return self._viewpoint.view(image, self._K, self.loop.world.joint_state().position, touch)

    def look(self, situation: str) -> Looked:
        """Look, and compare with the truth."""
        world, pads = self.loop.world, len(ROBOT.tactile_pads) // 2
        force = world.tactile()
        touch = {"left": float(force[:pads].sum()), "right": float(force[pads:].sum())}
        view = self.view(self.loop.picture("head").astype(np.uint8), touch)
        began = time.perf_counter()
        found = self._eyes.look(view)
        seconds = time.perf_counter() - began
        things, wrong = compared(world.scene_state(), found)
        return Looked(situation, seconds, things, tuple(wrong))


def compared(truth: SceneState, found: World) -> tuple[int, list[str]]:
    """The number of boxes, bars and drawers there are, and those that were seen wrongly. One too many is wrong too."""
    wrong, count = [], 0
    boxes = {thing.name: thing for thing in truth.objects if thing.kind == "box"}
    for thing in truth.objects:
        if thing.kind == "drawer":
            state, seen = "open" if thing.state > OPEN_FROM else "closed", found.find("drawer")
            count += 1
            if seen is None or seen.state != state:
                wrong.append(f"drawer is {state}, seen {seen and seen.state}")
        if thing.kind == "bar":
            count += 1
            if found.find("bar") is None or found.hand_of("bar") != thing.held_by:
                wrong.append(f"bar held by {thing.held_by!r}, seen {found.hand_of('bar')!r}")
    for name, box in boxes.items():
        count += 1
        on = next((o for o, one in boxes.items() if o != name and _stands_on(box.position, one.position)), "")
        place = "" if box.held_by else on or box.place
        seen, held = found.find(name), found.hand_of(name)
        if seen is None or (seen.size, seen.place, held) != (box.size_word, place, box.held_by):
            told = "nothing" if seen is None else f"{seen.size} {seen.place!r} {held!r}"
            at = np.round(box.position, 3)
            wrong.append(f"{name} is {box.size_word} {place!r} {box.held_by!r} at {at}, seen {told}")
    wrong += [f"{one.name} is not there" for one in found.things if one.kind == "box" and one.name not in boxes]
    return count, wrong


def _stands_on(upper: np.ndarray, lower: np.ndarray) -> bool:
    return bool(np.hypot(*(upper - lower)[:2]) < 0.04 and 0.05 < upper[2] - lower[2] < 0.09)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=6000)
    parser.add_argument("--pictures", help="folder for the pictures in which something was seen wrongly")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    stage, looks = Stage(), list[Looked]()
    for number in range(options.scenes):
        task = tuple(BENCH_TASKS)[number % len(BENCH_TASKS)]
        (trial,) = trials("bench", 1, options.seed + number, tasks=[task])
        for situation in stage.play(trial):
            looked = stage.look(situation)
            looks.append(looked)
            for words in looked.wrong:
                print(f"scene {trial.seed}, {situation}: {words}", file=sys.stderr)
            if looked.wrong and options.pictures:
                picture = np.ascontiguousarray(stage.loop.picture("head")[..., ::-1])
                cv2.imwrite(f"{options.pictures}/{trial.seed}_{situation.replace(' ', '_')}.png", picture)
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for look in looks:
        totals[look.situation][0] += look.things - min(len(look.wrong), look.things)
        totals[look.situation][1] += look.things
    right, things = (sum(total[k] for total in totals.values()) for k in (0, 1))
    for situation, (good, all_) in totals.items():
        print(f"{situation:14} {good} of {all_}")
    share, seconds = right / things, median(look.seconds for look in looks)
    print(f"{'all':14} {right} of {things} = {share:.1%}; a look takes {seconds:.3f} s")
    if options.json:
        figures = {"right": right, "things": things, "share": share, "by_situation": totals, "seconds_p50": seconds}
        print(json.dumps(figures))
    stage.loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
