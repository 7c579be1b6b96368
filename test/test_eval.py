"""`optimus eval`: how trials are played, and how what they gave is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from optimus_nodes.cli.evaluate_conditions import Request, battery, single, wordings_of
from optimus_nodes.cli.evaluate_html import write_report
from optimus_nodes.cli.evaluate_play import Film
from optimus_nodes.cli.evaluate_report import DAMAGE, NOTHING, OTHER_THING, Condition, confusion, summarize
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import Instruction
from optimus_nodes.core.perturb import Perturbation
from optimus_nodes.core.suites import Asking, Trial, trials
from optimus_nodes.learning.evaluate import Result, Stage, run_trial
from optimus_nodes.learning.evaluate_controls import ExpertPolicy, StillPolicy
from optimus_nodes.learning.rollout import LockStep
from optimus_nodes.robot.load import load_robot

ROBOT, URDF = load_robot("optimus")
CAMERAS = ("head", "wrist_left", "wrist_right")
REQUEST = Request("bench", 1, 5000, (), Asking(), Perturbation())


@pytest.fixture(scope="module")
def stage():
    return Stage(lambda scene, seed: LockStep(ROBOT, URDF, scene=scene, seed=seed))


@pytest.fixture(scope="module")
def expert():
    return ExpertPolicy(ROBOT, URDF)


def played(stage, policy, trial, expert):
    return run_trial(stage.loop(trial), policy, trial, expert)


def test_the_expert_does_what_it_is_told_and_the_judges_of_all_tasks_see_it(stage, expert):
    trial = trials("pick_place", 1, 1000)[0]
    result = played(stage, expert, trial, expert)
    assert result.done and result.claimed and result.reason == ""
    assert result.did == (("place_left", "put the red box in the left bin"),)


def test_one_who_does_nothing_has_done_no_task_of_the_bench(stage, expert):
    still = StillPolicy()
    for trial in trials("bench", 1, 5000):
        result = played(stage, still, trial, expert)
        assert not result.done and result.reason and result.did == (), trial.name


def test_a_swapped_trial_is_judged_by_what_was_told(stage, expert):
    trial = trials("pick_place", 1, 1000, swap=True)[0]
    result = played(stage, expert, trial, expert)
    assert result.done and not result.task_done


def test_putting_down_is_prepared_by_the_expert_and_played_to_its_end(stage, expert):
    trial = trials("bench", 1, 5000, tasks=["put_down"])[0]
    assert played(stage, expert, trial, expert).done
    assert played(stage, StillPolicy(), trial, expert).reason in (
        "the box is not standing on the bench",
        "the box was dropped from 18 cm",
    )


def test_latency_and_layout_are_those_of_the_trial(stage):
    changed = Perturbation(layout=True, latency=0.5)
    trial = trials("bench", 1, 5000, perturbation=changed, tasks=["point"])[0]
    loop = stage.loop(trial)
    loop.reset(trial.seed, None, trial.perturbation)
    assert loop.world.scene.stations == trial.config.stations
    hands = loop.world.joint_state().position
    goal = np.tile(np.clip(hands + 0.2, ROBOT.lower, ROBOT.upper), (16, 1))
    for _ in range(9):
        loop.advance(goal, 0.0, 0.05, "test")
    assert np.abs(loop.world.joint_state().position - hands)[ROBOT.group("arms")].max() < 0.02


def test_a_late_policy_is_asked_again_only_when_it_has_answered_and_still_gets_there(stage, expert):
    class Counted(ExpertPolicy):
        asked = 0

        def infer(self, observation):
            self.asked += 1
            return super().infer(observation)

    late = Counted(ROBOT, URDF)
    trial = trials("pick_place", 1, 1000, perturbation=Perturbation(latency=0.5))[0]
    result = played(stage, late, trial, expert)
    assert result.done
    assert late.asked == pytest.approx(result.duration / 0.6, abs=2)


def test_blacked_out_cameras_are_black_and_the_others_are_not(expert):
    class Looker(StillPolicy):
        def infer(self, observation):
            self.seen = {name: int(picture.max()) for name, picture in observation.images.items()}
            return super().infer(observation)

    stage = Stage(lambda scene, seed: LockStep(ROBOT, URDF, cameras=CAMERAS, scene=scene, seed=seed))
    trial = trials("pick", 1, 1000, perturbation=Perturbation(blackout=("head",)))[0]
    looker = Looker()
    played(stage, looker, trial, expert)
    assert looker.seen["head"] == 0 and min(looker.seen["wrist_left"], looker.seen["wrist_right"]) > 50
    stage.loop(trial).close()


def result(name, done, told=None, did=(), reason="", seed=1):
    told = told or Instruction("press")
    trial = Trial(seed, told, told.sentence, told, name, "bench")
    return Result(trial, done, done, 3.0, True, reason, (), tuple(did))


RED = Instruction("pick", "red")
RESULTS = [
    result("pick_colour", True, RED),
    result("pick_colour", False, RED, [("pick_colour", "pick up the blue box")], "box_red is in station_a", 2),
    result("pick_colour", False, RED, [("pick_colour", RED.sentence)], "bar was moved <far>", 3),
    result("press_button", False, did=[("point", "point at the red box"), ("place_left", "...")], seed=4),
    result("press_button", False, seed=5),
]


def test_what_was_done_instead_of_what_was_asked_is_counted():
    table = confusion(RESULTS)
    assert table["pick_colour"] == {"pick_colour": 1, OTHER_THING: 1, DAMAGE: 1}
    assert table["press_button"] == {"place_left": 1, NOTHING: 1}


def test_figures_come_with_counts_and_intervals():
    found = summarize(Condition("clean", [r.trial for r in RESULTS], results=RESULTS))
    assert (found["successes"], found["episodes"], found["wilson95"]) == (1, 5, [0.036, 0.624])
    assert found["per_task"]["press_button"] == {"successes": 0, "episodes": 2, "wilson95": [0.0, 0.658]}
    assert found["failures"][0]["reason"] == "box_red is in station_a"
    json.dumps(found)


def test_a_report_is_one_page_with_intervals_a_curve_a_confusion_table_and_links_to_videos(tmp_path):
    late = [replace(r, trial=replace(r.trial, perturbation=Perturbation(latency=1.0))) for r in RESULTS]
    late[1] = replace(late[1], video=str(tmp_path / "failures" / "1_s" / "pick_colour-2-failed.mp4"))
    conditions = [
        Condition("clean", [r.trial for r in RESULTS], results=RESULTS),
        Condition("1 s later", [r.trial for r in late], "latency", results=late),
    ]
    page = write_report(tmp_path, "How often it does", ["a fact"], conditions).read_text()
    for text in ("1 of 5", "Success against latency", "<svg", "Every task under every condition", OTHER_THING):
        assert text in page
    assert 'href="failures/1_s/pick_colour-2-failed.mp4"' in page
    assert "bar was moved &lt;far&gt;" in page and "<script" not in page and "http" not in page


def test_the_battery_has_every_condition_once_with_the_same_scenes():
    said: list[str] = []
    conditions = battery(replace(REQUEST, tasks=("press_button",)), CAMERAS, said.append)
    names = [condition.name for condition in conditions]
    assert said == [] and len(names) == len(set(names)) == 16
    assert names[:4] == ["clean", "unseen wordings", "swapped instruction", "layout"]
    assert {"without head", "without any camera", "1.5 s later", "texture"} <= set(names)
    assert {condition.trials[0].seed for condition in conditions if condition.name != "layout"} == {5011}
    boxes = [c.name for c in battery(replace(REQUEST, suite="pick_place"), CAMERAS, said.append)]
    assert "distractors" not in boxes and "light" in boxes


def test_the_battery_takes_no_condition_of_its_own():
    with pytest.raises(ConfigError, match="--battery tries every condition by itself; leave out the options that"):
        battery(replace(REQUEST, asking=Asking(swap=True)), CAMERAS, print)


def test_a_condition_is_named_by_its_options():
    request = replace(REQUEST, tasks=("wave",), asking=Asking(unseen=True), changed=Perturbation(light=True))
    assert single(request).name == "light, unseen wordings"


def test_sentences_of_a_file_are_asked(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text('{"task": "stack", "arguments": {"colour": "red", "onto": "blue"}, "sentence": "red over blue"}\n')
    condition = single(replace(REQUEST, asking=Asking(wordings=wordings_of(str(file)))))
    assert [(t.name, t.sentence) for t in condition.trials] == [("stack", "red over blue")]
    file.write_text('{"task": "stack", "arguments": {"colour": "red"}, "sentence": "red"}\n')
    with pytest.raises(ConfigError, match=r"mine.jsonl, line 1"):
        wordings_of(str(file))


def test_a_film_ends_with_its_last_picture_held_and_is_kept_only_when_saved(tmp_path):
    import av

    film = Film()
    for k in range(5):
        film(np.full((480, 640, 3), 40 * k, np.uint8), np.zeros((480, 640, 3), np.uint8), "open the drawer", 0.1 * k)
    path = tmp_path / "deep" / "x.mp4"
    assert not path.exists()
    film.save(path, "FAILED: the drawer is open by 3 cm, not 8")
    with av.open(str(path)) as video:
        frames = list(video.decode(video=0))
    assert len(frames) == 6 and (frames[0].width, frames[0].height) == (960, 424)
    assert frames[-1].time == pytest.approx(2.4, abs=0.02)


def test_the_command_writes_a_report_with_a_video_of_each_failure_and_one_line_of_json(tmp_path):
    words = ["eval", "--suite", "bench", "--task", "press_button", "--episodes", "1", "--model", "still"]
    words += ["--workers", "1", "--report", str(tmp_path / "r"), "--perturb", "light", "--perturb", "camera"]
    command = [sys.executable, "-m", "optimus_nodes.cli.main", *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, env=dict(os.environ))
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["successes"] == 0 and found["condition"] == "light, camera" and found["policy"] == "still"
    assert found["failures"][0]["reason"] == "the button was not pressed"
    assert os.path.getsize(found["failures"][0]["video"]) > 1000
    assert "press_button" in (tmp_path / "r" / "index.html").read_text()
    assert "FAILED" in run.stderr
