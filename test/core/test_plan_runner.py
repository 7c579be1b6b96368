"""The plan runner: steps advance by the policy's progress and by nothing else."""

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.plan import PlanState, StepState
from optimus_nodes.core.plan_runner import PlanRules, PlanRunner

TWO = ("put the red box in the left bin", "put the blue box in the right bin")


def started(sentences=TWO, **rules):
    runner = PlanRunner(PlanRules(**rules), first_id=100)
    assert runner.start("do both", sentences, "I will do both.", now=0.0) == ("I will do both.",)
    return runner


def report(runner, progress, start, end, every=0.05):
    """Reports of one progress at 20 Hz from `start` to `end`; what was said."""
    said, now, task = [], start, runner.task.id
    while now <= end + 1e-9:
        said += runner.on_progress(task, progress, now)
        now += every
    return said


def states(runner):
    return [step.state for step in runner.plan.steps]


def test_before_any_plan_the_task_is_empty():
    runner = PlanRunner(PlanRules())
    assert runner.task.sentence == "" and runner.plan is None and not runner.running


def test_the_first_step_is_the_task_and_the_second_waits():
    runner = started()
    assert runner.task.sentence == TWO[0]
    assert states(runner) == [StepState.RUNNING, StepState.PENDING]


def test_a_step_is_done_once_high_progress_was_held_long_enough():
    runner = started()
    assert report(runner, 0.95, 1.0, 1.4) == []
    assert runner.task.sentence == TWO[0]
    assert report(runner, 0.95, 1.45, 1.5) == [f"Next: {TWO[1]}."]
    assert runner.task.sentence == TWO[1]
    assert states(runner) == [StepState.DONE, StepState.RUNNING]


def test_a_short_peak_of_progress_is_not_done():
    runner = started()
    report(runner, 0.95, 1.0, 1.4)
    report(runner, 0.5, 1.45, 1.45)
    assert report(runner, 0.95, 1.5, 1.9) == []
    assert states(runner)[0] is StepState.RUNNING


def test_two_reports_far_apart_with_a_drop_unseen_do_not_count_before_the_second_arrives():
    runner = started()
    runner.on_progress(runner.task.id, 0.95, 1.0)
    assert runner.tick(2.0) == () and runner.task.sentence == TWO[0]


def test_the_last_step_ends_the_plan_and_empties_the_task():
    runner = started()
    report(runner, 1.0, 0.1, 0.6)
    assert report(runner, 1.0, 0.7, 1.2) == ["Done."]
    assert runner.plan.state is PlanState.DONE and runner.plan.say == "Done."
    assert runner.task.sentence == "" and not runner.running


def test_reports_about_an_older_task_count_for_nothing():
    runner = started()
    old = runner.task.id
    report(runner, 1.0, 0.1, 0.6)
    for now in (0.7, 1.0, 1.5):
        assert runner.on_progress(old, 1.0, now) == ()
    assert runner.task.sentence == TWO[1] and runner.plan.steps[1].progress == 0.0


@pytest.mark.parametrize("progress", [float("nan"), float("inf"), -float("inf")])
def test_progress_that_is_not_finite_counts_for_nothing(progress):
    runner = started(silence_s=2.0)
    report(runner, progress, 0.0, 2.0)
    assert runner.plan.steps[0].progress == 0.0
    assert runner.tick(2.1), "such reports are no sign of life either"


def test_progress_is_shown_within_0_and_1():
    runner = started()
    runner.on_progress(runner.task.id, 1.7, 0.1)
    assert runner.plan.steps[0].progress == 1.0
    runner.on_progress(runner.task.id, -3.0, 0.2)
    assert runner.plan.steps[0].progress == 0.0


def test_a_step_that_takes_too_long_fails_and_says_so():
    runner = started(step_timeout_s=30.0)
    report(runner, 0.4, 0.0, 30.0, every=0.5)
    assert runner.tick(30.0) == ()
    assert runner.tick(30.1) == (f"I could not {TWO[0]}: it took longer than 30 s.",)
    assert runner.plan.state is PlanState.FAILED and runner.task.sentence == ""
    assert states(runner) == [StepState.FAILED, StepState.CANCELLED]
    assert runner.plan.steps[0].reason == "it took longer than 30 s"


