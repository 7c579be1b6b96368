"""What a robot's yaml says of hands, tasks and benches, and URDFs that a Python package carries."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.robot import abilities
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.packaged import find_file, packaged_text

ROBOT, _ = load_robot("optimus")
PATH = Path("robot.yaml")
HANDS = {"postures": {"open": {}, "closed": {"finger_mcp": 1.0}}, "tilt": 0.2, "shoulder": [0, 0.2], "pinch": [0, 0, 0]}


def test_the_hands_of_the_robot_have_the_postures_that_the_expert_needs() -> None:
    assert ROBOT.hands is not None
    assert {"open", "closed", "point", "fist", "flat"} <= set(ROBOT.hands.postures)
    assert abilities.hands(None, ROBOT, PATH) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"tilt": "steep"}, r"hands: tilt is \['steep'\]; it must be 1 number"),
        ({"shoulder": [0.1]}, r"hands: shoulder is \[0.1\]; it must be 2 numbers"),
        ({"postures": {"open": {}}}, "postures must have open and closed at least; they are open"),
        ({"postures": {"open": {"thumb_tail": 1}, "closed": {}}}, "posture open has 'thumb_tail', which no joint"),
        ({"postures": {"open": [], "closed": {}}}, r"posture open is \[\]; it must be names of joints and their rad"),
        ({"grip": 1}, "may have squeeze; it has postures, tilt, shoulder, pinch, grip"),
    ],
)
def test_a_mistake_in_the_hands_is_named(change: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        abilities.hands({**HANDS, **change}, ROBOT, PATH)


def test_tasks_and_benches_are_checked() -> None:
    assert abilities.tasks(["press_button", "wave"], PATH) == ("press_button", "wave")
    with pytest.raises(ConfigError, match="tasks names 'dance'; there are pick_colour"):
        abilities.tasks(["dance"], PATH)
    assert abilities.bench({"nearer": 0.1, "higher": 0}, PATH) == (0.1, 0.0)
    with pytest.raises(ConfigError, match="bench must have nearer and higher, m; it has nearer"):
        abilities.bench({"nearer": 0.1}, PATH)


def test_a_package_that_is_not_installed_is_named_with_the_command_that_mends_it() -> None:
    with pytest.raises(ConfigError, match="takes its URDF from the Python package no-robots: pip install no-robots"):
        find_file("package:no-robots/g1.urdf", "g1.yaml")
    with pytest.raises(ConfigError, match="the Python package pytest has no file that ends in 'g1.urdf'"):
        find_file("package:pytest/g1.urdf", "g1.yaml")


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `robots` with one URDF."""
    path = tmp_path / "share" / "bot.urdf"
    path.parent.mkdir()
    path.write_text('<robot name="bot"><link name="base_link"/></robot>')

    class Carried(type(Path())):  # type: ignore[misc]
        def locate(self) -> Path:
            return Path(self)

    monkeypatch.setattr(metadata, "files", lambda name: [Carried(path)])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def test_frames_are_added_to_a_packages_urdf_and_what_was_made_is_kept(carried: Path) -> None:
    row = ["eye", "base_link", 0.1, 0, 0, 0, 0, 1.5]
    text = packaged_text("package:robots/bot.urdf", [row], "bot.yaml")
    assert '<link name="eye"' in text and 'xyz="0.1 0 0"' in text
    again = packaged_text("package:robots/bot.urdf", [row], "bot.yaml")
    assert again == text and len(list((carried.parents[1] / "cache").rglob("*.urdf"))) == 1
    assert packaged_text("package:robots/bot.urdf", [], "bot.yaml") != text


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (["eye", "nose", 0, 0, 0, 0, 0, 0], "frame 'eye' hangs on 'nose'; it must be new, and that a link"),
        (["eye", "base_link", 0, 0], r"a frame is \['eye', 'base_link', 0, 0\]; it must be name, parent, x, y, z m"),
    ],
)
def test_a_frame_that_hangs_on_nothing_is_refused(carried: Path, row: list[object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        packaged_text("package:robots/bot.urdf", [row], "bot.yaml")
