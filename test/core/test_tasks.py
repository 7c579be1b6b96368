"""When an instruction counts as done."""

from dataclasses import replace

import numpy as np
import pytest

from optimus_nodes.core.language import Instruction
from optimus_nodes.core.tasks import instruction_done, what_was_done, why_not_done
from optimus_nodes.core.values import SceneObject, SceneState

UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def box(colour="red", z=-0.07, place="station_a", held_by=""):
    at = np.array([0.3, 0.3, z])
    return SceneObject(f"box_{colour}", "box", colour, "small", at, UPRIGHT, np.full(3, 0.05), place, held_by)


def scene(*boxes):
    return SceneState(0.0, 0, boxes)


START = scene(box(), box("blue"))


@pytest.mark.parametrize(
    ("now", "done"),
    [
        (box(place="left_bin"), True),
        (box(place="right_bin"), False),
        (box(place="station_a"), False),
        (box(place="left_bin", held_by="left"), False),
        (box(place="floor"), False),
    ],
)
def test_placing_is_done_when_the_box_lies_in_the_named_bin_and_no_hand_holds_it(now, done):
    assert instruction_done(Instruction("place", "red", "left"), START, scene(now, box("blue"))) is done


def test_placing_another_box_does_not_count():
    now = scene(box(), box("blue", place="left_bin"))
    assert not instruction_done(Instruction("place", "red", "left"), START, now)


@pytest.mark.parametrize(
    ("now", "done"),
    [(box(z=0.05, place="", held_by="left"), True), (box(held_by="left"), False), (box(z=0.05, place=""), False)],
)
def test_picking_is_done_when_the_box_is_held_above_where_it_stood(now, done):
    assert instruction_done(Instruction("pick", "red"), START, scene(now, box("blue"))) is done


def test_putting_down_needs_a_box_that_was_held():
    put_down = Instruction("put_down")
    held = scene(box(z=0.1, place="", held_by="right"))
    assert instruction_done(put_down, held, scene(box(place="")))
    assert not instruction_done(put_down, held, held)
    assert not instruction_done(put_down, held, scene(box(place="left_bin")))
    assert not instruction_done(put_down, START, START)


def test_home_is_judged_by_the_joints():
    home = Instruction("home")
    assert instruction_done(home, START, START, np.full(12, 0.05))
    assert not instruction_done(home, START, START, np.r_[np.zeros(11), 0.3])
    assert not instruction_done(home, START, START)


def test_a_failure_says_where_the_box_is():
    place = Instruction("place", "red", "left")
    assert why_not_done(place, scene(box(held_by="left"))) == "box_red is still in the left hand"
    assert why_not_done(place, scene(box(place="right_bin"))) == "box_red is in right_bin"
    assert "box_red lies at x 0.30" in why_not_done(place, scene(replace(box(), place="")))


def test_what_was_done_lists_only_what_changed():
    assert what_was_done(START, scene(box(place="left_bin"), box("blue"))) == [("red", "left_bin")]