def test_each_step_has_its_own_time():
    runner = started(step_timeout_s=10.0)
    report(runner, 0.1, 0.0, 9.0, every=0.5)
    report(runner, 1.0, 9.0, 9.5)
    report(runner, 0.1, 9.6, 18.0, every=0.5)
    assert runner.tick(19.0) == () and runner.running


def test_a_policy_that_falls_silent_fails_the_step():
    runner = started(silence_s=5.0)
    report(runner, 0.3, 0.0, 1.0)
    assert runner.tick(5.9) == ()
    assert runner.tick(6.1) == (f"I could not {TWO[0]}: the policy does not answer.",)
    assert runner.plan.steps[0].reason == "the policy does not answer"


def test_a_policy_that_never_answers_fails_the_step():
    runner = started(silence_s=5.0)
    assert runner.tick(5.1) == (f"I could not {TWO[0]}: the policy does not answer.",)


def test_cancel_empties_the_task_at_once():
    runner = started()
    assert runner.cancel() == ("I stopped.",)
    assert runner.task.sentence == ""
    assert runner.plan.state is PlanState.CANCELLED
    assert states(runner) == [StepState.CANCELLED, StepState.CANCELLED]
    assert runner.cancel() == (), "nothing left to cancel"


def test_a_new_instruction_replaces_the_one_under_way_and_says_so():
    runner = started()
    first, task = runner.plan.id, runner.task.id
    said = runner.start("home", ["go to the home position"], "I will go to the home position.", 3.0)
    assert said == ("I leave what I was doing.", "I will go to the home position.")
    assert runner.plan.id > first and runner.task.id > task
    assert runner.task.sentence == "go to the home position"


def test_the_emergency_stop_fails_the_plan_and_nothing_starts_until_it_is_released():
    runner = started()
    assert runner.on_emergency_stop(True) == ("I stopped: the emergency stop was pressed.",)
    assert runner.plan.state is PlanState.FAILED and runner.task.sentence == ""
    said = runner.start("again", TWO, "I will.", 1.0)
    assert said == ("The emergency stop is pressed. Reset it first, then tell me again.",)
    assert runner.task.sentence == ""
    assert runner.on_emergency_stop(False) == ()
    assert runner.task.sentence == "", "its release starts nothing"
    runner.start("again", TWO, "I will.", 2.0)
    assert runner.task.sentence == TWO[0]


def test_a_lost_part_of_the_robot_fails_the_plan_so_that_nothing_moves_when_it_returns():
    runner = started()
    assert runner.on_part_lost("the policy") == (
        "I stopped: the policy stopped working. Tell me again when it is back.",
    )
    assert runner.plan.state is PlanState.FAILED and runner.task.sentence == ""
    assert runner.on_part_lost("the policy") == (), "nothing was under way"


def test_ids_grow_with_every_task_and_start_where_they_were_told():
    runner = started()
    seen = [runner.task.id]
    report(runner, 1.0, 0.1, 0.6)
    seen.append(runner.task.id)
    runner.cancel()
    seen.append(runner.task.id)
    assert seen == sorted(set(seen)) and seen[0] > 100


def test_a_plan_without_steps_is_refused():
    with pytest.raises(ConfigError, match="'nothing' needs at least one step"):
        PlanRunner(PlanRules()).start("nothing", (), "", 0.0)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"done_progress": 0.0}, "done_progress is 0.0; allowed above 0 to 1"),
        ({"done_progress": 1.1}, "done_progress is 1.1; allowed above 0 to 1"),
        ({"silence_s": -1.0}, "silence_s is -1.0; allowed 0 s or more"),
        ({"step_timeout_s": float("nan")}, "step_timeout_s is nan; allowed 0 s or more"),
    ],
)
def test_rules_out_of_range_name_the_rule(rules, text):
    with pytest.raises(ConfigError) as caught:
        PlanRules(**rules)
    assert str(caught.value) == text
