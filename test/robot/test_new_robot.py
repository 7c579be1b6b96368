"""From anyone's URDF to a robot of this stack: what is changed is said, and the result loads, stands and is checked."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from optimus_nodes.cli import doctor_robot
from optimus_nodes.cli.findings import BROKEN, OK, WARNING
from optimus_nodes.cli.new_robot import make_robot
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.robot.body_clearance import BodyClearance
from optimus_nodes.robot.draft import group_of
from optimus_nodes.robot.load import read_robot
from optimus_nodes.robot.urdf_import import import_urdf

URDF = """<robot name="arm">
  <link name="pedestal">{heavy}<collision><geometry><box size="0.3 0.3 0.1"/></geometry></collision></link>
  <link name="upper">{body}<collision><origin xyz="0 0 0.1" rpy="0 0 1.5707963267948966"/>
    <geometry><mesh filename="{mesh}" scale="0.001 0.001 0.001"/></geometry></collision></link>
  <link name="lower">{odd}<collision><origin xyz="0 0 0.12"/>
    <geometry><sphere radius="0.03"/></geometry></collision></link>
  <link name="wheel"/>
  <link name="finger">{body}</link>
  <link name="slide">{body}</link>
  <link name="sticker"><visual><geometry><box size="0.01 0.01 0.01"/></geometry></visual></link>
  <joint name="left_shoulder" type="revolute"><parent link="pedestal"/><child link="upper"/><origin xyz="0 0 0.1"/>
    <axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="40" velocity="3"/></joint>
  <joint name="left_elbow" type="revolute"><parent link="upper"/><child link="lower"/><origin xyz="0 0 0.2"/>
    <axis xyz="0 1 0"/><limit lower="0.5" upper="2" effort="0" velocity="3"/><dynamics friction="0.3"/></joint>
  <joint name="spin" type="continuous"><parent link="lower"/><child link="wheel"/><origin xyz="0 0 0.15"/>
    <axis xyz="0 0 1"/><limit effort="2" velocity="9"/></joint>
  <joint name="copy" type="revolute"><parent link="lower"/><child link="finger"/><mimic joint="left_elbow"/>
    <axis xyz="0 0 1"/><limit lower="-1" upper="1" effort="2" velocity="9"/></joint>
  <joint name="push" type="prismatic"><parent link="lower"/><child link="slide"/>
    <axis xyz="0 0 1"/><limit lower="-1" upper="1" effort="2" velocity="9"/></joint>
  <joint name="glue" type="fixed"><parent link="upper"/><child link="sticker"/></joint>
