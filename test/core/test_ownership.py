"""One owner at a time: emergency stop, then teleoperation, then the policy."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.ownership import Ownership

pytestmark = pytest.mark.promise("P9")


def ownership() -> Ownership:
    return Ownership(release_after=0.5, reset_after=0.5)


def test_teleoperation_takes_the_robot_from_the_policy_at_once():
    o = ownership()
    assert o.request("policy", 0.0)
    assert o.request("teleop", 0.01)
    with pytest.raises(CommandError, match="policy command while teleop owns the robot"):
        o.request("policy", 0.02)


def test_the_policy_gets_the_robot_back_after_teleoperation_fell_silent():
    o = ownership()
    o.request("teleop", 0.0)
    with pytest.raises(CommandError):
        o.request("policy", 0.49)
    assert o.request("policy", 0.51)


def test_releasing_is_only_for_the_owner():
    o = ownership()
    o.request("teleop", 0.0)
    o.release("policy")
    assert o.owner == "teleop"
    o.release("teleop")
    assert o.owner == "none"


def test_an_unknown_source_never_owns_the_robot():
    with pytest.raises(CommandError, match="unknown source 'gamepad'; the sources are teleop, planner, policy"):
        ownership().request("gamepad", 0.0)


@pytest.mark.promise("P8")
def test_a_stop_is_not_reset_while_the_button_is_down_or_within_half_a_second():
    o = ownership()
    o.update(1.0)
    o.emergency_stop(True)
    o.update(2.0)
    assert not o.reset_emergency_stop()
    o.emergency_stop(False)
    assert o.emergency_stopped
    assert o.reset_emergency_stop()
    o.emergency_stop(True)
    o.emergency_stop(False)
    o.update(2.4)
    assert not o.reset_emergency_stop()
    o.update(2.51)
    assert o.reset_emergency_stop()


class Leases(RuleBasedStateMachine):
    """Any order of requests, silences, stops and resets."""

    def __init__(self) -> None:
        super().__init__()
        self.lease, self.time, self.latched = ownership(), 0.0, False

    @rule(source=st.sampled_from(["teleop", "policy"]))
    def request(self, source: str) -> None:
        before = self.lease.owner
        try:
            self.lease.request(source, self.time)
        except CommandError:
            assert self.latched or (source == "policy" and before == "teleop")
        else:
            assert not self.latched and self.lease.owner == source

    @rule(seconds=st.floats(0.0, 1.0))
    def wait(self, seconds: float) -> None:
        self.time += seconds
        self.lease.update(self.time)

    @rule(pressed=st.booleans())
    def button(self, pressed: bool) -> None:
        self.lease.emergency_stop(pressed)
        self.latched = self.latched or pressed

    @rule()
    def reset(self) -> None:
        if self.lease.reset_emergency_stop():
            self.latched = False

    @invariant()
    def a_latched_stop_has_no_owner(self) -> None:
        assert self.lease.emergency_stopped == self.latched
        assert not self.latched or self.lease.owner == "none"


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=50, deadline=None)
