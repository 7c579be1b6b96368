"""The picture of an episode's synchrony."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from optimus_nodes.core.sync import StreamTimes, SyncLimits, accept, sync_report
from optimus_nodes.dataset.sync_plot import draw_sync


def streams(drop: bool) -> list[StreamTimes]:
    random = np.random.default_rng(0)
    made = []
    for name, hz in (
        ("head", 20.0),
        ("wrist_left", 20.0),
        ("joint_states", 250.0),
        ("plan", None),
        ("tactile_left", 50.0),
    ):
        stream = StreamTimes(name, hz)
        stamps = np.arange(0, 20, 1 / hz) + random.normal(0.0, 0.04 / hz, round(20 * hz)) if hz else [0.2, 6.0, 13.0]
        if drop and name == "wrist_left":
            stamps = np.delete(stamps, [100, 101, 102, 230, 300, 301])
        if not (drop and name == "tactile_left"):
            for stamp in stamps:
                stream.add(5.0 + stamp)
        made.append(stream)
    return made


@pytest.mark.parametrize("drop", [False, True])
def test_it_is_a_readable_picture_of_good_and_bad_episodes(tmp_path: Path, drop: bool) -> None:
    made = streams(drop)
    report = sync_report(made, frames=np.arange(5.05, 24.9, 0.05))
    reasons = accept(report, SyncLimits())
    assert bool(reasons) == drop
    draw_sync(report, {s.name: s.stamps for s in made}, tmp_path / "sync.png", "episode 7: put the box away", reasons)
    picture = cv2.imread(str(tmp_path / "sync.png"))
    assert picture is not None and picture.shape[1] == 1170
    red = (np.abs(picture.astype(int) - (0x2E, 0x22, 0xCF)).sum(axis=2) < 30).sum()
    assert (red > 200) == drop


def test_no_streams_at_all_make_a_picture_too(tmp_path: Path) -> None:
    draw_sync(sync_report([]), {}, tmp_path / "sync.png", "episode 0", ["reference camera head sent nothing"])
    assert (tmp_path / "sync.png").stat().st_size > 1000
