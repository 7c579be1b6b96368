"""The robot as Gazebo gets it: the same joints and masses, its systems, and what stands for stiffness and damping."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pinocchio
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.gazebo_names import FLAVOURS, flavour
from optimus_nodes.robot.gazebo_table import bridge_table
from optimus_nodes.robot.gazebo_urdf import gazebo_urdf
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.rigid_body import rigid_body
from optimus_nodes.robot.ros2_control_urdf import COMMANDS, controllers, ros2_control_urdf

ROBOT, URDF = load_robot("optimus")


@pytest.fixture(scope="module")
def made() -> ElementTree.Element:
    return ElementTree.fromstring(gazebo_urdf(ROBOT, URDF, FLAVOURS["gz"]))


def texts(root: ElementTree.Element, plugin: str, tag: str) -> list[str]:
    """What a system is told under `tag`."""
    found = [p for p in root.iter("plugin") if p.get("name", "").endswith(plugin)]
    assert len(found) == 1
    return [element.text or "" for element in found[0].findall(tag)]


def test_the_controller_has_the_stiffness_and_home_of_every_joint(made: ElementTree.Element) -> None:
    controller = "::systems::JointTrajectoryController"
    assert texts(made, controller, "joint_name") == list(ROBOT.joint_names)
    assert np.array(texts(made, controller, "position_p_gain"), float) == pytest.approx(ROBOT.kp)
    assert np.array(texts(made, controller, "initial_position"), float) == pytest.approx(ROBOT.home)
    assert np.array(texts(made, controller, "position_cmd_max"), float) == pytest.approx(ROBOT.max_effort)
    assert texts(made, "::systems::JointStatePublisher", "joint_name") == list(ROBOT.joint_names)


def test_damping_is_the_joints_own_and_dry_friction_is_gone(made: ElementTree.Element) -> None:
    own = {j.get("name"): j.find("dynamics") for j in ElementTree.fromstring(URDF).findall("joint")}
    for k, name in enumerate(ROBOT.joint_names):
        dynamics = made.find(f"joint[@name='{name}']/dynamics")
        before = own[name].get("damping", "0") if own[name] is not None else "0"
        assert float(dynamics.get("damping")) == pytest.approx(ROBOT.kd[k] + float(before))
        assert dynamics.get("friction") == "0"


def test_a_motor_weighs_on_its_joint_and_the_robot_weighs_what_it_did(made: ElementTree.Element) -> None:
    """The diagonal of the mass matrix grows by the armature at least, and gravity stays what it is."""
    before, joints = rigid_body(ROBOT, URDF)
    text = ElementTree.tostring(made, encoding="unicode")
    after = pinocchio.buildModelFromXML(text)
    q = pinocchio.neutral(after)
    masses = [pinocchio.crba(model, model.createData(), q) for model in (before, after)]
    grown = np.diag(masses[1])[joints] - np.diag(masses[0])[joints]
    assert (grown >= ROBOT.armature - 1e-9).all()
    tips = [name for name in ROBOT.joint_names if name.endswith("_dip_joint")]
    assert grown[ROBOT.index(tips)] == pytest.approx(ROBOT.armature[ROBOT.index(tips)])
    weight = [pinocchio.computeGeneralizedGravity(model, model.createData(), q) for model in (before, after)]
    assert weight[0] == pytest.approx(weight[1], abs=1e-9)


def test_each_camera_looks_where_its_optical_frame_does(made: ElementTree.Element) -> None:
    from transforms3d.euler import euler2mat

    for camera in ROBOT.cameras:
        sensor = made.find(f"gazebo[@reference='{camera.frame}']/sensor[@type='camera']")
        turn = euler2mat(*(float(word) for word in sensor.findtext("pose").split()[3:]))
        assert turn[:, 0] == pytest.approx([0, 0, 1], abs=1e-6)  # forward is the optical frame's z
        assert turn[:, 2] == pytest.approx([0, -1, 0], abs=1e-6)  # up is against its y
        width, height = (int(sensor.findtext(f"camera/image/{side}")) for side in ("width", "height"))
        half = np.tan(float(sensor.findtext("camera/horizontal_fov")) / 2) * height / width
        assert np.degrees(2 * np.arctan(half)) == pytest.approx(camera.fovy_deg)


def test_each_pad_feels_and_stays_a_link_of_its_own(made: ElementTree.Element) -> None:
    for pad in ROBOT.tactile_pads:
        sensor = made.find(f"gazebo[@reference='{pad}']/sensor[@type='contact']")
        assert sensor.findtext("contact/collision") == f"{pad}_collision"
        joint = next(j.get("name") for j in made.findall("joint") if j.find("child").get("link") == pad)
        assert made.findtext(f"gazebo[@reference='{joint}']/preserveFixedJoint") == "true"


def reads_sdf() -> bool:
    """Whether libsdformat's command is there."""
    program = shutil.which(flavour().command[0])
    return program is not None and subprocess.run([program, "sdf", "--versions"], capture_output=True).returncode == 0


