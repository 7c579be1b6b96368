"""What is said to the hands themselves, and care that was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimus_nodes.core.hand_orders import HandAbilities, HandOrders, without_care
from optimus_nodes.core.plan_runner import PlanRules
from optimus_nodes.core.plan_session import PlanSession
from optimus_nodes.core.planner import PlannedStep, PlanProposal
from optimus_nodes.core.values import HandCommand
from optimus_nodes.core.world import Step, Thing, World

EVERYTHING = HandAbilities(("open", "power", "pinch", "fist", "closed"), True)
NOTHING_HELD = World()
HOLDING = World((Thing("box_red", "box", "red"),), left="box_red")
PICK = PlanProposal("plan", "I will.", (PlannedStep(Step("pick", "box_red"), "pick up the red box"),))
DOWN = PlanProposal("plan", "I will.", (PlannedStep(Step("put_down"), "put down the box"),))


@pytest.mark.parametrize(
    ("said", "side", "posture"),
    [
        ("open your left hand", "left", "open"),
        ("Please open your hands!", "", "open"),
        ("robot, close the right gripper", "right", "power"),
        ("can you make a fist with your left hand?", "left", "fist"),
        ("make a fist", "", "fist"),
        ("clench your right hand", "right", "fist"),
        ("clench your fists", "", "fist"),
        ("pinch with your right hand please", "right", "pinch"),
        ("spread the fingers", "", "open"),
        ("open both of your hands", "", "open"),
    ],
)
def test_orders_to_hands_become_postures(said, side, posture):
    hands = HandOrders(EVERYTHING)
    done, message = hands.answer(said, NOTHING_HELD)
    assert done and message.startswith("I ")
    assert hands.drain() == (HandCommand(None, side, posture, 0.0),)
    assert hands.drain() == ()


@pytest.mark.parametrize(
    "said", ["open the drawer", "close it", "pick up the red box", "hand the bar to your left hand", "open", "wave"]
)
def test_other_orders_are_none_of_theirs(said):
    hands = HandOrders(EVERYTHING)
    assert hands.answer(said, NOTHING_HELD) == (False, "")
    assert hands.drain() == ()


def test_a_hand_that_holds_something_does_not_let_go_of_it():
    hands = HandOrders(EVERYTHING)
    done, message = hands.answer("open your hands", HOLDING)
    assert (done, message) == (False, "I hold the red box in my left hand. Tell me first where it goes.")
    assert hands.drain() == ()
    assert hands.answer("open your right hand", HOLDING)[0]


def test_hands_that_know_no_such_posture_say_what_they_know():
    done, message = HandOrders(HandAbilities(("open", "closed"))).answer("make a fist", NOTHING_HELD)
    assert (done, message) == (False, "My hands can't do that; they know open, closed.")


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("gently pick up the red box", "pick up the red box"),
        ("pick up the red box, carefully", "pick up the red box"),
        ("carefully, pick it up", "pick it up"),
        ("Put it down very gently please", "Put it down please"),
        ("put it down with great care", "put it down"),
    ],
)
def test_words_of_care_are_taken_out(said, plain):
    assert without_care(said) == (plain, True)
    assert without_care(plain) == (plain, False)


def session(abilities=EVERYTHING):
    return PlanSession(PlanRules(), world=NOTHING_HELD, hands=HandOrders(abilities, 6.0))


def accept(one, said, proposal, world):
    _, request = one.ask(said, 0.0)
    one.answer(replace(request, context=replace(request.context, world=world)), proposal, 0.0)


def test_what_is_taken_with_care_is_held_with_care_until_it_is_down():
    one, free = session(), World((Thing("box_red", "box", "red"),))
    accept(one, "gently pick up the red box", PICK, free)
    assert one.hands.drain() == (HandCommand(None, "", "", 6.0),)
    accept(one, "put it down", DOWN, HOLDING)
    assert one.hands.drain() == (), "still with care"
    accept(one, "pick up the red box", PICK, free)
    assert one.hands.drain() == (HandCommand(None, "", "", 0.0),)


def test_an_order_to_a_hand_replaces_what_the_robot_was_doing():
    one = session()
    accept(one, "pick up the red box", PICK, World((Thing("box_red", "box", "red"),)))
    one.drain()
    number, request = one.ask("open your left hand", 1.0)
    said, ended = one.drain()
    assert request is None and not one.runner.running
    assert said == ("I leave what I was doing.", "I open my left hand.")
    assert [(each.request_id, each.success) for each in ended] == [(1, False), (number, True)]


def test_no_hand_moves_while_the_robot_is_stopped():
    one = session()
    one.on_emergency_stop(True)
    one.ask("open your left hand", 1.0)
    assert one.drain()[0] == ("The emergency stop is pressed. Reset it first, then tell me again.",)
    assert one.hands.drain() == ()
    one.ask("gently make a fist", 1.0)
    one.on_emergency_stop(False)
    accept(one, "gently pick up the red box", PICK, World((Thing("box_red", "box", "red"),)))
    assert one.hands.drain() == (HandCommand(None, "", "", 6.0),), "what was refused is not taken for done"


def test_a_robot_that_feels_nothing_promises_no_care():
    one = session(HandAbilities(("open", "closed")))
    _, request = one.ask("gently pick up the red box", 0.0)
    assert request is None
    assert one.drain()[0] == ("I can't feel how hard I squeeze, so I can't do it gently.",)
    one.ask("gently open your left hand", 1.0)
    assert one.hands.drain() == ()
