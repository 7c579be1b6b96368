"""Nothing moves by itself after a restart."""

import pytest

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.task_gate import TaskGate


def test_chunks_of_a_task_that_ran_before_the_controller_lived_are_refused():
    gate = TaskGate()
    gate.on_task(7, "pick up the red box")
    with pytest.raises(CommandError, match="follows task 7, which was running before joint_control began") as caught:
        gate.check(7)
    assert caught.value.reason == "owner"


def test_a_task_given_afterwards_may_move_the_robot():
    gate = TaskGate()
    gate.on_task(7, "pick up the red box")
    gate.on_task(8, "")
    gate.on_task(9, "pick up the red box")
    gate.check(9)


def test_a_repeat_of_the_void_task_does_not_revive_it():
    gate = TaskGate()
    for _ in range(3):
        gate.on_task(7, "pick up the red box")
    with pytest.raises(CommandError):
        gate.check(7)


def test_after_an_ordinary_start_the_first_task_passes():
    gate = TaskGate()
    gate.on_task(1, "")
    gate.on_task(2, "go home")
    gate.check(2)


def test_a_lost_planner_stops_the_task_until_it_is_announced_again():
    gate = TaskGate()
    gate.on_task(1, "")
    gate.on_task(2, "go home")
    gate.on_sender_lost()
    with pytest.raises(CommandError, match="a chunk follows task 2, but the planner that gave it is gone"):
        gate.check(2)
    gate.on_task(2, "go home")
    gate.check(2)


def test_chunks_without_a_task_pass():
    gate = TaskGate()
    gate.on_task(3, "go home")
    gate.check(0)


def test_a_planner_that_repeats_its_task_and_then_hangs_is_noticed():
    gate = TaskGate()
    gate.on_task(1, "", 0.0)
    gate.on_task(2, "go home", 1.0)
    assert not gate.hangs(9.0, 2.0), "nobody promised to repeat it"
    gate.on_task(2, "go home", 1.1)
    assert not gate.hangs(3.0, 2.0)
    assert gate.hangs(3.2, 2.0)
    gate.on_sender_lost()
    assert not gate.hangs(3.3, 2.0), "once is enough"
    for repeated in (3.4, 5.4):
        gate.on_task(2, "go home", repeated)
    assert not gate.hangs(10.0, 2.0), "it repeats it every two seconds: that is somebody else, or a busy machine"
    assert gate.hangs(10.3, 2.0)
    gate.on_task(2, "go home", 10.4)
    gate.on_task(3, "", 12.0)
    assert not gate.hangs(20.0, 2.0), "nothing is under way"
