"""The scripted expert does the tasks from wherever the robot is."""

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import Instruction
from optimus_nodes.core.scene import SceneConfig
from optimus_nodes.core.tasks import instruction_done
from optimus_nodes.learning.rollout import LockStep
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.expert import HORIZON, STEP_DT, Expert, ExpertStyle, ExpertView
from optimus_nodes.sim.grasp import Grasp

ROBOT, URDF = load_robot("optimus")
ARMS = ROBOT.group("arms")


@pytest.fixture(scope="module")
def loop():
    return LockStep(ROBOT, URDF)


@pytest.fixture(scope="module")
def expert():
    return Expert(ROBOT, URDF, SceneConfig(), Grasp.of(ROBOT))


def view(loop):
    return ExpertView(loop.world.joint_state().position, loop.world.tactile(), loop.world.scene_state())


def play(loop, expert, instruction, seconds=8.0):
    """The truth before and after, and the joint positions on the way."""
    start, path = loop.world.scene_state(), []
    expert.begin(instruction, view(loop), ExpertStyle())
    for _ in range(round(seconds / STEP_DT)):
        advice = expert.advise(view(loop))
        path.append(loop.world.joint_state().position)
        if advice.stage == "done":
            break
        loop.advance(advice.positions, advice.progress, STEP_DT, "expert")
    return start, loop.world.scene_state(), np.array(path)


@pytest.mark.parametrize(("seed", "colour", "bin_"), [(1, "red", "left"), (2, "blue", "right"), (3, "yellow", "left")])
def test_the_expert_puts_the_named_box_into_the_named_bin(loop, expert, seed, colour, bin_):
    instruction = Instruction("place", colour, bin_)
    loop.reset(seed)
    start, now, _ = play(loop, expert, instruction)
    assert instruction_done(instruction, start, now)
    assert loop.controller.status().refused == {}


def test_the_expert_picks_up_puts_down_and_goes_home(loop, expert):
    loop.reset(4)
    start, held, _ = play(loop, expert, Instruction("pick", "green"))
    assert instruction_done(Instruction("pick", "green"), start, held)
    start, now, path = play(loop, expert, Instruction("put_down"))
    assert instruction_done(Instruction("put_down"), start, now)
    assert instruction_done(Instruction("home"), start, now, path[-1][ARMS] - ROBOT.home[ARMS])


def test_the_same_seed_plays_the_same_episode_bit_for_bit(loop, expert):
    ends = []
    for _ in range(2):
        loop.reset(9)
        ends.append(play(loop, expert, Instruction("place", "red", "right"), seconds=2.0)[2])
    assert np.array_equal(*ends)


def test_put_down_with_empty_hands_is_refused(loop, expert):
    loop.reset(0)
    with pytest.raises(ConfigError, match="put_down needs a box in a hand; both are empty"):
        expert.begin(Instruction("put_down"), view(loop), ExpertStyle())


def test_advice_starts_where_the_arms_are_and_stays_within_the_limits(loop, expert):
    loop.reset(5)
    expert.begin(Instruction("pick", "red"), view(loop), ExpertStyle())
    rows = expert.advise(view(loop)).positions
    assert rows.shape == (HORIZON, 72)
    assert np.allclose(rows[0, ARMS], loop.world.joint_state().position[ARMS])
    assert (rows >= ROBOT.lower - 1e-9).all() and (rows <= ROBOT.upper + 1e-9).all()
