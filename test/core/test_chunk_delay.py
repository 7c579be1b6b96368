"""A slow policy is waited for, a dead one is not, and a chunk's age is counted in what was played."""

from __future__ import annotations

import numpy as np
import pytest
from controller_loop import DT, Loop, wave
from fakes import chunk_of, fake_robot

from optimus_nodes.core.chunk_delay import ChunkDelay, PlayedTime
from optimus_nodes.core.chunk_player import ChunkPlayer
from optimus_nodes.core.chunk_schedule import ChunkSchedule
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.joint_controller import JointControlConfig

ROBOT = fake_robot(2)


def rows_from(start: float, steps: int) -> np.ndarray:
    return np.array([wave(start + 0.05 * k) for k in range(steps)])


def play_slowly(loop: Loop, delay: float, seconds: float, steps: int) -> None:
    """A policy that needs `delay` s for a chunk of `steps` rows and begins the next when it has answered."""
    asked = loop.now
    for _ in range(round(seconds / DT)):
        if loop.now >= asked + delay - 1e-9:
            loop.chunk(rows_from(asked, steps), asked)
            asked = loop.now
        loop.tick()


@pytest.mark.parametrize("delay", [0.2, 0.5, 1.0, 1.5])
def test_a_slow_policy_starves_nothing_when_its_chunks_last_twice_as_long(delay: float) -> None:
    loop = Loop()
    play_slowly(loop, delay, 6.0 * delay + 2.0, round((2.0 * delay + 0.2) / 0.05))
    status = loop.controller.status()
    assert status.starved_ticks == 0 and status.owner == "policy" and not status.refused
    assert status.accepted >= 6


def test_a_slow_policy_that_dies_leaves_the_robot_at_rest_before_its_last_chunk_is_over() -> None:
    loop = Loop()
    play_slowly(loop, 0.5, 3.0, 100)
    loop.tick(round(1.0 / DT))
    assert not loop.commands[-1].velocity.any()
    assert loop.controller.status().holding
    loop.tick(round(0.6 / DT))
    assert loop.controller.owner == "none"


def test_a_chunk_that_runs_out_is_left_at_rest() -> None:
    loop = Loop()
    play_slowly(loop, 0.5, 1.2, 20)
    loop.tick(round(1.0 / DT))
    assert not loop.commands[-1].velocity.any()


def test_after_a_halt_the_next_chunk_begins_where_the_robot_stands() -> None:
    """Rows for time in which nothing was played used to be skipped: a slow policy jumped ahead of itself."""
    loop = Loop()
    loop.tick(100)
    asked = loop.now
    loop.tick(250)
    loop.chunk(rows_from(0.0, 40), asked)
    loop.tick(5)
    assert np.abs(loop.commands[-1].position).max() < 0.01
    loop.tick(250)
    assert loop.commands[-1].position == pytest.approx(wave(1.0), abs=0.05)


def test_the_first_answer_counts_only_until_there_is_a_second() -> None:
    delay = ChunkDelay()
    delay.arrived(0.0, 2.0)
    assert delay.expected == 2.0 and delay.patience(0.1) == pytest.approx(3.1)
    delay.arrived(1.95, 2.05)
    assert delay.expected == pytest.approx(0.05) and delay.patience(0.1) == 0.1
    delay.begin_anew()
    assert delay.expected == 0.0


def test_time_is_counted_as_it_was_played() -> None:
    played = PlayedTime()
    assert played.stood(0.0, 1.0) == 0.0
    for k, rate in enumerate([1.0] * 10 + [0.5] * 10 + [0.0] * 10 + [1.0] * 10):
        played.tick(0.1 * k, rate)
    assert played.stood(0.0, 0.9) == pytest.approx(0.0)
    assert played.stood(0.9, 1.9) == pytest.approx(0.5)
    assert played.stood(0.0, 3.9) == pytest.approx(1.5)
    played.tick(99.0, 1.0)
    assert played.stood(0.0, 99.0) == 0.0, "another clock"


def test_naive_chunks_are_played_from_first_to_last_row() -> None:
    player = ChunkPlayer(crossfade=0.15, silence=0.1, slow_down=0.12, takeover_speed=0.8, naive=True)
    rows = np.linspace(0.0, 0.3, 16)[:, None] * np.ones(2)
    player.add(chunk_of(ROBOT, rows, 0.0), rows, np.zeros(2), 0.5, 0.5)
    assert np.allclose(player.sample(0.5, 0.5)[0], 0.0)
    assert np.allclose(player.sample(0.8, 0.8)[0], 0.12)
    later = rows + 0.2
    player.add(chunk_of(ROBOT, later, 0.6), later, np.zeros(2), 0.9, 0.9)
    assert np.allclose(player.sample(0.9, 0.9)[0], 0.2), "switched at once"
    assert player.sample(1.6, 1.6)[0] is not None and not player.starved
    for k in range(40):
        last, _ = player.sample(1.65 + k * DT, 1.65 + k * DT)
    assert last is None


