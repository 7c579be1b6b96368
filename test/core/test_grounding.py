"""From intents to steps: which things are meant, what is asked, and what nothing can be done about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimus_nodes.core.grounding import MAX_STEPS, ground
from optimus_nodes.core.intent import Condition, Intent, Memory, Selector
from optimus_nodes.core.world import Step, Thing, World

PLACES = ("left_bin", "right_bin", "station_a", "station_b")
WORLD = World(
    (
        Thing("red_1", colour="red", size="large", place="station_a"),
        Thing("red_2", colour="red", size="small", place="station_b"),
        Thing("blue_1", colour="blue", size="small", place="station_b", across=-0.1),
        Thing("green_1", colour="green", size="small", place="left_bin"),
        Thing("drawer", "drawer", state="closed"),
    ),
    PLACES,
)
RED, BLUE, SMALL = Selector(colour="red"), Selector(colour="blue"), Selector(size="small")
IT = Selector(kind="", refers="it")


def steps(*intents: Intent, world: World = WORLD, memory: Memory = Memory()) -> tuple[Step, ...]:
    made = ground(intents, world, memory)
    assert made.status == "plan", made.say
    return made.steps


@pytest.mark.parametrize(
    ("what", "say"),
    [
        (RED, "Which red box, the small or the large one?"),
        (Selector(), "Which box, the small or the large one?"),
        (replace(SMALL, without=("green",)), "Which small box: red or blue?"),
    ],
)
def test_a_description_that_fits_several_is_asked_about(what, say):
    made = ground([Intent("pick", what)], WORLD)
    assert (made.status, made.say, made.gap) == ("question", say, "thing")
    assert set(made.candidates) == {thing.name for thing in WORLD.things if what.fits(thing)}


def test_two_that_look_alike_are_told_apart_by_their_place():
    twins = tuple(Thing(f"red_{k}", colour="red", size="small", place=place) for k, place in enumerate(PLACES[2:]))
    made = ground([Intent("pick", RED)], World(twins, PLACES))
    assert made.say == "Which red box: the one at station a or the one at station b?"


@pytest.mark.parametrize(
    ("what", "names"),
    [
        (BLUE, ["blue_1"]),
        (replace(RED, size="large"), ["red_1"]),
        (replace(RED, order="left"), ["red_1"]),
        (Selector(order="right", place="station_b"), ["red_2"]),
        (replace(RED, count=0), ["red_1", "red_2"]),
        (replace(RED, count=2, any=True), ["red_1", "red_2"]),
        (replace(RED, any=True), ["red_1"]),
        (Selector(count=0, without=("red", "green")), ["blue_1"]),
        (Selector(name="red_2"), ["red_2"]),
    ],
)
def test_a_description_finds_what_it_means(what, names):
    assert [step.thing for step in steps(Intent("place", what, "right_bin"))] == names


def test_what_is_there_already_is_no_work_and_is_said():
    small = Intent("place", replace(SMALL, count=0), "left_bin")
    assert [step.thing for step in steps(small)] == ["red_2", "blue_1"]
    made = ground([Intent("place", Selector(colour="green", count=0), "left_bin")], WORLD)
    assert (made.status, made.say) == ("answer", "All green boxes are there already.")


def test_it_the_other_one_and_them_are_what_was_spoken_of():
    one = Intent("place", replace(RED, size="large"), "left_bin")
    other = Intent("place", Selector(refers="other"), "right_bin")
    assert [step.thing for step in steps(one, other)] == ["red_1", "red_2"]
    assert steps(Intent("pick", IT), memory=Memory(("blue_1",))) == (Step("pick", "blue_1"),)
    them = Intent("place", Selector(kind="", refers="them", count=0), "right_bin")
    assert [step.thing for step in steps(them, memory=Memory(("red_1", "blue_1")))] == ["red_1", "blue_1"]
    assert ground([Intent("pick", IT)], WORLD).status == "question"


@pytest.mark.parametrize("refers", ["it", "them"])
def test_where_there_is_no_box_nothing_is_asked_about(refers):
    made = ground([Intent("pick", Selector(kind="", refers=refers))], World((), PLACES))
    assert (made.status, made.say) == ("refused", "I can't see a box.")


def test_picking_up_is_part_of_bringing():
    both = (Intent("pick", BLUE), Intent("place", IT, "left_bin"))
    assert steps(*both) == (Step("place", "blue_1", "left_bin"),)
    assert [step.skill for step in steps(Intent("pick", BLUE), Intent("put_down"))] == ["pick", "put_down"]


def test_the_box_in_the_hand_is_the_box():
    held = replace(WORLD.with_thing("blue_1", place=""), right="blue_1")
    assert steps(Intent("place", Selector(), "left_bin"), world=held)[0].thing == "blue_1"


def test_conditions_are_judged_when_their_turn_comes():
    drawer = Selector("drawer")
    shut = Intent("close", condition=Condition(drawer, "open"))
    assert [step.skill for step in steps(Intent("open"), shut)] == ["open", "close"]
    made = ground([shut], WORLD)
    assert (made.status, made.say) == ("answer", "The drawer is not open, so I leave that out.")
    purple = Condition(Selector(colour="purple", any=True))
    home = Intent("home", condition=replace(purple, negated=True))
    assert steps(home, Intent("wave", condition=purple)) == (Step("home"),)


@pytest.mark.parametrize(
    ("intents", "say"),
    [
        ([Intent("pick", Selector(colour="purple"))], "I can't see a purple box. I can see red, blue and green ones."),
        ([Intent("pick", Selector(colour="green"))], "I can't take the green box out of the left bin."),
        (
            [Intent("pick", BLUE), Intent("pick", replace(RED, size="small"))],
            "I hold the blue box: say first where it goes.",
        ),
        ([Intent("put_down")], "I hold nothing that I could put down."),
        ([Intent("pick", replace(BLUE, count=3))], "I can see only 1 blue box."),
        ([Intent("place", BLUE, "oven")], "I know no place called 'oven' for that; there is left bin, right bin."),
        ([Intent("pick", BLUE, side="left")], "I take the blue box with my right hand, which is nearer."),
        ([Intent("wave")] * (MAX_STEPS + 1), f"That is too much at once: I take at most {MAX_STEPS} steps."),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(intents, say):
    made = ground(intents, WORLD)
    assert (made.status, made.say, made.steps) == ("refused", say, ())


def test_a_skill_that_the_policy_has_not_learned_is_refused():
    made = ground([Intent("push", BLUE, side="left")], WORLD, skills=("pick", "place"))
    assert made.say == "I have not learned to push the blue box to the left."


@pytest.mark.parametrize(
    ("intent", "gap"),
    [(Intent("stack", BLUE), "onto"), (Intent("push", BLUE), "side"), (Intent("put", BLUE), "place")],
)
def test_what_was_not_said_is_asked_and_it_is_remembered_what_about(intent, gap):
    made = ground([intent], WORLD)
    assert (made.status, made.gap, made.memory.last) == ("question", gap, ("blue_1",))


def test_of_several_steps_those_that_are_so_already_are_left_out_and_said():
    made = ground([Intent("close"), Intent("move", BLUE, "station_b"), Intent("wave", side="left")], WORLD)
    assert [step.skill for step in made.steps] == ["wave"]
    assert made.skipped == ("The drawer is closed already.", "The blue box is at station b already.")
    alone = ground([Intent("close")], WORLD)
    assert (alone.status, alone.say) == ("refused", "The drawer is closed already.")
