"""The dialogue around plans, with a planner that answers when the test says so."""

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.intent import Intent, Memory
from optimus_nodes.core.plan import PlanState
from optimus_nodes.core.plan_runner import PlanRules
from optimus_nodes.core.plan_session import REMEMBERED, PlanSession
from optimus_nodes.core.planner import Pending, PlannedStep, PlanProposal, is_stop
from optimus_nodes.core.world import Step, Thing, World, assumed_world

PICK = PlannedStep(Step("pick", "box_red"), "pick up the red box")
PLACE = PlannedStep(Step("place", "box_blue", "left_bin"), "put the blue box in the left bin")
DOWN = PlannedStep(Step("put_down"), "put down the box")
WAITING = Pending((Intent("pick"),), 0, "thing")


def plan(*steps):
    return PlanProposal("plan", "I will.", steps)


def accept(session, text, proposal, now=0.0):
    number, request = session.ask(text, now)
    session.answer(request, proposal, now)
    return number


def finish_step(session, now=1.0):
    for k in range(12):
        session.on_progress(session.runner.task.id, 1.0, now + 0.05 * k)


def test_a_plan_that_ends_well_ends_its_request():
    session = PlanSession(PlanRules())
    number = accept(session, "pick up the red box", plan(PICK))
    assert session.current == number and session.drain() == (("I will.",), ())
    finish_step(session)
    said, (ended,) = session.drain()
    assert said == ("Done.",)
    assert (ended.request_id, ended.success, ended.message) == (number, True, "Done.")
    assert ended.plan.state is PlanState.DONE and session.current == 0


def test_a_question_ends_the_request_and_is_remembered():
    session = PlanSession(PlanRules())
    number = accept(session, "move it", PlanProposal("question", "Which box?", (), pending=WAITING))
    said, (ended,) = session.drain()
    assert said == ("Which box?",) and (ended.request_id, ended.success) == (number, False)
    assert session.context().pending == WAITING
    session.ask("stop", 1.0)
    assert session.context().pending is None, "a stop drops the question too"


def test_a_late_answer_to_a_request_that_was_replaced_starts_nothing():
    session = PlanSession(PlanRules())
    first, slow = session.ask("pick up the red box", 0.0)
    accept(session, "put the blue box in the left bin", plan(PLACE))
    session.answer(slow, plan(PICK), 1.0)
    assert session.runner.task.sentence == PLACE.sentence
    assert session.drain()[1][0].request_id == first


def test_stop_works_while_the_planner_still_thinks():
    session = PlanSession(PlanRules())
    number, slow = session.ask("pick up the red box", 0.0)
    stop, request = session.ask("stop", 0.1)
    assert request is None
    session.answer(slow, plan(PICK), 5.0)
    assert session.runner.task.sentence == ""
    said, ended = session.drain()
    assert said == ("I stopped.",)
    assert [(e.request_id, e.success) for e in ended] == [(number, False), (stop, True)]


def test_stop_ends_the_plan_under_way_and_says_it_once():
    session = PlanSession(PlanRules())
    accept(session, "x", plan(PICK))
    session.drain()
    session.ask("Stop!", 1.0)
    assert session.drain()[0] == ("I stopped.",) and session.runner.task.sentence == ""


def test_stop_with_more_words_carries_nothing_of_them_out():
    session = PlanSession(PlanRules())
    accept(session, "x", plan(PICK))
    session.drain()
    assert session.ask("cancel that and pick up the blue box", 1.0)[1] is None
    assert session.drain()[0] == ("I stopped. Tell me again what to do next.",)


def test_stop_when_nothing_runs_says_so():
    session = PlanSession(PlanRules())
    session.ask("stop", 0.0)
    assert session.drain()[0] == ("I am not doing anything.",)


def test_a_replaced_plan_ends_its_request_as_cancelled():
    session = PlanSession(PlanRules())
    first = accept(session, "a", plan(PICK))
    second = accept(session, "b", plan(PLACE))
    said, (ended,) = session.drain()
    assert said == ("I will.", "I leave what I was doing.", "I will.")
    assert ended.request_id == first and ended.plan.state is PlanState.CANCELLED and not ended.success
    assert session.current == second


def test_a_question_does_not_disturb_the_plan_under_way():
    session = PlanSession(PlanRules())
    accept(session, "a", plan(PICK))
    accept(session, "pick up the purple box", PlanProposal("refused", "I can't see a purple box."))
    assert session.runner.task.sentence == PICK.sentence


def test_cancelling_a_request_that_is_over_disturbs_nothing():
    session = PlanSession(PlanRules())
    first = accept(session, "a", plan(PICK))
    accept(session, "b", plan(PLACE))
    session.cancel(first)
    assert session.runner.task.sentence == PLACE.sentence