@pytest.mark.skipif(not reads_sdf(), reason="libsdformat's command, gz sdf or ign sdf, is not installed")
@pytest.mark.parametrize("base", ["fixed", "free"])
def test_libsdformat_reads_it_without_a_warning(base: str, tmp_path: Path) -> None:
    program = flavour().command[0]
    path = tmp_path / "robot.urdf"
    path.write_text(gazebo_urdf(ROBOT, URDF, flavour(), base))
    done = subprocess.run([program, "sdf", "-p", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if "backward.so" not in line]
    assert not said
    assert done.stdout.count("<joint name=") >= len(ROBOT.joint_names)


def test_bases_and_flavours_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="base 'flying' is not known; allowed: fixed, free"):
        gazebo_urdf(ROBOT, URDF, FLAVOURS["gz"], "flying")
    with pytest.raises(ConfigError, match="no flavour 'classic' of Gazebo"):
        flavour("classic")


def test_the_flavour_is_that_of_the_program_that_is_installed() -> None:
    assert flavour(find=lambda name: name if name == "ign" else None).package == "ignition.msgs"
    assert flavour(find=lambda name: name).package == "gz.msgs"
    assert flavour(find=lambda name: None).package == "gz.msgs"


def test_the_bridges_table_has_one_line_a_topic_for_any_number_of_joints(made: ElementTree.Element) -> None:
    table = bridge_table(ROBOT, FLAVOURS["gz"])
    assert len(table) == 4 + len(ROBOT.cameras) + len(ROBOT.tactile_pads)
    told = {element.text for element in made.iter("topic")}
    assert told <= {row["gz_topic_name"] for row in table}
    assert all(row["gz_type_name"].startswith("gz.msgs.") for row in table)
    assert [row["direction"] for row in table].count("ROS_TO_GZ") == 1


def test_ros2_control_gets_every_joint_with_its_limits() -> None:
    root = ElementTree.fromstring(ros2_control_urdf(ROBOT, URDF, "mock_components/GenericSystem"))
    system = root.find("ros2_control")
    assert [joint.get("name") for joint in system.findall("joint")] == list(ROBOT.joint_names)
    for k, joint in enumerate(system.findall("joint")):
        assert [c.get("name") for c in joint.findall("command_interface")] == list(COMMANDS)
        position = joint.find("command_interface[@name='position']")
        assert float(position.findtext("param[@name='min']")) == pytest.approx(ROBOT.lower[k])
        assert float(position.findtext("param[@name='max']")) == pytest.approx(ROBOT.upper[k])


def test_there_is_a_forward_controller_for_each_interface() -> None:
    settings = {"controller_manager": {"ros__parameters": {"update_rate": 500}}}
    made = controllers(ROBOT, settings, ("effort", "proportional"))
    manager = made["controller_manager"]["ros__parameters"]
    assert manager["update_rate"] == 500 and "position_controller" not in made
    for name in ("effort", "proportional"):
        own = made[f"{name}_controller"]["ros__parameters"]
        assert own == {"joints": list(ROBOT.joint_names), "interface_name": name}
        assert manager[f"{name}_controller"]["type"] == "forward_command_controller/ForwardCommandController"
    with pytest.raises(ConfigError, match="no command interface 'torque' here; there are position, velocity"):
        controllers(ROBOT, settings, ("torque",))
