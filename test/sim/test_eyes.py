"""The planner's eyes on rendered scenes, against the truth. `bench/eyes.py` does the same on many more."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimus_nodes.core.suites import trials
from optimus_nodes.planner.eyes import ColourEyes

FILE = Path(__file__).resolve().parents[2] / "bench" / "eyes.py"
spec = importlib.util.spec_from_file_location("bench_eyes", FILE)
eyes = importlib.util.module_from_spec(spec)
sys.modules["bench_eyes"] = eyes
spec.loader.exec_module(eyes)


@pytest.fixture(scope="module")
def stage():
    made = eyes.Stage()
    yield made
    made.loop.close()


def test_a_bench_that_was_laid_out_is_seen_as_it_is(stage):
    things, wrong = 0, []
    for trial in trials("bench", 9, 6500, tasks=["point"]):
        stage.loop.reset(trial.seed)
        stage.loop.wait()
        looked = stage.look("laid out")
        things, wrong = things + looked.things, [*wrong, *looked.wrong]
    assert things == 9 * 6
    assert len(wrong) <= 0.02 * things, wrong


@pytest.mark.parametrize("task", ["place_right", "stack", "pick_colour", "hand_over", "open_drawer"])
def test_what_a_task_has_changed_is_seen(stage, task):
    (trial,) = trials("bench", 1, 6600, tasks=[task])
    looks = [stage.look(moment) for moment in stage.play(trial)]
    assert looks[-1].wrong == ()


def test_an_empty_and_a_black_picture_show_nothing(stage):
    (trial,) = trials("bench", 1, 6600, tasks=["point"])
    stage.loop.reset(trial.seed)
    for shade in (0, 128):
        image = np.full((480, 640, 3), shade, np.uint8)
        found = ColourEyes(eyes.SCENE).look(stage.view(image, {}))
        assert [one.name for one in found.things if one.kind in ("box", "distractor")] == []


@pytest.mark.parametrize("points", [0, 1, 2, 5])
def test_a_robot_whose_arms_are_known_by_few_points_is_looked_past(stage, points):
    (trial,) = trials("bench", 1, 6600, tasks=["point"])
    stage.loop.reset(trial.seed)
    view = stage.view(np.zeros((480, 640, 3), np.uint8), {})
    limbs = {side: line[len(line) - points :] for side, line in view.limbs.items() if points}
    assert ColourEyes(eyes.SCENE).look(replace(view, limbs=limbs)).places
