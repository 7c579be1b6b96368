"""The 17 tasks of the bench, in scenes in which they make sense."""

from collections import Counter

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import Instruction, wordings
from optimus_nodes.core.perturb import Perturbation
from optimus_nodes.core.scene import SCENES, draw_scene
from optimus_nodes.core.suites import Asking, Wording, kept, trials
from optimus_nodes.core.tasks_suite import BENCH_TASKS, candidates, every_instruction, task_of

TRIALS = trials("bench", 4, 5000)


def scene_of(trial):
    return draw_scene(trial.config, trial.seed, 0)


def test_every_task_gets_as_many_episodes_as_are_asked_for_each_in_a_scene_of_its_own():
    assert len(BENCH_TASKS) == 17
    assert Counter(trial.name for trial in TRIALS) == dict.fromkeys(BENCH_TASKS, 4)
    assert len({trial.seed for trial in TRIALS}) == len(TRIALS)
    assert trials("bench", 4, 5000) == TRIALS


def test_what_is_asked_makes_sense_in_the_scene():
    for trial in TRIALS:
        draw, task = scene_of(trial), trial.task
        assert task in candidates(trial.config, draw)[trial.name] and task_of(task) == trial.name
        assert trial.sentence in wordings(task) and trial.scene == "bench"
        if trial.name == "open_drawer":
            assert draw.bench.drawer_open == 0.0
        if trial.name == "move_a_to_b":
            box = next(b for b in draw.boxes if b.colour == task.colour)
            assert SCENES["bench"].stations[0].contains(*box.position[:2])
        if task.size:
            assert [b.size_word for b in draw.boxes].count(task.size) == 1


def test_putting_down_begins_with_a_box_in_a_hand():
    colours = [trial.preparation for trial in TRIALS if trial.name == "put_down"]
    assert [one.skill for some in colours for one in some] == ["pick"] * 4
    assert len({one.colour for some in colours for one in some}) == 4
    assert all(trial.preparation == () for trial in TRIALS if trial.name != "put_down")


def test_a_swapped_trial_asks_for_something_else_that_makes_sense_in_the_same_scene():
    swapped = trials("bench", 4, 5000, swap=True)
    assert [t.seed for t in swapped] == [t.seed for t in TRIALS]
    assert [t.task for t in swapped] == [t.task for t in TRIALS]
    for trial in swapped:
        assert trial.told != trial.task and trial.sentence in wordings(trial.told)
        choices = candidates(trial.config, scene_of(trial))
        assert trial.told in choices[task_of(trial.told)]
        if trial.preparation:
            assert trial.told.colour == trial.preparation[0].colour


def test_one_task_alone_has_the_trials_it_has_in_the_whole_suite():
    assert trials("bench", 4, 5000, tasks=["stack"]) == [t for t in TRIALS if t.name == "stack"]


def test_a_moved_layout_is_part_of_the_trial():
    for trial in trials("bench", 1, 5000, perturbation=Perturbation(layout=True), tasks=["push", "stack"]):
        assert trial.config.stations != SCENES["bench"].stations
        assert trial.task in candidates(trial.config, scene_of(trial))[trial.name]


def test_given_sentences_are_asked_in_scenes_in_which_they_make_sense():
    said = (
        Wording(Instruction("open"), "slide that thing out"),
        Wording(Instruction("pick", size="large"), "the whopper, up"),
    )
    asked = trials("bench", 2, 5000, asking=Asking(wordings=said))
    assert [t.sentence for t in asked] == [said[0].sentence, said[1].sentence] * 2
    assert [t.name for t in asked[:2]] == ["open_drawer", "pick_size"]
    assert scene_of(asked[0]).bench.drawer_open == 0.0
    with pytest.raises(ConfigError, match="'slide that thing out' makes no sense in any scene of --suite pick"):
        trials("pick", 1, 5000, asking=Asking(wordings=said[:1]))


def test_a_known_sentence_can_be_asked_on_the_bench():
    asked = trials("bench", 2, 5000, sentence="Press the button.")
    assert {(t.name, t.told.skill) for t in asked} == {("press_button", "press")}


def test_mistakes_are_named_with_what_would_work():
    with pytest.raises(ConfigError, match="unknown task 'juggle'; the tasks are pick_colour, pick_size"):
        trials("bench", 1, 0, tasks=["juggle"])
    with pytest.raises(ConfigError, match="--task chooses tasks of --suite bench; the suite is pick"):
        trials("pick", 1, 0, tasks=["stack"])
    with pytest.raises(ConfigError, match="--swap-instruction and --instruction cannot be combined"):
        trials("bench", 1, 0, swap=True, sentence="go home")


def test_seeds_stay_among_those_that_are_never_trained_on():
    assert kept(5000) == 5000 and kept(9999) == 9999
    assert kept(10_000) == 1000 and 1000 <= kept(123_456) < 10_000
    assert kept(12) == 12


def test_every_instruction_belongs_to_one_task():
    assert {task_of(one) for one in every_instruction()} == set(BENCH_TASKS)
