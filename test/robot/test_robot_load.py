"""Reading a robot: what its yaml and URDF must say, and the text of every complaint."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.robot.description import stable_text
from optimus_nodes.robot.load import COLUMNS, load_robot, read_robot
from optimus_nodes.robot.share import share_path

pytestmark = pytest.mark.promise("P13")

XACRO = """<?xml version="1.0"?>
<robot name="twig" xmlns:xacro="http://www.ros.org/wiki/xacro">
  <link name="base_link"/> <link name="arm"/> <link name="eye"/>
  <joint name="arm_joint" type="revolute">
    <parent link="base_link"/> <child link="arm"/> <axis xyz="0 1 0"/>
    <limit lower="-1" upper="${0.5*4}" effort="5" velocity="3"/>
  </joint>
  <joint name="eye_mount" type="fixed"><parent link="arm"/> <child link="eye"/></joint>
</robot>
"""
CAMERA = {"name": "head", "frame": "eye", "width": 64, "height": 48, "rate_hz": 20, "fovy_deg": 60}
ROW = ["arm_joint", "arm", 10, 1, 20, 0.01, 0.5]


class Twig:
    """A robot of one joint whose files a test can spoil."""

    def __init__(self, folder) -> None:
        self.folder, self.xacro = folder, XACRO
        self.data = {
            "urdf": "twig.urdf.xacro",
            "push_time": 0.004,
            "columns": list(COLUMNS),
            "joints": [list(ROW)],
            "groups": {"all": ["arm"]},
            "cameras": [dict(CAMERA)],
            "tactile_pads": ["arm"],
            "imu_frame": "base_link",
        }

    def load(self):
        (self.folder / "twig.urdf.xacro").write_text(self.xacro)
        (self.folder / "twig.yaml").write_text(yaml.safe_dump(self.data))
        return read_robot("twig", self.folder / "twig.yaml", urdf_root=self.folder)

    def complains(self, text: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(text)):
            self.load()


@pytest.fixture
def twig(tmp_path):
    return Twig(tmp_path)


def test_a_good_robot_is_read_with_limits_of_the_urdf_and_gains_of_the_yaml(twig):
    robot, urdf = twig.load()
    assert robot.joint_names == ("arm_joint",)
    assert (robot.lower, robot.upper, robot.max_effort, robot.max_velocity) == (-1.0, 2.0, 5.0, 3.0)
    assert (robot.kp, robot.kd, robot.max_acceleration, robot.armature, robot.home) == (10, 1, 20, 0.01, 0.5)
    assert robot.groups == {"arm": ("arm_joint",), "all": ("arm_joint",)}
    assert robot.urdf_sha256 == hashlib.sha256(urdf.encode()).hexdigest()


def test_optimus_loads_with_its_groups_cameras_and_pads():
    robot, _ = load_robot("optimus")
    sizes = {name: len(joints) for name, joints in robot.groups.items()}
    assert sizes == {
        "neck": 2, "waist": 2, "left_arm": 6, "right_arm": 6, "left_leg": 6, "right_leg": 6,
        "left_hand": 22, "right_hand": 22, "arms": 12, "hands": 44, "upper_body": 60,
    }  # fmt: skip
    assert [(c.name, c.width, c.height, c.rate_hz) for c in robot.cameras] == [
        ("head", 640, 480, 20.0), ("wrist_left", 320, 240, 20.0), ("wrist_right", 320, 240, 20.0),
    ]  # fmt: skip
    assert len(robot.tactile_pads) == 12
    assert all(pad.startswith("left_") for pad in robot.tactile_pads[:6])
    assert np.all((robot.lower < robot.upper) & (robot.max_effort > 0) & (robot.kd > 0) & (robot.armature > 0))


def test_the_hash_does_not_see_comments_blanks_attribute_order_or_number_style():
    one = '<robot name="a"><!-- note --><link name="b" x="1.50 -0.0"/></robot>'
    other = '<robot name="a">\n  <link x="1.5 0" name="b"></link>\n</robot>'
    assert stable_text(one) == stable_text(other)
    assert stable_text(one) != stable_text(one.replace("1.50", "1.51"))


def test_an_unknown_robot_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"no robot 'atlas'; config/robots has \[.*'optimus'.*\]"):
        load_robot("atlas")


def test_a_missing_file_is_named_with_the_folders_looked_in():
    with pytest.raises(ConfigError, match="config/no.yaml is not part of optimus_humanoid; looked in /"):
        share_path("config/no.yaml")


def test_files_of_an_installed_package_are_found(tmp_path, monkeypatch):
    file = tmp_path / "share" / "optimus_humanoid" / "config" / "only_installed.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    assert share_path("config/only_installed.yaml") == file


def test_a_joint_that_the_urdf_lacks_is_named_with_both_files(twig):
    twig.data["joints"].append(["leg_joint", *ROW[1:]])
    twig.complains(f"twig.yaml has joint 'leg_joint', but {twig.folder}/twig.urdf.xacro has no such joint")


def test_a_joint_that_the_yaml_lacks_is_named_with_both_files(twig):
    twig.data["joints"] = []
    twig.complains("twig.urdf.xacro has joint 'arm_joint', but")


def test_home_outside_the_limits_is_refused_with_the_limits(twig):
    twig.data["joints"][0][6] = 2.5
    twig.complains("home of joint 'arm_joint' is 2.5 rad")
    twig.complains("outside its limits -1.0 to 2.0 rad")


@pytest.mark.parametrize(("column", "value"), [(2, -1), (3, "stiff"), (4, float("inf")), (5, True)])
def test_a_number_that_is_none_is_refused(twig, column, value):
    twig.data["joints"][0][column] = value
    twig.complains(f"{COLUMNS[column]} of joint 'arm_joint' is {value!r}, it must be a number >= 0")


def test_home_that_is_no_number_is_refused(twig):
    twig.data["joints"][0][6] = "up"
    twig.complains("home of joint 'arm_joint' is 'up', it must be a number")


def test_no_acceleration_is_refused(twig):
    twig.data["joints"][0][4] = 0
    twig.complains("max_acceleration of joint 'arm_joint' is 0, it must be above 0")


def test_the_jerk_limit_comes_from_the_time_to_push(twig):
    robot, _ = twig.load()
    assert robot.max_jerk == pytest.approx(20.0 / 0.004)
    for push_time in (0.0, -0.004, 0.2):
        twig.data["push_time"] = push_time
        twig.complains(f"push_time is {push_time} s, it must be above 0 and at most 0.1")


def test_a_row_of_the_wrong_length_is_refused(twig):
    twig.data["joints"][0].pop()
    twig.complains("must have 7 values, one for each of columns")


def test_other_columns_are_refused(twig):
    twig.data["columns"][2] = "stiffness"
    twig.complains("they must be ['name', 'group', 'kp'")


def test_a_joint_listed_twice_is_refused(twig):
    twig.data["joints"] *= 2
    twig.complains("twig.yaml has joint 'arm_joint' twice")


def test_an_unknown_camera_frame_is_refused(twig):
    twig.data["cameras"][0]["frame"] = "nose"
    twig.complains("frame of camera 'head' is 'nose', but the URDF has no such link")


def test_two_cameras_of_one_name_are_refused(twig):
    twig.data["cameras"] *= 2
    twig.complains("twig.yaml has camera 'head' twice")


def test_a_camera_without_pixels_is_refused(twig):
    twig.data["cameras"][0]["width"] = 0
    twig.complains("camera 'head' has 0x48 pixels, 20.0 Hz, fovy 60.0 degrees")


def test_a_missing_camera_entry_is_named(twig):
    del twig.data["cameras"][0]["fovy_deg"]
    twig.complains("a camera: entry 'fovy_deg' is missing")


def test_an_unknown_pad_link_is_refused(twig):
    twig.data["tactile_pads"] = ["paw"]
    twig.complains("tactile pad 'paw' is 'paw', but the URDF has no such link")


def test_a_pad_listed_twice_is_refused(twig):
    twig.data["tactile_pads"] *= 2
    twig.complains("twig.yaml has tactile pad 'arm' twice")


def test_an_unknown_imu_frame_is_refused(twig):
    twig.data["imu_frame"] = "hip"
    twig.complains("imu_frame is 'hip', but the URDF has no such link")


def test_a_group_of_unknown_groups_is_refused(twig):
    twig.data["groups"]["all"] = ["wings"]
    twig.complains("group 'all' has part 'wings', known groups are ['arm']")


def test_a_group_named_twice_is_refused(twig):
    twig.data["groups"]["arm"] = ["arm"]
    twig.complains("group 'arm' is both composed and in the group column")


def test_a_group_that_is_no_list_is_refused(twig):
    twig.data["groups"]["all"] = "arm"
    twig.complains("group 'all' must be a list of group names, it is 'arm'")


def test_a_missing_entry_is_named(twig):
    del twig.data["imu_frame"]
    twig.complains("entry 'imu_frame' is missing")


def test_an_unknown_entry_is_named(twig):
    twig.data["wheels"] = 4
    twig.complains("entry 'wheels' is unknown")


def test_an_entry_of_the_wrong_type_is_named(twig):
    twig.data["tactile_pads"] = "arm"
    twig.complains("tactile_pads is 'arm', it must be of type list")


def test_yaml_that_is_none_is_refused(twig):
    twig.load()
    (twig.folder / "twig.yaml").write_text("joints: [")
    with pytest.raises(ConfigError, match="twig.yaml is not YAML"):
        read_robot("twig", twig.folder / "twig.yaml", urdf_root=twig.folder)


def test_a_urdf_that_is_not_there_is_named(twig):
    twig.data["urdf"] = "branch.urdf.xacro"
    twig.complains("names the urdf 'branch.urdf.xacro', but")


def test_xacro_that_cannot_be_expanded_is_refused(twig):
    twig.xacro = XACRO.replace("0.5*4", "0.5*length")
    twig.complains("twig.urdf.xacro cannot be expanded")


def test_two_joints_of_one_name_in_the_urdf_are_refused(twig):
    twig.xacro = XACRO.replace("eye_mount", "arm_joint")
    twig.complains("twig.urdf.xacro has joint 'arm_joint' twice")


def test_two_links_of_one_name_in_the_urdf_are_refused(twig):
    twig.xacro = XACRO.replace('<link name="eye"/>', '<link name="eye"/> <link name="arm"/>')
    twig.complains("twig.urdf.xacro has link 'arm' twice")


def test_a_joint_without_limits_is_refused(twig):
    twig.xacro = XACRO.replace('"revolute"', '"continuous"')
    twig.complains("joint 'arm_joint' in")
    twig.complains("must be revolute with limits, it is 'continuous'")


def test_limits_the_wrong_way_round_are_refused(twig):
    twig.xacro = XACRO.replace('lower="-1"', 'lower="3"')
    twig.complains("has lower 3.0, upper 2.0, effort 5.0, velocity 3.0; lower must be below upper")


def test_a_limit_that_is_no_number_is_refused(twig):
    twig.xacro = XACRO.replace('effort="5"', 'effort="strong"')
    twig.complains("effort of joint 'arm_joint' is 'strong', it must be a number")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["arm", "eye", "arm_joint"]),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(["urdf", "columns", "joints", "groups", "cameras", "tactile_pads", "imu_frame"]), value=ANYTHING
)
def test_whatever_a_yaml_entry_holds_it_loads_or_is_refused(tmp_path, key, value):
    spoiled = Twig(tmp_path)
    spoiled.data[key] = value
    try:
        spoiled.load()
    except ConfigError:
        pass
