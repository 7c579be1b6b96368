"""Commands over a bad link: lost, late, doubled, out of order, cut. Nothing old moves the robot, and it ends held."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from controller_loop import DT, ROBOT, Loop
from hypothesis import given, settings
from hypothesis import strategies as st

from optimus_nodes.core.errors import CommandError

pytestmark = pytest.mark.promise("P10")

MAX_AGE, SILENCE, HELD = 0.1, 0.1, 0.25  # s: of a stamped target, until it slows down, until it stands
links = st.builds(
    dict,
    loss=st.floats(0.0, 0.5),
    delay=st.floats(0.0, 0.5),
    jitter=st.floats(0.0, 0.3),
    doubled=st.floats(0.0, 0.3),
    cut=st.none() | st.tuples(st.floats(0.1, 1.0), st.floats(0.1, 0.6)),
    seed=st.integers(0, 2**32 - 1),
)


class Link:
    """Carries calls. `loss`, `doubled`: shares; `delay`, `jitter`: s; `cut`: when and how long nothing passes, s."""

    def __init__(
        self, loss: float, delay: float, jitter: float, doubled: float, cut: tuple[float, float] | None, seed: int
    ) -> None:
        self._loss, self._delay, self._jitter, self._doubled, self._cut = loss, delay, jitter, doubled, cut
        self._rng = np.random.default_rng(seed)
        self._under_way: list[tuple[float, Callable[[], None]]] = []

    def send(self, now: float, call: Callable[[], None]) -> None:
        is_cut = self._cut is not None and self._cut[0] <= now < self._cut[0] + self._cut[1]
        if is_cut or self._rng.random() < self._loss:
            return
        for _ in range(1 + (self._rng.random() < self._doubled)):
            self._under_way.append((now + self._delay + self._jitter * self._rng.random(), call))

    def arrive(self, now: float) -> None:
        due = sorted((at, k) for k, (at, _) in enumerate(self._under_way) if at <= now)
        calls = [self._under_way[k][1] for _, k in due]
        self._under_way = [each for each in self._under_way if each[0] > now]
        for call in calls:
            try:
                call()
            except CommandError:
                pass  # counted by the controller


class Taken:
    """A loop that remembers the stamps of what it took."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.stamps: list[float] = []

    def target(self, position: float, stamp: float) -> Callable[[], None]:
        def call() -> None:
            loop = self.loop
            loop.controller.on_joint_target(("j0",), np.array([position]), "teleop", loop.now, loop.now, stamp)
            assert loop.now - stamp <= MAX_AGE + 1e-9
            self.stamps.append(stamp)

        return call

    def chunk(self, rows: np.ndarray, stamp: float) -> Callable[[], None]:
        def call() -> None:
            self.loop.chunk(rows, stamp)
            self.stamps.append(stamp)

        return call


def run(taken: Taken, link: Link, seconds: float, send: Callable[[float], None] | None, every: int) -> None:
    """Every tick is checked against the limits by the loop."""
    for k in range(round(seconds / DT)):
        if send is not None and k % every == 0:
            send(taken.loop.now)
        link.arrive(taken.loop.now)
        taken.loop.tick()


def moves(loop: Loop, since: float) -> bool:
    return any(command.stamp >= since and command.velocity.any() for command in loop.commands)


@settings(max_examples=25, deadline=None)
@given(links)
def test_a_teleoperator_behind_a_bad_link_never_moves_it_by_something_old(link):
    taken, link = Taken(), Link(**link)
    path = lambda t: 0.8 * np.sin(3.0 * t)  # noqa: E731
    run(taken, link, 1.2, lambda now: link.send(now, taken.target(path(now), now)), every=5)
    ended = taken.loop.now
    run(taken, link, 1.2, None, 1)
    assert taken.stamps == sorted(taken.stamps), "an older target after a newer one"
    assert not moves(taken.loop, ended + MAX_AGE + HELD), "it moves though nobody has commanded it for so long"


@settings(max_examples=25, deadline=None)
@given(links)
def test_a_policy_behind_a_bad_link_ends_held_and_no_older_chunk_replaces_a_newer_one(link):
    taken, link = Taken(), Link(**link)
    path = lambda t: 0.5 * (1.0 - np.cos(2.0 * t)) * np.array([1.0, -0.5, 0.2])  # noqa: E731

    def send(now: float) -> None:
        rows = np.array([path(now + 0.05 * i) for i in range(16)])
        link.send(now, taken.chunk(rows, now))

    run(taken, link, 1.2, send, every=12)
    run(taken, link, 0.9, None, 1)  # the last one may take so long
    arrived = taken.loop.now
    run(taken, link, 1.5, None, 1)
    assert all(a < b for a, b in zip(taken.stamps, taken.stamps[1:]))
    assert not moves(taken.loop, arrived + 1.0)


def test_a_target_that_was_overtaken_is_refused_and_counted():
    taken = Taken()
    taken.loop.tick(50)
    now = taken.loop.now
    taken.target(0.5, now)()
    with pytest.raises(CommandError, match=r"target was overtaken by one that is 0.020 s newer") as error:
        taken.target(-0.5, now - 0.02)()
    assert error.value.reason == "stale" and taken.loop.refused == {"stale": 1}
    taken.target(0.6, now)()  # of the same instant: either may come first


def test_a_target_of_other_joints_may_be_older():
    loop = Loop()
    loop.tick(50)
    for name, stamp in (("j0", loop.now), ("j1", loop.now - 0.02)):
        loop.controller.on_joint_target((name,), np.array([0.1]), "teleop", loop.now, loop.now, stamp)
    assert loop.controller.status().accepted == 2


def test_a_late_farewell_does_not_take_the_robot_from_who_has_come_back():
    loop = Loop()
    loop.tick(50)
    loop.controller.on_joint_target(("j0",), np.array([0.5]), "teleop", loop.now, loop.now, loop.now)
    with pytest.raises(CommandError, match="overtaken"):
        loop.controller.on_joint_target((), np.zeros(0), "teleop", loop.now, loop.now, loop.now - 0.05)
    assert loop.controller.owner == "teleop"
    loop.controller.on_joint_target((), np.zeros(0), "teleop", loop.now, loop.now, loop.now)
    assert loop.controller.owner == "none"


def test_after_robot_time_was_set_back_targets_are_taken_again():
    loop = Loop()
    loop.tick(500)
    loop.controller.on_joint_target(ROBOT.joint_names, np.zeros(3), "teleop", loop.now, loop.now, loop.now)
    loop.now -= 1.0
    loop.tick()
    loop.controller.on_joint_target(ROBOT.joint_names, np.zeros(3), "teleop", loop.now, loop.now, loop.now)
    assert loop.controller.owner == "teleop"
