"""What the control loop reports, and the robot's clock it runs by."""

from __future__ import annotations

import math

import pytest
from fakes import at_rest, fake_robot, no_gravity

from optimus_nodes.core.control_report import LoopTiming, control_report
from optimus_nodes.core.joint_controller import ControlStatus, JointControlConfig, JointController
from optimus_nodes.core.robot_clock import RobotClock

ROBOT = fake_robot(2)


def status(stopped: bool = False) -> ControlStatus:
    controller = JointController(ROBOT, JointControlConfig(), no_gravity)
    controller.tick(0.0, 0.0, at_rest(ROBOT.home))
    controller.emergency_stop(stopped)
    return controller.status()


def ticked(late: int, ticks: int = 100) -> LoopTiming:
    timing, now = LoopTiming(0.004), 0.0
    for k in range(ticks):
        now += 0.009 if 0 < k <= late else 0.004
        timing.tick(now - 0.0002, now)
    return timing


def test_a_tick_is_late_when_the_next_one_was_already_due():
    figures = ticked(late=3).figures(0.4)
    assert figures["late_ticks"] == 3 and figures["ticks"] == 100
    assert figures["lateness_max_ms"] == pytest.approx(5.0)
    assert figures["lateness_p50_ms"] == pytest.approx(0.0, abs=1e-6)
    assert figures["tick_p50_ms"] == pytest.approx(0.2)


@pytest.mark.promise("P11")
def test_overruns_are_late_ticks_one_after_the_other():
    timing = LoopTiming(0.004)
    now = 0.0
    for step, expected in ((0.004, 0), (0.009, 1), (0.02, 2), (0.009, 3), (0.004, 0), (0.009, 1)):
        timing.tick(now - 0.0002, now) if now == 0.0 else None
        now += step
        timing.tick(now - 0.0002, now)
        assert timing.overruns == expected


def test_the_age_of_what_was_acted_on_is_told():
    timing = LoopTiming(0.004)
    for k in range(100):
        timing.tick(0.004 * k, 0.004 * k + 0.0002, 0.001 if k % 10 else 0.003)
    figures = timing.figures(0.4)
    assert figures["state_age_p50_ms"] == pytest.approx(1.0) and figures["state_age_p99_ms"] == pytest.approx(3.0)
    assert figures["lateness_p999_ms"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.promise("P11")
@pytest.mark.parametrize(("late", "level"), [(0, "ok"), (5, "ok"), (7, "warn"), (15, "error")])
def test_late_ticks_warn_at_5_and_fail_at_10_percent(late, level):
    assert control_report(status(), ticked(late), 0.0, 0.4)[0] == level


def test_the_report_says_plainly_what_is_wrong():
    timing = ticked(0)
    assert control_report(status(), timing, None, 0.4)[:2] == ("warn", "waiting for joint_states")
    assert control_report(status(), timing, 2.0, 0.4)[:2] == ("error", "no joint_states for 2.0 s: holding")
    assert control_report(status(True), timing, 0.0, 0.4)[:2] == (
        "warn",
        "emergency stop: call emergency_stop/reset to go on",
    )
    assert control_report(status(), timing, 0.0, 0.4)[:2] == ("ok", "holding")


def test_latency_does_not_exist_before_the_first_chunk():
    figures = control_report(status(), ticked(0), 0.0, 0.4)[2]
    assert math.isnan(figures["camera_to_command_p50_ms"])


def test_the_robots_clock_goes_on_between_joint_states_and_stands_still_without_them():
    clock = RobotClock(max_gap=0.25)
    assert clock.now(5.0) == 0.0 and not clock.started
    clock.on_state(100.0, 5.0)
    assert clock.now(5.003) == pytest.approx(100.003)
    assert clock.now(9.0) == pytest.approx(100.25)
    clock.on_state(1.0, 9.1)
    assert clock.now(9.1) == 1.0
