"""`optimus describe`: a robot as other programs want it, on the screen or in a file."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from optimus_nodes.cli.describe import KINDS, describe
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.robot.load import load_robot

ROBOT, URDF = load_robot("optimus")


def said(capsys: pytest.CaptureFixture[str], kind: str) -> str:
    assert describe("optimus", kind, "gz", None) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", ["urdf", "gazebo", "ros2_control"])
def test_urdfs_are_whole_robots(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = ElementTree.fromstring(said(capsys, kind))
    joints = {joint.get("name") for joint in root.findall("joint")}
    assert set(ROBOT.joint_names) <= joints
    assert (root.find("ros2_control") is not None) == (kind == "ros2_control")
    assert (root.find("gazebo") is not None) == (kind == "gazebo")


def test_controllers_and_bridge_are_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    controllers = yaml.safe_load(said(capsys, "controllers"))
    assert controllers["effort_controller"]["ros__parameters"]["joints"] == list(ROBOT.joint_names)
    assert controllers["controller_manager"]["ros__parameters"]["update_rate"] == 500
    assert {"gz_topic_name", "ros_type_name", "direction"} <= set(yaml.safe_load(said(capsys, "bridge"))[0])


def test_a_file_is_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "robot.urdf"
    describe("optimus", "urdf", "", path)
    assert str(path) in capsys.readouterr().out
    assert path.read_text().strip() == URDF.strip()


def test_an_unknown_kind_is_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match=f"--as 'sdf': there are {', '.join(KINDS)}"):
        describe("optimus", "sdf", "", None)
