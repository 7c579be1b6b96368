"""An egg breaks in a hand that squeezes with all it has, and is put down whole by one that feels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_expert import ROBOT, URDF, play

from optimus_nodes.core.language import Instruction
from optimus_nodes.core.scene import scene_named
from optimus_nodes.core.tasks import TaskJudge
from optimus_nodes.learning.rollout import LockStep
from optimus_nodes.sim.expert import Expert
from optimus_nodes.sim.grasp import Grasp


@pytest.fixture(scope="module")
def loop():
    return LockStep(ROBOT, URDF, scene=scene_named("eggs"))


@pytest.fixture(scope="module")
def strong():
    """The same with hands that squeeze with all they have."""
    return LockStep(ROBOT, URDF, scene=replace(scene_named("eggs"), held_with=0.0))


@pytest.fixture(scope="module")
def expert(loop):
    return Expert(ROBOT, URDF, loop.world.scene, Grasp.of(ROBOT))


def pick_and_put_down(loop, expert, seed):
    """Why not, or "", of picking up the red egg and of putting it down."""
    loop.reset(seed)
    found = []
    for instruction in (Instruction("pick", "red"), Instruction("put_down")):
        judge = TaskJudge(instruction, loop.world.scene_state())
        play(loop, expert, instruction)
        judge.see(loop.world.scene_state(), loop.world.body())
        found.append(judge.why_not())
    return found


@pytest.mark.parametrize("seed", [4, 9])
def test_a_hand_that_feels_picks_up_an_egg_and_puts_it_down(loop, expert, seed):
    assert pick_and_put_down(loop, expert, seed) == ["", ""]


def test_a_hand_that_squeezes_breaks_it(strong, expert):
    assert pick_and_put_down(strong, expert, 4)[0] == "box_red broke"


def test_an_egg_is_whole_again_in_a_new_scene(strong, expert):
    pick_and_put_down(strong, expert, 4)
    assert strong.world.scene_state().find("box_red").state == 1.0
    strong.reset(4)
    assert strong.world.scene_state().find("box_red").state == 0.0


def test_what_drags_along_the_fingertips_is_the_weight_that_they_hold(loop, expert):
    loop.reset(4)
    play(loop, expert, Instruction("pick", "red"))
    pads = slice(0, 6) if loop.world.scene_state().find("box_red").held_by == "left" else slice(6, 12)
    weight = 9.81 * float(loop.world.model.body("box_red").mass[0])
    assert weight <= loop.world.shear()[pads].sum() < 4.0 * weight
    assert not loop.world.shear()[slice(6, 12) if pads.start == 0 else slice(0, 6)].any()
