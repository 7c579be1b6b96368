"""After a step somebody looks: what was done goes on, what was not is tried again, what is impossible is given up."""

import dataclasses

import pytest

from optimus_nodes.core.outcome import mended, missing
from optimus_nodes.core.plan import PlanState, StepState
from optimus_nodes.core.plan_runner import PlanRules
from optimus_nodes.core.plan_session import PlanSession
from optimus_nodes.core.planner import PlannedStep, PlanProposal
from optimus_nodes.core.world import Step, Thing, World, after, sentence_for

WORLD = World(
    (
        Thing("red", colour="red", size="large", place="station_a", across=0.3),
        Thing("blue", colour="blue", size="small", place="station_b", across=-0.3),
        Thing("bar", "bar"),
        Thing("drawer", "drawer", state="closed"),
    ),
    ("left_bin", "right_bin", "station_a", "station_b"),
)
PLACE, WAVE = Step("place", "red", "left_bin"), Step("wave", side="left")


def begun(*steps: Step, **rules: object) -> PlanSession:
    """A session that does `steps` and is about to look at the first."""
    session = PlanSession(PlanRules(**rules), world=WORLD, looks=True)
    _, request = session.ask("do it", 0.0)
    planned = tuple(PlannedStep(step, sentence_for(step, WORLD)) for step in steps)
    session.answer(request, PlanProposal("plan", "I will.", planned), 0.0)
    finish(session)
    session.drain()
    return session


def finish(session: PlanSession, now: float = 1.0) -> None:
    """The policy says that it is done."""
    for k in range(12):
        session.on_progress(session.runner.task.id, 1.0, now + 0.05 * k)


def test_while_somebody_looks_the_robot_holds_and_one_look_is_asked_for():
    session = begun(PLACE)
    assert session.runner.task.sentence == "" and session.runner.plan.state is PlanState.RUNNING
    number = session.runner.task.id
    assert [session.wants_look() for _ in range(3)] == [number, 0, 0]
    session.saw(number - 1, after(PLACE, WORLD), 2.0)  # of an older look
    assert session.runner.checking


def test_what_is_seen_to_be_done_is_done_and_remembered_as_it_was_seen():
    session = begun(PLACE, WAVE)
    seen = dataclasses.replace(after(PLACE, WORLD), things=after(PLACE, WORLD).things[:2])
    session.saw(session.runner.task.id, seen, 2.0)
    assert session.drain()[0] == ("Next: wave with my left hand.",)
    assert session.world == seen and session.context().done == ("put the red box in the left bin",)


def test_what_is_not_done_is_said_and_tried_again():
    session = begun(PLACE)
    session.wants_look()
    session.saw(session.runner.task.id, WORLD, 2.0)
    assert session.drain()[0] == ("The red box is not in the left bin. I try again.",)
    assert session.runner.task.sentence == "put the red box in the left bin"
    finish(session, 3.0)
    assert session.wants_look()
    session.saw(session.runner.task.id, after(PLACE, WORLD), 4.0)
    assert session.runner.plan.state is PlanState.DONE


def test_what_stands_in_the_way_is_done_first():
    session = begun(PLACE)
    wrong = after(Step("pick", "blue"), WORLD)
    session.saw(session.runner.task.id, wrong, 2.0)
    assert session.runner.task.sentence == "put down the box"
    sentences = [step.sentence for step in session.runner.plan.steps]
    assert sentences == ["put down the box", "put the red box in the left bin"]


def look_twice(session: PlanSession, seen: World):
    """What is said, and what ends, when a try changes nothing of what was `seen`."""
    session.saw(session.runner.task.id, seen, 5.0)
    finish(session, 6.0)
    session.drain()
    session.saw(session.runner.task.id, seen, 7.0)
    return session.drain()


def test_what_fails_again_and_again_is_given_up_politely():
    session = begun(PLACE, retries=1)
    said, (ended,) = look_twice(session, WORLD)
    assert said == ("I could not put the red box in the left bin: the red box is not in the left bin.",)
    assert not ended.success and session.context().trouble == "the red box is not in the left bin"


