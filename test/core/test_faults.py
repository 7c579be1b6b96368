"""Which fault leads to hold, crouch, damp or cut: as the table says, and a table that makes no sense is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from controller_loop import DT, ROBOT, Loop, wave
from fakes import at_rest, fake_robot, no_gravity

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.faults import SLOWLY, FaultTable, FaultWatch
from optimus_nodes.core.joint_control_config import JointControlConfig
from optimus_nodes.core.joint_controller import JointController
from optimus_nodes.core.values import JointCommand
from optimus_nodes.core.watchdog import CommandWatchdog

pytestmark = [pytest.mark.promise("P7"), pytest.mark.promise("P10")]

def playing(**table: object) -> Loop:
    """A robot whose policy moves it, in the middle of a task."""
    config = JointControlConfig(faults=FaultTable(**table))
    loop = Loop(gravity=lambda position: np.full_like(position, 3.0), config=config)
    loop.controller.on_task(0, "")
    loop.controller.on_task(1, "wave")
    loop.play(wave, 250)
    assert loop.controller.owner == "policy" and np.abs(loop.commands[-1].velocity).max() > 0.1
    return loop


def lose_the_policy(loop: Loop) -> None:
    loop.controller.on_policy_lost()


def press_the_button(loop: Loop) -> None:
    loop.controller.emergency_stop(True)


def overrun(loop: Loop) -> None:
    loop.controller.on_overruns()


FAULTS = {"owner_lost": lose_the_policy, "emergency_stop": press_the_button, "overruns": overrun}


def still(command: JointCommand) -> bool:
    return not command.velocity.any()


@pytest.mark.parametrize("fault", FAULTS)
def test_by_default_every_fault_is_held(fault):
    loop = playing()
    FAULTS[fault](loop)
    held = loop.tick(100)
    assert still(held) and np.array_equal(held.kp, ROBOT.kp) and np.array_equal(held.effort, np.full(3, 3.0))
    assert np.array_equal(loop.tick(2000).position, held.position)  # nothing moves by itself, ever
    status = loop.controller.status()
    assert (status.fault, status.reaction) == (fault, "hold")


@pytest.mark.parametrize("fault", FAULTS)
def test_damped_joints_have_no_stiffness_and_limp_ones_no_torque(fault):
    for reaction, damping in (("damp", ROBOT.kd), ("cut", np.zeros(3))):
        loop = playing(**{fault: reaction})
        FAULTS[fault](loop)
        command = loop.tick(3)
        assert not command.kp.any() and not command.effort.any() and np.array_equal(command.kd, damping)
        assert loop.controller.status().reaction == reaction


@pytest.mark.parametrize("fault", FAULTS)
def test_a_crouch_is_slow_and_ends_in_its_posture(fault):
    loop = playing(**{fault: "crouch"})
    FAULTS[fault](loop)
    for _ in range(1500):
        command = loop.tick()
    assert np.allclose(command.position, ROBOT.crouch, atol=1e-3)
    fastest = max(np.abs(command.velocity).max() for command in loop.commands[-1400:])
    assert fastest <= SLOWLY * (1 + 1e-9)


def test_who_commands_a_damped_robot_again_moves_it_from_where_it_fell():
    loop = playing(owner_lost="damp")
    loop.controller.on_policy_lost()
    loop.tick()
    fallen = np.array([-0.4, 0.2, 0.9])
    for k in range(50):  # it sinks
        way = (k + 1) / 50
        state = at_rest(loop.robot.position * (1 - way) + fallen * way, loop.now)
        command = loop.controller.tick(loop.now, loop.now, state)
        loop.now += DT
        assert np.array_equal(command.position, state.position) and not command.kp.any()
    loop.controller.on_joint_target(ROBOT.joint_names, fallen, "teleop", loop.now, loop.now)
    command = loop.controller.tick(loop.now, loop.now, at_rest(fallen, loop.now))
    assert np.allclose(command.position, fallen, atol=1e-9) and np.array_equal(command.kp, ROBOT.kp)
    assert loop.controller.status().fault == ""


def test_a_lost_owner_is_followed_by_home_and_then_by_a_crouch():
    loop = playing(neutral_after=1.0, crouch_after=3.0)
    loop.controller.on_policy_lost()
    lost = loop.tick().stamp
    seen = {}
    while loop.now < lost + 6.0:
        loop.tick()
        seen.setdefault(loop.controller.status().reaction, loop.now - lost)
    assert seen == {
        "hold": pytest.approx(0.0, abs=3 * DT),
        "neutral": pytest.approx(1.0, abs=3 * DT),
        "crouch": pytest.approx(3.0, abs=3 * DT),
    }
    assert np.allclose(loop.tick().position, ROBOT.crouch, atol=1e-2)


def test_silence_in_the_middle_of_a_task_is_a_lost_owner_and_after_its_end_it_is_not():
    loop = playing()
    loop.tick(int(1.0 / DT))
    assert loop.controller.status().fault == "owner_lost"
    loop = playing(neutral_after=0.5, crouch_after=1.0)
    loop.controller.on_task(2, "")
    held = loop.tick(int(1.0 / DT))
    assert loop.controller.status().fault == "" and np.array_equal(loop.tick(500).position, held.position)


def test_a_teleoperator_who_gives_the_robot_back_is_not_lost_and_one_who_falls_silent_is():
    for given_back, fault in ((True, ""), (False, "owner_lost")):
        loop = Loop()
        loop.target(np.array([0.5, 0.0, 0.0]))
        loop.tick(10)
        if given_back:
            loop.controller.on_joint_target((), np.empty(0), "teleop", loop.now, loop.now)
        loop.tick(int(1.0 / DT))
        assert loop.controller.status().fault == fault


def test_a_new_owner_ends_the_fault_of_the_lost_one_and_the_button_comes_before_all():
    loop = playing(owner_lost="crouch", emergency_stop="damp")
    loop.controller.on_policy_lost()
    loop.tick(10)
    loop.controller.emergency_stop(True)
    loop.tick()
    assert (loop.controller.status().fault, loop.controller.status().reaction) == ("emergency_stop", "damp")
    loop.controller.emergency_stop(False)
    loop.tick(200)
    assert loop.controller.reset_emergency_stop()
    held = loop.tick()
    assert loop.controller.status().fault == "" and np.array_equal(loop.tick(200).position, held.position)


def test_without_joint_states_a_robot_can_be_damped():
    config = JointControlConfig(faults=FaultTable(no_joint_states="damp"))
    controller = JointController(ROBOT, config, no_gravity)
    state = at_rest(np.zeros(3))
    controller.tick(0.0, 0.0, state)
    stiff = [controller.tick(DT * k, DT * k, state).kp.any() for k in range(1, 60)]
    assert stiff.index(False) * DT == pytest.approx(config.max_state_age, abs=2 * DT)
    assert controller.tick(60 * DT, 60 * DT, at_rest(np.zeros(3), 60 * DT)).kp.any()  # seen again, held again


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"overruns": "dampen"}, "faults.overruns is 'dampen'; allowed: hold, crouch, damp, cut"),
        ({"no_joint_states": "crouch"}, "faults.no_joint_states is 'crouch'; allowed: hold, damp, cut"),
        ({"crouch_after": -1.0}, "faults.crouch_after is -1.0; it must be 0 or more"),
        ({"neutral_after": float("nan")}, "faults.neutral_after is nan"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table, text):
    with pytest.raises(ConfigError, match=text):
        FaultTable(**table)


def test_a_robot_without_a_crouch_posture_is_not_asked_for_one():
    robot = replace(fake_robot(3), crouch=None)
    for table in ({"overruns": "crouch"}, {"crouch_after": 10.0}):
        with pytest.raises(ConfigError, match="config/robots/fake.yaml has no `crouch` posture"):
            JointController(robot, JointControlConfig(faults=FaultTable(**table)), no_gravity)
    with pytest.raises(ConfigError, match="parameter on_silence asks for a crouch"):
        CommandWatchdog(robot, reaction="crouch")
    with pytest.raises(ConfigError, match="parameter on_silence is 'sleep'; allowed: hold, crouch, damp, cut"):
        CommandWatchdog(robot, reaction="sleep")


def test_the_severest_of_several_faults_counts():
    watch = FaultWatch(FaultTable(emergency_stop="damp", no_joint_states="cut", owner_lost="crouch"))
    watch.happened("owner_lost", 0.0)
    assert watch.update(False, False, 1.0) == "crouch"
    assert watch.update(True, False, 1.0) == "damp"
    assert watch.update(True, True, 1.0) == "cut" and watch.fault == "no_joint_states"
    watch.over()
    assert watch.update(False, False, 1.0) == ""


@pytest.mark.parametrize("reaction", ["hold", "crouch", "damp", "cut"])
def test_the_watchdog_of_a_driver_does_what_was_chosen(reaction):
    watchdog = CommandWatchdog(ROBOT, 0.1, reaction)
    sent = JointCommand(0.0, np.zeros(3), np.zeros(3), np.ones(3), ROBOT.kp, ROBOT.kd)
    watchdog.accept(sent, 0.0)
    for k in range(2000):
        command = watchdog.effective(at_rest(np.zeros(3)), 0.11 + 0.002 * k)
    assert watchdog.holding and watchdog.carries == (reaction in ("hold", "crouch"))
    assert command.kp.any() == (reaction in ("hold", "crouch"))
    assert command.kd.any() == (reaction != "cut")
    assert np.allclose(command.position, ROBOT.crouch if reaction == "crouch" else 0.0, atol=1e-3)
    assert watchdog.trips == 1
    watchdog.accept(sent, 5.0)
    assert watchdog.effective(at_rest(np.zeros(3)), 5.01) is sent and not watchdog.carries