</robot>"""


def inertial(mass: float, *principal: float) -> str:
    xx, yy, zz = principal
    entries = f'<inertia ixx="{xx}" iyy="{yy}" izz="{zz}" ixy="0" ixz="0" iyz="0"/>'
    return f'<inertial><origin xyz="0 0 0.1"/><mass value="{mass}"/>{entries}</inertial>'


@pytest.fixture
def urdf(tmp_path: Path) -> Path:
    """An arm with all that can be wrong with a URDF, and a mesh of 40 x 60 x 200 mm in its package."""
    folder = tmp_path / "arm_description"
    (folder / "meshes").mkdir(parents=True)
    corners = np.array([[-20, -30, 0], [20, 30, 0], [20, -30, 200], [-20, 30, 200]], np.float32)
    triangles = [(0, 1, 2), (0, 1, 3), (1, 2, 3), (0, 2, 3)]
    facets = b"".join(struct.pack("<12fH", 0, 0, 1, *corners[list(t)].ravel(), 0) for t in triangles)
    (folder / "meshes" / "upper.stl").write_bytes(bytes(80) + struct.pack("<I", len(triangles)) + facets)
    path = folder / "urdf" / "arm.urdf"
    path.parent.mkdir()
    parts = {"body": inertial(0.5, 1e-3, 1e-3, 1e-3), "odd": inertial(0.5, 1e-3, 1e-3, 9e-3)}
    parts |= {"heavy": inertial(9.0, 0.1, 0.1, 0.1), "mesh": "package://arm_description/meshes/upper.stl"}
    path.write_text(URDF.format(**parts))
    return path


def test_what_is_changed_is_said(urdf: Path) -> None:
    said = "\n".join(import_urdf(urdf).notes)
    for text in (
        "joint left_elbow has effort 0; 10 N·m were taken instead",
        "joint spin turns without end; it was given limits of -3.14 and 3.14 rad",
        "joint copy follows another joint, which is not known here; it was fixed",
        "joint push is prismatic, which is not known here; it was fixed",
        "link lower of 0.5 kg has principal inertias 0.001, 0.001, 0.009 kg·m², which no body has",
        "link wheel moves and weighs nothing; it was given 1 g",
        "link sticker has no collision shape",
    ):
        assert text in said
    assert len(said.splitlines()) == 7


def test_a_mesh_becomes_the_box_round_it_where_it_was(urdf: Path) -> None:
    xml = import_urdf(urdf).xml
    assert "mesh" not in xml
    assert '<box size="0.04 0.06 0.2" />' in xml
    assert xml.count('<origin xyz="0 0 0.2" rpy="0 0 1.5707963267948966" />') == 2  # collision and visual


def test_a_robot_is_made_that_loads_and_passes_the_doctors_checks(urdf: Path, tmp_path: Path) -> None:
    made = make_robot(tmp_path / "project", "my_arm", urdf, [])
    assert made.robot.joint_names == ("left_shoulder", "left_elbow", "spin")
    assert made.robot.groups["arms"] == ("left_shoulder", "left_elbow") and made.robot.groups["other"] == ("spin",)
    assert made.robot.home.tolist() == [0.0, 0.575, 0.0]
    assert [str(file) for file in made.files] == [
        "urdf/my_arm.urdf",
        "config/robots/my_arm.yaml",
        "optimus_nodes/drivers/my_arm_driver.py",
        "test/drivers/test_my_arm.py",
    ]
    robot, xml = read_robot("my_arm", tmp_path / "project" / made.files[1], tmp_path / "project")
    found = {name: check(robot, xml) for name, check in checks().items()}
    assert {name: finding.state for name, finding in found.items()} == {
        **dict.fromkeys(("limits", "masses", "carrying", "gains", "clear", "stands"), OK),
        "senses": WARNING,
    }, found
    assert BodyClearance(robot, xml).hands == ()
    for file in made.files[2:]:
        compile((tmp_path / "project" / file).read_text(), str(file), "exec")


def test_what_is_there_is_not_written_over(urdf: Path, tmp_path: Path) -> None:
    made = make_robot(tmp_path / "project", "my_arm", urdf, [])
    config = tmp_path / "project" / made.files[1]
    config.write_text(mine := config.read_text().replace("kp, kd", "kp, kd"))
    with pytest.raises(ConfigError, match="my_arm.urdf is there already; add --force"):
        make_robot(tmp_path / "project", "my_arm", urdf, [])
    assert config.read_text() == mine
    assert make_robot(tmp_path / "project", "my_arm", urdf, [], force=True)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("meshes/upper.stl", "meshes/no.stl", "names the mesh package://arm_description/meshes/no.stl, which is no"),
        ('<child link="upper"/>', '<child link="other"/>', "has 2 links that hang on no joint"),
        ('name="arm">', "name='arm'", "cannot be expanded"),
    ],
)
def test_what_cannot_be_read_is_named(urdf: Path, tmp_path: Path, before: str, after: str, message: str) -> None:
    urdf.write_text(urdf.read_text().replace(before, after))
    with pytest.raises(ConfigError, match=message):
        make_robot(tmp_path / "project", "my_arm", urdf, [])
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize("name", ["My Arm", "../arm", "7dof", ""])
def test_a_name_that_is_none_is_refused(urdf: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="can't be a robot's name"):
        make_robot(tmp_path, name, urdf, [])


@pytest.mark.parametrize(
    ("joint", "group"),
    [
        ("left_shoulder_pitch_joint", "left_arm"),
        ("arm_right_7_joint", "right_arm"),
        ("r_wrist_yaw", "right_arm"),
        ("LElbowRoll", "left_arm"),
        ("RHipYaw", "right_leg"),
        ("left_hand_thumb_0_joint", "left_hand"),
        ("gripper_left_joint", "left_hand"),
        ("head_1_joint", "neck"),
        ("torso_2_joint", "waist"),
        ("waist_yaw_joint", "waist"),
        ("roller", "other"),
    ],
)
def test_joints_are_grouped_by_their_names(joint: str, group: str) -> None:
    assert group_of(joint) == group


def checks() -> dict[str, object]:
    """The doctor's checks by name, without a robot of config/robots/."""
    return {name: check.func for name, check in doctor_robot.robot_checks("optimus").items()}


def test_the_robot_of_this_repository_is_well() -> None:
    assert {check().state for check in doctor_robot.robot_checks("optimus").values()} == {OK}


@pytest.mark.parametrize(
    ("entry", "value", "check", "state", "text"),
    [
        ("kd", 0.001, "gains", WARNING, "will swing: damping ratio below 0.1"),
        ("kp", 0.0, "gains", WARNING, "have no stiffness"),
        ("kd", 500.0, "gains", WARNING, "acts within a tick of 4 ms"),
        ("max_effort", 0.5, "carrying", BROKEN, "of its torque to carry the robot at home"),
        ("upper", 120.0, "limits", WARNING, "look like degrees"),
    ],
)
def test_a_mistake_is_found(entry: str, value: float, check: str, state: str, text: str) -> None:
    from dataclasses import replace

    from optimus_nodes.robot.load import load_robot

    robot, xml = load_robot("optimus")
    wrong = replace(robot, **{entry: np.full(len(robot.joint_names), value)})
    finding = checks()[check](wrong, xml)
    assert finding.state == state and text in finding.text
