"""An egg breaks in a hand that squeezes with all it has, and is put down whole by one that feels."""

from __future__ import annotations

import pytest
from test_expert import ROBOT, URDF, play

from optimus_nodes.core.language import Instruction
from optimus_nodes.core.scene import scene_named
from optimus_nodes.core.tasks import TaskJudge
from optimus_nodes.learning.rollout import LockStep
from optimus_nodes.sim.expert import Expert
from optimus_nodes.sim.grasp import Grasp

FORCE = 8.0  # N, of the 12 that break an egg


@pytest.fixture(scope="module")
def loop():
    return LockStep(ROBOT, URDF, scene=scene_named("eggs"))


@pytest.fixture(scope="module")
def expert(loop):
    return Expert(ROBOT, URDF, loop.world.scene, Grasp.of(ROBOT))


def pick_and_put_down(loop, expert, seed, force):
    """Why not, or "", of picking up the red egg and of putting it down."""
    loop.reset(seed)
    loop.controller.hands.limit("", force)
    found = []
    for instruction in (Instruction("pick", "red"), Instruction("put_down")):
        judge = TaskJudge(instruction, loop.world.scene_state())
        play(loop, expert, instruction)
        judge.see(loop.world.scene_state(), loop.world.body())
        found.append(judge.why_not())
    return found


@pytest.mark.parametrize("seed", [4, 9])
def test_a_hand_that_feels_picks_up_an_egg_and_puts_it_down(loop, expert, seed):
    assert pick_and_put_down(loop, expert, seed, FORCE) == ["", ""]


def test_a_hand_that_squeezes_breaks_it(loop, expert):
    assert pick_and_put_down(loop, expert, 4, 0.0)[0] == "box_red broke"


def test_an_egg_is_whole_again_in_a_new_scene(loop, expert):
    pick_and_put_down(loop, expert, 4, 0.0)
    assert loop.world.scene_state().find("box_red").state == 1.0
    loop.reset(4)
    assert loop.world.scene_state().find("box_red").state == 0.0


def test_what_drags_along_the_fingertips_is_the_weight_that_they_hold(loop, expert):
    loop.reset(4)
    loop.controller.hands.limit("", FORCE)
    play(loop, expert, Instruction("pick", "red"))
    pads = slice(0, 6) if loop.world.scene_state().find("box_red").held_by == "left" else slice(6, 12)
    weight = 9.81 * float(loop.world.model.body("box_red").mass[0])
    assert weight <= loop.world.shear()[pads].sum() < 4.0 * weight
    assert not loop.world.shear()[slice(6, 12) if pads.start == 0 else slice(0, 6)].any()