def test_a_thing_that_is_gone_is_not_looked_for_again():
    session = begun(PLACE)
    session.saw(session.runner.task.id, dataclasses.replace(WORLD, things=WORLD.things[1:]), 2.0)
    said, _ = session.drain()
    assert said == ("I could not put the red box in the left bin: I can't see the red box any more.",)


def test_a_step_that_took_too_long_may_be_done_all_the_same():
    session = PlanSession(PlanRules(step_timeout_s=5.0, silence_s=100.0), world=WORLD, looks=True)
    for step, seen, state in ((PLACE, after(PLACE, WORLD), StepState.DONE), (WAVE, WORLD, StepState.FAILED)):
        _, request = session.ask("do it", 0.0)
        session.answer(request, PlanProposal("plan", "I will.", (PlannedStep(step, sentence_for(step, WORLD)),)), 0.0)
        session.tick(6.0)
        assert session.wants_look()
        session.saw(session.runner.task.id, seen, 6.5)
        assert session.runner.plan.steps[0].state is state


def test_a_look_that_never_comes_leaves_the_policy_believed():
    session = begun(PLACE, check_s=4.0)
    session.tick(3.0)
    assert session.runner.plan.state is PlanState.RUNNING
    session.tick(6.0)
    assert session.runner.plan.state is PlanState.DONE


def test_a_stop_while_looking_ends_it():
    session = begun(PLACE, WAVE)
    session.ask("stop", 2.0)
    session.saw(session.runner.task.id, after(PLACE, WORLD), 2.1)
    assert session.runner.plan.state is PlanState.CANCELLED and session.runner.task.sentence == ""


HELD = after(Step("pick", "red"), WORLD)


@pytest.mark.parametrize(
    ("step", "before", "seen", "reason"),
    [
        (Step("pick", "red"), WORLD, HELD, ""),
        (Step("pick", "red"), WORLD, WORLD, "the red box is not in my hand"),
        (Step("put_down"), HELD, WORLD, ""),
        (Step("put_down"), HELD, HELD, "the red box is still in my hand"),
        (PLACE, WORLD, HELD, "the red box is still in my hand"),
        (Step("move", "red", "station_b"), WORLD, WORLD, "the red box is not at station b"),
        (PLACE, WORLD, WORLD.with_thing("blue", place="left_bin").with_thing("red", place="blue"), ""),
        (Step("stack", "blue", onto="red"), WORLD, WORLD, "the blue box is not on the red box"),
        (Step("sort", "blue"), WORLD, WORLD, "the blue box is not in the left bin"),
        (Step("open"), WORLD, WORLD, "the drawer is closed"),
        (Step("open"), WORLD, after(Step("open"), WORLD), ""),
        (Step("hand_over", side="left"), WORLD, dataclasses.replace(WORLD, left="bar"), ""),
        (Step("hand_over", side="left"), WORLD, WORLD, "the bar is not in my left hand alone"),
        (Step("push", "red", side="left"), WORLD, WORLD, "the red box has not moved to the left"),
        (Step("push", "blue", side="left"), WORLD, WORLD.with_thing("blue", across=-0.2), ""),
        (Step("press"), WORLD, WORLD, ""),
    ],
)
def test_what_is_missing_of_a_step(step, before, seen, reason):
    assert missing(step, before, seen) == reason


def test_what_cannot_be_done_any_more_is_not_mended():
    assert mended(PLACE, WORLD) == (PLACE,)
    assert mended(PLACE, after(Step("pick", "blue"), WORLD)) == (Step("put_down"), PLACE)
    assert mended(PLACE, dataclasses.replace(WORLD, things=())) == ()
    assert mended(PLACE, after(PLACE, WORLD)) == ()


BLUE = Step("place", "blue", "right_bin")


def test_the_other_things_are_put_away_although_one_could_not_be():
    session = begun(PLACE, WAVE, BLUE, retries=0)
    session.saw(session.runner.task.id, WORLD, 2.0)
    assert session.drain() == (
        (
            "I could not put the red box in the left bin: the red box is not in the left bin.",
            "Next: put the blue box in the right bin.",
        ),
        (),
    )
    states = [step.state for step in session.runner.plan.steps]
    assert states == [StepState.FAILED, StepState.CANCELLED, StepState.RUNNING]
    finish(session, 3.0)
    session.saw(session.runner.task.id, after(BLUE, WORLD), 4.0)
    said, (ended,) = session.drain()
    assert said == ("I could not put the red box in the left bin; the rest is done.",)
    assert not ended.success and session.runner.plan.state is PlanState.FAILED
    assert session.context().done == ("put the blue box in the right bin",)
    assert session.context().trouble == "the red box is not in the left bin"


