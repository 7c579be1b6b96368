"""The driver's watchdog holds the joints when commands stop, and passes nothing malformed on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fakes import at_rest, fake_robot

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.values import JointCommand, JointState
from optimus_nodes.core.watchdog import CommandWatchdog

pytestmark = [pytest.mark.promise("P1"), pytest.mark.promise("P6")]

ROBOT = fake_robot(2)


def command(**changes: object) -> JointCommand:
    values = JointCommand(0.0, np.full(2, 0.5), np.ones(2), np.array([7.0, -7.0]), ROBOT.kp.copy(), ROBOT.kd.copy())
    return dataclasses.replace(values, **changes)


def test_fresh_commands_are_passed_on_as_they_are():
    watchdog = CommandWatchdog(ROBOT)
    sent = command()
    watchdog.accept(sent, 1.0)
    assert watchdog.effective(at_rest(np.zeros(2)), 1.09) is sent
    assert not watchdog.holding


@pytest.mark.promise("P12")
def test_a_command_that_waited_in_a_queue_lives_no_longer():
    watchdog = CommandWatchdog(ROBOT)
    sent = command(stamp=7.0)
    watchdog.accept(sent, 1.0)
    assert watchdog.effective(at_rest(np.zeros(2), 7.09), 1.01) is sent
    watchdog.effective(at_rest(np.zeros(2), 7.11), 1.02)
    assert watchdog.holding and watchdog.trips == 1


def test_before_any_command_the_measured_posture_is_held():
    watchdog = CommandWatchdog(ROBOT)
    held = watchdog.effective(at_rest(np.array([0.3, -0.2])), 0.0)
    assert np.array_equal(held.position, (0.3, -0.2)) and not held.velocity.any()
    assert watchdog.trips == 0


def test_before_any_command_what_carries_the_robot_goes_on_carrying_it():
    state = dataclasses.replace(at_rest(np.zeros(2)), effort=np.array([7.0, -90.0]))
    assert np.array_equal(CommandWatchdog(ROBOT).effective(state, 0.0).effort, (7.0, -40.0))


def test_silence_brakes_from_the_measured_motion_and_then_holds():
    watchdog = CommandWatchdog(ROBOT)
    watchdog.accept(command(), 0.0)
    moving = JointState(0.0, np.zeros(2), np.array([2.0, 0.0]), np.zeros(2))
    positions = []
    for k in range(100):
        held = watchdog.effective(moving, 0.101 + 0.002 * k)
        positions.append(held.position.copy())
    assert watchdog.holding and watchdog.trips == 1
    assert not held.velocity.any()
    steps = np.diff(np.array(positions), axis=0)
    assert np.all(steps[:, 0] >= 0.0) and not steps[:, 1].any()
    assert positions[-1][0] == pytest.approx(2.0**2 / 2.0 / 25.0, abs=0.01)
    assert np.array_equal(held.effort, (7.0, -7.0))


def test_a_new_command_ends_the_hold():
    watchdog = CommandWatchdog(ROBOT)
    watchdog.effective(at_rest(np.zeros(2)), 0.0)
    sent = command()
    watchdog.accept(sent, 5.0)
    assert watchdog.effective(at_rest(np.zeros(2)), 5.0) is sent


@pytest.mark.parametrize("name", ["position", "velocity", "effort", "kp", "kd"])
def test_a_malformed_command_is_refused_and_the_last_good_one_stays(name):
    watchdog = CommandWatchdog(ROBOT)
    good = command()
    watchdog.accept(good, 0.0)
    with pytest.raises(CommandError, match=f"command {name} of j1 is not a finite number"):
        watchdog.accept(command(**{name: np.array([0.0, np.nan])}), 0.05)
    with pytest.raises(CommandError, match=rf"command {name} has shape \(3,\), allowed is \(2,\)"):
        watchdog.accept(command(**{name: np.zeros(3)}), 0.05)
    assert watchdog.effective(at_rest(np.zeros(2)), 0.06) is good
    watchdog.effective(at_rest(np.zeros(2)), 0.101)
    assert watchdog.holding


def test_restart_forgets_the_posture_that_was_held():
    watchdog = CommandWatchdog(ROBOT)
    watchdog.effective(at_rest(np.zeros(2)), 0.0)
    watchdog.restart()
    assert np.array_equal(watchdog.effective(at_rest(np.ones(2)), 1.0).position, np.ones(2))
