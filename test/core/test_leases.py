"""Numbered leases: three clients with delays, doubles and restarts, and only the newest number moves the robot."""

from __future__ import annotations

import numpy as np
import pytest
from controller_loop import ROBOT, Loop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.ownership import Ownership

pytestmark = pytest.mark.promise("P9")
CLIENTS = {"ann": "teleop", "bob": "teleop", "planner": "planner"}


def target(loop: Loop, position: float, lease: int) -> None:
    loop.controller.on_joint_target(("j0",), np.array([position]), "teleop", loop.now, loop.now, lease=lease)


def test_only_who_carries_the_newest_number_moves_the_robot():
    loop = Loop()
    ann = loop.controller.acquire("teleop", loop.now)
    target(loop, 0.3, ann)
    bob = loop.controller.acquire("teleop", loop.now)
    assert bob > ann
    with pytest.raises(CommandError, match=f"teleop command carries the stale lease {ann}; lease {bob} is in force"):
        target(loop, -0.5, ann)
    with pytest.raises(CommandError, match=f"carries no lease; lease {bob} is in force"):
        target(loop, -0.5, 0)
    for _ in range(100):
        target(loop, 0.2, bob)
        loop.tick(2)
    assert loop.robot.position[0] == pytest.approx(0.2, abs=0.01)
    assert loop.refused == {"owner": 2}


def test_the_motion_of_the_former_owner_ends_with_a_new_lease():
    loop = Loop()
    loop.play(lambda t: np.array([0.8, 0.0, 0.0]) * t, 125)
    loop.controller.acquire("teleop", loop.now)
    loop.tick(25)  # 100 ms
    held = loop.tick().position
    assert np.array_equal(loop.tick(50).position, held)
    with pytest.raises(CommandError, match="policy command while teleop owns the robot"):
        loop.chunk(np.zeros((16, 3)))


def test_a_lease_ends_by_silence_and_its_number_never_counts_again():
    loop = Loop()
    lease = loop.controller.acquire("teleop", loop.now)
    loop.tick(130)  # 0.52 s
    assert (loop.controller.owner, loop.controller.lease) == ("none", 0)
    with pytest.raises(CommandError, match=f"carries the stale lease {lease}; no lease is in force"):
        target(loop, 0.1, lease)
    target(loop, 0.1, 0)  # who asks for no lease is heard again


def test_giving_back_takes_the_number():
    loop = Loop()
    lease = loop.controller.acquire("teleop", loop.now)
    with pytest.raises(CommandError, match="carries no lease"):
        loop.controller.on_joint_target((), np.empty(0), "teleop", loop.now, loop.now)
    loop.controller.on_joint_target((), np.empty(0), "teleop", loop.now, loop.now, lease=lease)
    assert loop.controller.owner == "none"


@pytest.mark.promise("P8")
def test_a_stop_ends_every_lease():
    loop = Loop()
    lease = loop.controller.acquire("teleop", loop.now)
    loop.controller.emergency_stop(True)
    with pytest.raises(CommandError, match="emergency stop"):
        loop.controller.acquire("teleop", loop.now)
    loop.controller.emergency_stop(False)
    loop.tick(130)
    assert loop.controller.reset_emergency_stop()
    with pytest.raises(CommandError, match="stale lease"):
        target(loop, 0.1, lease)


def test_the_planner_gets_no_lease_while_a_person_drives():
    loop = Loop()
    loop.target(np.zeros(3), ROBOT.joint_names)
    with pytest.raises(CommandError, match="planner command while teleop owns the robot"):
        loop.controller.acquire("planner", loop.now)


def test_numbers_grow_over_a_restart():
    before = Ownership(0.5, 0.5, first_lease=1000)
    before.acquire("teleop", 0.0)
    last = before.acquire("teleop", 0.0)
    after = Ownership(0.5, 0.5, first_lease=1010)
    with pytest.raises(CommandError, match="stale lease"):
        after.request("teleop", 0.0, last)
    assert after.acquire("teleop", 0.0) > last


class Clients(RuleBasedStateMachine):
    """Two people and a planner ask, command late and doubled, fall silent, are stopped; the controller restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.time, self.first = 0.0, 1
        self.lease = Ownership(0.5, 0.5, self.first)
        self.numbers: dict[str, list[int]] = {name: [] for name in CLIENTS}
        self.newest = 0
        self.stopped = False

    @rule(who=st.sampled_from(sorted(CLIENTS)))
    def ask(self, who: str) -> None:
        try:
            number = self.lease.acquire(CLIENTS[who], self.time)
        except CommandError:
            assert self.stopped or (who == "planner" and self.lease.owner == "teleop")
            return
        assert number > self.newest
        self.newest = number
        self.numbers[who].append(number)

    @rule(who=st.sampled_from(sorted(CLIENTS)), late=st.integers(0, 3))
    def command(self, who: str, late: int) -> None:
        """With the number it has, or one that it had before."""
        if len(self.numbers[who]) <= late:
            return
        number = self.numbers[who][-1 - late]
        before = (self.lease.owner, self.lease.lease)
        try:
            self.lease.request(CLIENTS[who], self.time, number)
        except CommandError:
            assert (self.lease.owner, self.lease.lease) in (before, ("none", 0))
            return
        assert before == (CLIENTS[who], number) and not self.stopped
        assert number == self.newest

    @rule(seconds=st.floats(0.0, 0.8))
    def wait(self, seconds: float) -> None:
        self.time += seconds
        self.lease.update(self.time)

    @rule()
    def stop(self) -> None:
        self.lease.emergency_stop(True)
        self.lease.emergency_stop(False)
        self.stopped = True

    @rule()
    def reset(self) -> None:
        if self.lease.reset_emergency_stop():
            self.stopped = False

    @rule()
    def restart(self) -> None:
        self.first = self.newest + 1
        self.lease = Ownership(0.5, 0.5, self.first)
        self.lease.update(self.time)
        self.stopped = False

    @invariant()
    def a_number_has_an_owner(self) -> None:
        assert not self.lease.lease or self.lease.owner in ("teleop", "planner")
        assert self.lease.lease in (0, self.newest)


TestClients = Clients.TestCase
TestClients.settings = settings(max_examples=100, deadline=None)
