"""Chunks are played on time, joined smoothly, and end in a halt when no more come."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import chunk_of, fake_robot
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optimus_nodes.core.chunk_player import ChunkPlayer, Curve, smooth_step
from optimus_nodes.core.errors import CommandError

ROBOT = fake_robot(2)
DT = 0.004


def player() -> ChunkPlayer:
    return ChunkPlayer(crossfade=0.15, silence=0.1, slow_down=0.12, takeover_speed=0.8)


def wave(time: float) -> np.ndarray:
    return 0.4 * np.sin(3.0 * time + np.arange(2))


def rows_from(start: float, shift: float = 0.0) -> np.ndarray:
    return np.array([wave(start + 0.05 * k) + shift for k in range(16)])


def add(p: ChunkPlayer, rows: np.ndarray, stamp: float, now: float, posture: np.ndarray) -> None:
    p.add(chunk_of(ROBOT, rows, stamp), rows, posture, now, now)


def play(p: ChunkPlayer, chunks: dict[int, tuple[np.ndarray, float]], ticks: int) -> np.ndarray:
    """Targets (ticks, 2) while chunks (rows, stamp) arrive at the given ticks; a halt repeats the last target."""
    out = [wave(0.0)]
    for k in range(ticks):
        if k in chunks:
            add(p, *chunks[k], k * DT, out[-1])
        target, _ = p.sample(k * DT, k * DT)
        out.append(out[-1] if target is None else target)
    return np.array(out[1:])


def test_a_curve_passes_through_its_rows_and_ends_at_rest():
    rows = rows_from(0.0)
    curve = Curve(1.0, 0.05, rows)
    assert np.allclose([curve.at(1.0 + 0.05 * k) for k in range(16)], rows)
    assert np.array_equal(curve.at(99.0), rows[-1])
    slow = (curve.at(1.75) - curve.at(1.7499)) / 1e-4
    assert np.abs(slow).max() < 0.01


def test_a_curve_reproduces_a_quadratic_motion_between_its_rows():
    curve = Curve(0.0, 0.05, np.array([[(0.05 * k) ** 2, 1.0] for k in range(8)]))
    assert curve.at(0.0125)[0] == pytest.approx(0.0125**2)
    assert curve.at(0.18)[0] == pytest.approx(0.18**2)


def test_chunks_that_agree_are_played_exactly_at_their_time():
    chunks = {k: (rows_from(max(0.0, k * DT - 0.06)), max(0.0, k * DT - 0.06)) for k in range(0, 500, 12)}
    played = play(player(), chunks, 500)
    wanted = np.array([wave(k * DT) for k in range(500)])
    assert np.abs(played - wanted)[50:].max() < 1e-3


def test_a_late_chunk_is_joined_at_the_present_not_at_its_first_row():
    p = player()
    rows = np.linspace(0.0, 0.3, 16)[:, None] * np.ones(2)
    add(p, rows, 0.0, 0.2, np.full(2, 0.08))
    target, _ = p.sample(0.2, 0.2)
    assert np.allclose(target, 0.08)
    for k in range(1, 50):
        target, _ = p.sample(0.2 + k * DT, 0.2)
    assert np.allclose(target, 0.02 / 0.05 * 0.396, atol=1e-3)


def test_a_chunk_that_is_already_over_is_refused():
    with pytest.raises(CommandError, match="ended 0.200 s ago"):
        add(player(), rows_from(0.0), 0.0, 1.0, np.zeros(2))


@settings(max_examples=60, deadline=None)
@example([(1, 0.0), (2, 0.03125), (24, 0.046875), (24, -0.048828125), (2, -0.048828125)])
@given(st.lists(st.tuples(st.integers(1, 24), st.floats(-0.05, 0.05)), min_size=3, max_size=20))
def test_the_seam_between_differing_chunks_is_smooth_at_any_chunk_rate(arrivals):
    chunks, k = {k: (rows_from(k * DT), k * DT) for k in range(0, 60, 12)}, 60
    for gap, shift in arrivals:
        k += gap
        chunks[k] = (rows_from(k * DT, shift), k * DT)
    played = play(player(), chunks, k + 40)
    speed = np.diff(played[50:], axis=0) / DT
    # 1.2 rad/s is the motion itself, the rest the steepest fade over at most 0.1 rad of difference, twice because
    # fades overlap (the worst found is 2.7 rad/s); a jump of 0.1 rad would be 25 rad/s
    assert np.abs(speed).max() < 1.2 + 2.0 * 1.5 / 0.15 * 0.1
    assert np.abs(np.diff(speed, axis=0)).max() < 0.4


def test_a_burst_of_chunks_makes_no_jump():
    """More chunks than may fade at once: the oldest was dropped in the middle of its fade."""
    chunks = {k: (rows_from(k * DT), k * DT) for k in range(0, 60, 12)}
    chunks.update({k: (rows_from(k * DT, 0.03 if k == 61 else 0.0), k * DT) for k in range(61, 75)})
    speed = np.diff(play(player(), chunks, 110)[50:], axis=0) / DT
    assert np.abs(np.diff(speed, axis=0)).max() < 0.25


def test_after_100_ms_of_silence_playback_slows_down_along_the_path_and_halts():
    p = player()
    played = play(p, {0: (rows_from(0.0), 0.0)}, 100)
    speed = np.abs(np.diff(played, axis=0)).max(axis=1) / DT
    assert speed[24] > 0.5
    assert not speed[int(0.23 / DT) :].any()
    assert np.all(np.diff(speed[27:54]) <= 1e-3)
    assert not p.playing


def test_a_chunk_after_a_halt_is_faded_in_from_where_the_robot_stands():
    p = player()
    away = rows_from(0.8, shift=0.8)
    played = play(p, {0: (rows_from(0.0), 0.0), 200: (away, 0.8)}, 330)
    speed = np.abs(np.diff(played, axis=0)).max(axis=1) / DT
    assert speed[198:202].max() < 0.15
    assert speed[198:].max() < 2.0
    assert p.playing is False or p.starved


def test_a_short_gap_between_chunks_is_smooth():
    chunks = {k: (rows_from(k * DT), k * DT) for k in (0, 12, 24, 36, 72, 84, 96)}  # once 144 ms without one
    speed = np.diff(play(player(), chunks, 110)[45:], axis=0) / DT
    assert np.abs(np.diff(speed, axis=0)).max() < 0.06


def test_a_chunk_of_one_step_is_a_posture():
    p = player()
    add(p, np.full((1, 2), 0.1), 0.0, 0.0, np.full(2, 0.1))
    assert np.allclose(p.sample(0.02, 0.02)[0], 0.1)


def test_the_observation_behind_a_chunk_is_told_once():
    p = player()
    add(p, rows_from(0.0), 0.0, 0.0, wave(0.0))
    assert p.sample(0.004, 0.004)[1] == 0.0
    assert p.sample(0.008, 0.008)[1] is None


def test_smooth_step_starts_and_ends_level():
    assert [smooth_step(x) for x in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert smooth_step(1e-4) < 1e-7


def test_a_slow_policy_that_says_no_more_that_it_lives_is_not_waited_for():
    """Its next chunk may take 0.3 s, but it says every 0.04 s that it is there."""

    def halt_after(signs_until: float) -> float:
        p, posture = player(), wave(0.0)
        for k in range(400):
            now = k * DT
            if k % 75 == 0 and now < 0.7:
                add(p, rows_from(now - 0.3), now - 0.3, now, posture)
            if k % 10 == 0 and now < signs_until:
                p.sender.heard(now)
            target, _ = p.sample(now, now)
            if not p.playing:
                return now
            posture = posture if target is None else target
        return np.inf

    assert halt_after(0.64) < 0.6 + 0.1 + 0.06 + 3 * DT
    assert halt_after(9.0) > 0.6 + 0.3, "no sign is missing: its chunks are waited for"