def test_nothing_else_is_begun_while_the_hand_is_full_of_what_could_not_be_put_away():
    session = begun(PLACE, BLUE, retries=0)
    held = after(Step("pick", "red"), WORLD)
    session.saw(session.runner.task.id, held, 2.0)
    assert session.runner.plan.state is PlanState.FAILED


def test_what_was_asked_for_in_a_row_ends_where_one_of_it_fails():
    session = begun(Step("open"), PLACE, retries=0)
    session.saw(session.runner.task.id, WORLD, 2.0)
    assert session.runner.plan.state is PlanState.FAILED


def to_the_last_look(*steps: Step) -> tuple[PlanSession, World]:
    """A session whose `steps` are all done, the last one just now; and how things should be."""
    session, world = begun(*steps, retries=1), WORLD
    for number, step in enumerate(steps):
        world = after(step, world)
        if number + 1 < len(steps):
            session.saw(session.runner.task.id, world, 2.0 + number)
            finish(session, 2.0 + number)
    session.drain()
    return session, world


def test_what_a_later_step_has_undone_is_done_again_at_the_end():
    session, right = to_the_last_look(PLACE, BLUE)
    session.saw(session.runner.task.id, right.with_thing("red", place=""), 5.0)
    assert session.drain() == (("The red box is not in the left bin. I try again.",), ())
    states = [(step.sentence, step.state) for step in session.runner.plan.steps]
    assert states == [
        ("put the red box in the left bin", StepState.DONE),
        ("put the blue box in the right bin", StepState.DONE),
        ("put the red box in the left bin", StepState.RUNNING),
    ]
    finish(session, 6.0)
    session.saw(session.runner.task.id, right, 7.0)
    said, (ended,) = session.drain()
    assert said == ("Done.",) and ended.success
    assert session.context().done == tuple(step.sentence for step in session.runner.plan.steps)


def test_what_a_later_step_has_undone_is_put_away_again_only_so_often():
    session, right = to_the_last_look(PLACE, BLUE)
    said, (ended,) = look_twice(session, right.with_thing("red", place=""))
    assert said == ("I could not put the red box in the left bin: the red box is not in the left bin.",)
    assert not ended.success


def test_what_the_plan_itself_took_elsewhere_is_not_brought_back():
    session, right = to_the_last_look(Step("move", "red", "station_b"), Step("push", "red", side="right"))
    session.saw(session.runner.task.id, right.with_thing("red", place="", across=-0.4), 5.0)
    assert session.drain()[0] == ("Done.",)


def test_what_is_lost_and_cannot_be_put_away_again_is_not_called_done():
    session, right = to_the_last_look(PLACE, BLUE)
    session.saw(session.runner.task.id, right.with_thing("red", place="right_bin"), 5.0)
    said, (ended,) = session.drain()
    assert said == ("I could not put the red box in the left bin; the rest is done.",)
    assert not ended.success and session.context().trouble == "the red box is not in the left bin"


def test_what_is_out_of_sight_at_the_end_is_believed_to_be_where_it_was_seen_last():
    session, right = to_the_last_look(PLACE, BLUE)
    session.saw(session.runner.task.id, dataclasses.replace(right, things=right.things[1:]), 5.0)
    assert session.drain()[0] == ("Done.",)


def test_what_the_policy_has_not_learned_is_not_done_to_mend_a_step():
    session = PlanSession(PlanRules(), world=WORLD, looks=True, skills=("place",))
    _, request = session.ask("do it", 0.0)
    session.answer(request, PlanProposal("plan", "I will.", (PlannedStep(PLACE, sentence_for(PLACE, WORLD)),)), 0.0)
    finish(session)
    session.saw(session.runner.task.id, after(Step("pick", "blue"), WORLD), 2.0)  # it would have to be put down first
    assert session.runner.plan.state is PlanState.FAILED
