"""Policy, then a person, then the policy again: the motion stays smooth and the plan goes on."""

from __future__ import annotations

import numpy as np
import pytest
from controller_loop import DT, ROBOT, Loop, wave

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.plan import PlanState
from optimus_nodes.core.plan_runner import PlanRules, PlanRunner

pytestmark = pytest.mark.promise("P9")


def from_where_it_stands(loop: Loop, speed: float = 0.6) -> np.ndarray:
    """A chunk as a policy makes it: it begins at the measured posture and leads home."""
    here = loop.robot.position
    steps = 0.05 * np.arange(16)[:, None]
    return here - np.sign(here) * np.minimum(speed * steps, np.abs(here))


def drive(loop: Loop, path, ticks: int) -> None:
    """Teleoperation at 50 Hz; the policy goes on proposing at 20 Hz and is refused."""
    for k in range(ticks):
        if k % 5 == 0:
            loop.target(path(k * DT))
        if k % 12 == 3:
            with pytest.raises(CommandError, match="policy command while teleop owns the robot"):
                loop.chunk(from_where_it_stands(loop))
        loop.tick()


def give_back(loop: Loop) -> None:
    loop.controller.on_joint_target((), np.empty(0), "teleop", loop.now, loop.now)


def test_an_empty_target_gives_the_robot_back_at_once():
    loop = Loop()
    drive(loop, lambda t: np.full(3, 0.5), 50)
    give_back(loop)
    assert loop.controller.owner == "none"
    loop.chunk(from_where_it_stands(loop))
    assert loop.controller.owner == "policy"


def test_giving_back_without_owning_changes_nothing():
    loop = Loop()
    loop.play(wave, 50)
    give_back(loop)
    assert loop.controller.owner == "policy"
    assert loop.refused == {}


def test_a_target_with_positions_but_no_names_is_refused_and_keeps_the_owner():
    loop = Loop()
    drive(loop, lambda t: np.full(3, 0.5), 50)
    with pytest.raises(CommandError, match="names no joint"):
        loop.target(np.zeros(3), ())
    assert loop.controller.owner == "teleop"


def test_the_robot_given_back_in_full_motion_stops_and_holds_when_no_policy_runs():
    loop = Loop()
    drive(loop, lambda t: np.full(3, 1.9), 60)
    assert np.abs(loop.commands[-1].velocity).max() > 1.0
    give_back(loop)
    loop.tick(int(2.0 / 25.0 / DT) + 2)
    held = loop.commands[-1].position
    assert np.array_equal(loop.tick(100).position, held)
    assert loop.controller.owner == "none"


@pytest.mark.parametrize("ticks", [40, 60, 200])
def test_policy_to_person_to_policy_is_one_smooth_motion(ticks):
    """Velocity and acceleration limits are checked on every tick by the loop itself; here: no turning back.

    Chunks decided while the robot was still braking drew it back at 0.7 rad/s, then forth at 0.6 rad/s.
    """
    loop = Loop()
    loop.play(wave, 180)
    drive(loop, lambda t: np.full(3, 1.9), ticks)
    given = len(loop.commands)
    give_back(loop)
    for k in range(400):
        if k % 12 == 0:
            loop.chunk(np.tile(loop.robot.position, (16, 1)) if k < 240 else from_where_it_stands(loop))
        loop.tick()
    positions = np.array([c.position for c in loop.commands])
    assert np.abs(np.diff(positions, axis=0)).max() <= ROBOT.max_velocity.max() * DT * (1.0 + 1e-6)
    assert loop.commands[given - 1].velocity.max() > 1.9
    assert min(c.velocity.min() for c in loop.commands[given : given + 240]) > -0.1
    assert max(np.abs(c.velocity).max() for c in loop.commands[given + 60 :]) < 0.85
    assert np.abs(loop.commands[-1].position).max() < positions[given].max() - 0.1


def test_a_person_takes_over_in_full_motion_without_turning_joints_they_do_not_name():
    """Joints nobody named braked past the place they were found at and were drawn back to it."""
    loop = Loop()
    loop.play(lambda t: np.array([1.5, 1.5, 1.5]) * t, 100)
    begin = len(loop.commands)
    for _ in range(20):
        loop.target(np.array([0.0]), ("j0",))
        loop.tick(5)
    others = np.array([c.position[1:] for c in loop.commands[begin:]])
    assert np.diff(others, axis=0).min() > -1e-6
    assert loop.commands[-1].position[0] < 0.3


def test_the_plan_goes_on_while_a_person_drives_and_only_its_timeout_may_end_it():
    plans = PlanRunner(PlanRules(step_timeout_s=30.0, silence_s=5.0))
    plans.start("put the red box in the left bin", ["pick up the red box"], "", 0.0)
    for k in range(280):  # 28 s of driving: the policy's refused chunks still report progress
        plans.on_progress(plans.task.id, 0.3, 0.1 * k)
        plans.tick(0.1 * k)
    assert plans.plan is not None and plans.plan.state is PlanState.RUNNING
    plans.on_progress(plans.task.id, 0.3, 30.1)
    plans.tick(30.1)
    assert plans.plan.state is PlanState.FAILED
    assert plans.plan.steps[0].reason == "it took longer than 30 s"