def test_the_next_chunk_is_asked_for_while_the_last_is_played() -> None:
    schedule = ChunkSchedule("realtime")
    assert schedule.due(0.0)
    schedule.asked(0.0)
    assert not schedule.due(0.5)
    schedule.answered(0.0, 1.0, 0.75)
    assert schedule.due(1.0) and schedule.delays.count == 0, "a cold start is no measure"
    schedule.asked(1.0)
    schedule.answered(1.0, 1.2, 0.75)
    assert schedule.delays.percentile(50) == pytest.approx(0.2)


def test_naive_asks_only_when_the_last_chunk_is_over() -> None:
    schedule = ChunkSchedule("naive")
    schedule.asked(0.0)
    schedule.answered(0.0, 1.0, 0.75)
    assert not schedule.due(1.7) and schedule.due(1.75)
    schedule.begin_anew()
    assert schedule.due(0.0)


def test_answers_under_way_together_are_evenly_spaced() -> None:
    schedule = ChunkSchedule("realtime", parallel=2)
    schedule.asked(0.0)
    assert not schedule.due(0.5), "how long an answer takes is not known yet"
    schedule.answered(0.0, 1.0, 2.0)
    schedule.asked(1.0)
    assert not schedule.due(1.4) and schedule.due(1.5)
    schedule.asked(1.5)
    assert not schedule.due(1.9)


def test_an_unknown_way_to_chunk_is_refused() -> None:
    with pytest.raises(ConfigError, match="chunking is 'fast' with 1 answers at a time; allowed: realtime, naive"):
        ChunkSchedule("fast")
    with pytest.raises(ConfigError, match="joint_control parameter chunking is 'fast'; allowed: realtime, naive"):
        JointControlConfig(chunking="fast")


def play_a_late_chunk(loop: Loop, rows: np.ndarray) -> None:
    """A policy that needs 1 s follows task 1 for 1 s."""
    loop.tick(250)
    loop.chunk(rows, loop.now - 1.0)
    loop.tick(250)
    assert loop.controller.owner == "policy"


def test_a_late_chunk_of_another_task_is_played_from_its_first_row() -> None:
    """What was played while the policy thought was the last task: a hand opened a second before the box was down."""
    loop = Loop()
    play_a_late_chunk(loop, np.zeros((64, 3)))
    rows = np.array([0.02 * k * np.array([1.0, -0.5, 0.2]) for k in range(64)])
    loop.chunk(rows, loop.now - 0.9, task_id=2)
    loop.tick(125)
    np.testing.assert_allclose(loop.commands[-1].position, rows[10], atol=0.01)
    loop.chunk(rows[2:], loop.now - 0.4, task_id=2)  # what was played meanwhile of this task is not played again
    loop.tick(125)
    np.testing.assert_allclose(loop.commands[-1].position, rows[20], atol=0.05)


def test_a_robot_in_motion_comes_to_rest_for_a_late_chunk_of_another_task() -> None:
    loop = Loop()
    play_a_late_chunk(loop, np.array([0.05 * k * np.array([1.0, 0.5, -0.5]) for k in range(64)]))
    assert loop.commands[-1].velocity[0] > 0.5
    loop.chunk(np.zeros((64, 3)), loop.now - 0.9, task_id=2)  # where it was nearly a second ago
    begin = len(loop.commands)
    loop.tick(500)
    assert max(abs(command.velocity[0]) for command in loop.commands[begin + 50 :]) < 1.5  # no yank
    assert abs(loop.commands[-1].position[0]) < 0.2


def test_a_quick_policy_goes_from_task_to_task_without_a_halt() -> None:
    loop = Loop()
    ramp = np.array([1.0, 0.5, -0.5])
    loop.play(lambda t: ramp * t, 250)
    loop.tick(6)
    for k in range(25):
        if k % 12 == 0:
            loop.chunk(np.array([ramp * (loop.now - 0.02 + 0.05 * i) for i in range(16)]), loop.now - 0.02, task_id=2)
        loop.tick()
        assert loop.commands[-1].velocity[0] > 0.5


def test_what_was_played_before_a_task_began_counts_as_standing() -> None:
    clock = PlayedTime()
    assert clock.stood(0.0, 1.0) == 0.0
    for k in range(101):
        clock.tick(0.01 * k, 1.0)
    assert clock.stood(0.2, 1.0) == pytest.approx(0.0)
    clock.begin_anew(0.5)
    assert clock.stood(0.2, 1.0) == pytest.approx(0.3)
    assert clock.stood(0.7, 1.0) == pytest.approx(0.0)
    clock.begin_anew(1.0)
    assert clock.stood(0.2, 1.0) == pytest.approx(0.8)
    clock.tick(0.0, 1.0)  # the clock was set back
    clock.tick(0.5, 1.0)
    assert clock.stood(0.1, 0.5) == pytest.approx(0.0)