def test_while_the_emergency_stop_is_pressed_no_plan_starts():
    session = PlanSession(PlanRules())
    session.on_emergency_stop(True)
    accept(session, "a", plan(PICK))
    said, (ended,) = session.drain()
    assert said == ("The emergency stop is pressed. Reset it first, then tell me again.",)
    assert not ended.success and ended.message == said[0] and session.runner.task.sentence == ""


def test_a_planner_that_takes_too_long_is_given_up():
    session = PlanSession(PlanRules(), planning_timeout_s=20.0)
    _, slow = session.ask("a", 0.0)
    session.tick(19.9)
    session.tick(20.1)
    session.answer(slow, plan(PICK), 21.0)
    said, (ended,) = session.drain()
    assert said == ("I could not work out what to do within 20 s.",) and not ended.success
    assert session.runner.task.sentence == ""


def test_it_remembers_what_was_spoken_of_and_what_is_in_the_hand():
    session = PlanSession(PlanRules(), world=assumed_world(("pick", "place")))
    accept(session, "a", PlanProposal("plan", "I will.", (PICK,), Memory(("box_red",))))
    assert (session.context().memory.it, session.world.held) == ("box_red", ())
    finish_step(session)
    assert session.world.held == ("box_red",)
    accept(session, "b", plan(DOWN), 5.0)
    finish_step(session, 5.0)
    assert session.world.held == ()
    assert session.context().done == (PICK.sentence, DOWN.sentence)


def test_where_things_are_is_remembered_only_of_a_scene_that_was_seen():
    seen = World((Thing("box_blue", colour="blue", place="station_a"),), ("left_bin", "station_a"))
    for world, place in ((seen, "left_bin"), (assumed_world(("place",)), "")):
        session = PlanSession(PlanRules(), world=world)
        accept(session, "a", plan(PLACE))
        finish_step(session)
        assert session.world.find("box_blue").place == place


def test_why_a_plan_ended_badly_is_remembered_until_the_next_one():
    session = PlanSession(PlanRules(silence_s=1.0))
    accept(session, "a", plan(PICK))
    session.tick(2.0)
    assert session.context().trouble == "the policy does not answer"
    accept(session, "b", plan(PICK), 3.0)
    assert session.context().trouble == ""


def test_only_the_last_steps_are_remembered():
    session = PlanSession(PlanRules())
    for k in range(REMEMBERED + 5):
        accept(session, "a", plan(DOWN), 2.0 * k)
        finish_step(session, 2.0 * k)
    assert len(session.context().done) == REMEMBERED


def test_a_proposal_with_steps_that_is_no_plan_is_refused():
    with pytest.raises(ConfigError, match="status 'question' cannot have 1 steps"):
        PlanProposal("question", "Which?", (PICK,))
    with pytest.raises(ConfigError, match="unknown proposal status 'maybe'"):
        PlanProposal("maybe", "Which?")


@pytest.mark.parametrize(
    "text",
    ["stop", "STOP!", "please stop", "halt", "cancel", "cancel that", "abort", "freeze", "no, stop", "stop putting the "
     "red box in the bin", "hey robot stop", "never mind", "wait", "stop it now", "can you stop", "that is enough."],
)  # fmt: skip
def test_words_that_stop(text):
    assert is_stop(text)


@pytest.mark.parametrize(
    "text", ["", "don't stop", "pick up the red box", "go home and then stop", "wait for me", "..."]
)
def test_words_that_do_not_stop(text):
    assert not is_stop(text)


WAVE = PlannedStep(Step("wave", side="left"), "wave with your left hand")
POINT = PlannedStep(Step("point", "box_red"), "point at the red box")


def sentences(session):
    return [step.sentence for step in session.runner.plan.steps]


def test_between_two_gestures_that_are_the_same_the_arms_go_home():
    session = PlanSession(PlanRules())
    accept(session, "wave twice", plan(WAVE, WAVE))
    assert sentences(session) == [WAVE.sentence, "go to the home position", WAVE.sentence]
    for _ in range(3):
        finish_step(session)
    accept(session, "and again, then point", plan(WAVE, POINT))
    assert sentences(session) == ["go to the home position", WAVE.sentence, POINT.sentence]


def test_a_gesture_is_repeated_without_going_home_when_something_else_was_done_or_a_hand_is_full():
    session = PlanSession(PlanRules())
    accept(session, "wave, point and wave", plan(WAVE, POINT, WAVE))
    assert sentences(session) == [WAVE.sentence, POINT.sentence, WAVE.sentence]
    session = PlanSession(PlanRules())
    accept(session, "pick it up and point at it twice", plan(PICK, POINT, POINT))
    assert sentences(session) == [PICK.sentence, POINT.sentence, POINT.sentence]


def test_nothing_that_was_not_learned_is_put_between_two_gestures():
    session = PlanSession(PlanRules(), skills=("wave",))
    accept(session, "wave twice", plan(WAVE, WAVE))
    assert sentences(session) == [WAVE.sentence, WAVE.sentence]
