"""The scene in symbols: what stands against a step, and what the world is like after it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.world import Step, Thing, World, after, instruction_for, sentence_for, why_not

PLACES = ("left_bin", "right_bin", "station_a", "station_b")
RED = Thing("red_box_1", colour="red", size="large", place="station_a")
BLUE = Thing("blue_box_1", colour="blue", size="small", place="station_b")
GREEN = Thing("green_box_1", colour="green", size="small", place="left_bin")
BAR = Thing("bar", "bar")
DRAWER = Thing("drawer", "drawer", state="closed")
BUTTON = Thing("button", "button")
BALL = Thing("ball", "distractor", "orange")
WORLD = World((RED, BLUE, GREEN, BAR, DRAWER, BUTTON, BALL), PLACES)
HOLDING = replace(WORLD, left="red_box_1").with_thing("red_box_1", place="")


@pytest.mark.parametrize(
    ("step", "world", "sentence"),
    [
        (Step("pick", "purple_box_1"), WORLD, "I can't see purple box 1."),
        (Step("fly"), WORLD, "I don't know how to fly."),
        (Step("pick", "ball"), WORLD, "I can only do that with a box, not with the orange thing."),
        (Step("pick", "green_box_1"), WORLD, "I can't take the green box out of the left bin."),
        (Step("pick", "red_box_1"), HOLDING, "I hold the red box already."),
        (Step("pick", "blue_box_1"), HOLDING, "I hold the red box: say first where it goes."),
        (Step("place", "blue_box_1", "right_bin"), HOLDING, "I hold the red box: say first where it goes."),
        (Step("place", "red_box_1", "oven"), WORLD, "no place called 'oven' for that; there is left bin, right bin."),
        (Step("place", "red_box_1", "station_b"), WORLD, "I know no place called 'station b' for that"),
        (Step("move", "red_box_1", "station_a"), WORLD, "The red box is at station a already."),
        (Step("stack", "red_box_1", onto="blue_box_1"), WORLD, "The red box is too large to stand on the blue box."),
        (Step("stack", "blue_box_1", onto="blue_box_1"), WORLD, "I can only stack a box on another box"),
        (Step("stack", "blue_box_1", onto="green_box_1"), WORLD, "on the green box: it is in the left bin."),
        (Step("stack", "blue_box_1", onto="drawer"), WORLD, "I can only stack a box on another box, not on the drawer"),
        (Step("push", "red_box_1", side="up"), WORLD, "I can push a box to the left or to the right."),
        (Step("push", "red_box_1", side="left"), HOLDING, "to push it, it must stand on the bench."),
        (Step("put_down"), WORLD, "I hold nothing that I could put down."),
        (Step("put_down", "blue_box_1"), HOLDING, "I don't hold the blue box."),
        (Step("hand_over", side="left"), HOLDING, "I hold the red box: say first where it goes."),
        (Step("hand_over", side="left"), World(), "I can't see a bar to hand over."),
        (Step("close"), WORLD, "The drawer is closed already."),
        (Step("open"), World(), "I can't see a drawer."),
        (Step("press"), World(), "I can't see a button."),
        (Step("wave", side="left"), HOLDING, "My left hand is full."),
        (Step("sort", "grey_box"), World((Thing("grey_box"),), PLACES), "I can't tell how large the box is."),
    ],
)
def test_what_stands_against_a_step_is_said_plainly(step, world, sentence):
    assert sentence in why_not(step, world)


@pytest.mark.parametrize(
    "step",
    [
        Step("pick", "red_box_1"),
        Step("place", "red_box_1", "left_bin"),
        Step("move", "blue_box_1", "station_a"),
        Step("stack", "blue_box_1", onto="red_box_1"),
        Step("push", "red_box_1", side="right"),
        Step("point", "green_box_1"),
        Step("hand_over", side="right"),
        Step("sort", "blue_box_1"),
        *(Step(skill) for skill in ("open", "press", "home")),
        Step("wave", side="right"),
    ],
)
def test_nothing_stands_against_what_can_be_done(step):
    assert why_not(step, WORLD) == ""


def test_a_box_that_is_picked_up_is_in_the_hand_of_its_side_and_can_be_put_where_it_is_told():
    held = after(Step("pick", "blue_box_1"), WORLD)
    assert (held.left, held.right) == ("", "blue_box_1")
    assert held.find("blue_box_1").place == ""
    placed = after(Step("place", "blue_box_1", "left_bin"), held)
    assert placed.held == ()
    assert placed.find("blue_box_1").place == "left_bin"
    assert after(Step("put_down"), held).held == ()


def test_a_stacked_box_keeps_the_lower_one_where_it_is():
    stacked = after(Step("stack", "blue_box_1", onto="red_box_1"), WORLD)
    assert stacked.find("blue_box_1").place == "red_box_1"
    assert why_not(Step("pick", "red_box_1"), stacked) == "The blue box stands on the red box."
    apart = after(Step("move", "blue_box_1", "station_b"), stacked)
    assert why_not(Step("pick", "red_box_1"), apart) == ""


def test_drawer_button_bar_and_sorting_change_the_world():
    assert after(Step("open"), WORLD).find("drawer").state == "open"
    assert after(Step("close"), after(Step("open"), WORLD)).find("drawer").state == "closed"
    assert after(Step("press"), WORLD).find("button").state == "pressed"
    assert after(Step("hand_over", side="right"), WORLD).right == "bar"
    assert after(Step("sort", "blue_box_1"), WORLD).find("blue_box_1").place == "left_bin"
    assert after(Step("sort", "red_box_1"), WORLD).find("red_box_1").place == "right_bin"


def test_the_policy_is_told_its_own_words_where_they_fit_one_thing_only():
    step = Step("place", "red_box_1", "left_bin")
    assert instruction_for(step, WORLD).sentence == sentence_for(step, WORLD)
    two_reds = replace(WORLD, things=(*WORLD.things, Thing("red_box_2", colour="red", size="small")))
    assert instruction_for(step, two_reds).size == "large"  # the only large one
    small = Step("place", "red_box_2", "left_bin")
    assert instruction_for(small, two_reds) is None
    assert sentence_for(small, two_reds) == "put the small red box in the left bin"


STEPS = st.builds(
    Step,
    skill=st.sampled_from([*SLOTS, "fly"]),
    thing=st.sampled_from(["", "nothing", *(thing.name for thing in WORLD.things)]),
    place=st.sampled_from(["", "oven", *PLACES]),
    onto=st.sampled_from(["", *(thing.name for thing in WORLD.things)]),
    side=st.sampled_from(["", "left", "right", "up"]),
)


@given(st.lists(STEPS, max_size=12))
def test_any_plan_keeps_the_world_possible(steps):
    world = WORLD
    for step in steps:
        if why_not(step, world):
            continue
        sentence_for(step, world)
        world = after(step, world)
        assert len(world.held) <= 1
        assert {thing.name for thing in world.things} == {thing.name for thing in WORLD.things}
        for name in world.held:
            assert not world.find(name).place.endswith("_bin")
        for thing in world.things:
            assert thing.place in ("", *PLACES) or world.find(thing.place).kind == "box"
