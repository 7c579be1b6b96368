"""The robot obeys the same physics in MuJoCo as in DART, Gazebo's engine; bench/dart.py says how it is compared."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dartpy", reason="dartpy has no wheel for this processor")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import dart
import dart_grasp

STATICS = ("mass matrix", "gravity", "bias")


@pytest.fixture(scope="module")
def found() -> dict[str, dart.Difference]:
    return dart.compare("optimus", number=5)


@pytest.mark.parametrize("what", dart.TOLERANCES)
def test_both_engines_agree(found: dict[str, dart.Difference], what: str) -> None:
    difference = found[what]
    assert difference.of > 0.05, "nothing of this was a test"
    assert difference.share < dart.TOLERANCES[what]


def test_things_fall_as_they_should(found: dict[str, dart.Difference]) -> None:
    heights = found["free fall"].curves
    for curve in heights.values():
        assert curve[-1] == pytest.approx(-0.5 * dart.GRAVITY * dart.FALL_TIME**2, rel=0.005)


def test_a_hundredth_more_mass_in_one_of_them_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    robot, urdf = dart.load_robot("optimus")
    heavier = re.sub(r'(?<=<mass value=")[^"]+', lambda found: f"{1.01 * float(found[0]):g}", urdf)
    monkeypatch.setitem(dart.ENGINES, "DART", lambda robot, _, **options: dart.InDart(robot, heavier, **options))
    differences = dart._statics(robot, urdf, 3)
    assert all(differences[what].share > 1e-3 for what in STATICS)


def test_the_box_is_held_in_both_and_by_an_open_hand_in_neither(found: dict[str, dart.Difference]) -> None:
    for curve in found[dart.GRASP].curves.values():
        assert curve.min() > -0.006 and abs(curve[-1] - curve[-300]) < 0.0005
    open_hand = dart_grasp.Held(*dart.load_robot("optimus"), closes=False)
    for hold in (dart_grasp.hold_in_mujoco, dart_grasp.hold_in_dart):
        assert hold(open_hand).min() < -0.1


def test_the_picture_shows_both(found: dict[str, dart.Difference], tmp_path: Path) -> None:
    dart.draw(found, tmp_path / "dart.png")
    assert (tmp_path / "dart.png").stat().st_size > 10_000
    assert all(set(found[what].curves) == {"MuJoCo", "DART"} for what in ("free fall", "step", dart.FRICTION))
    assert np.ptp(found["step"].curves["DART"]) > 0.15
