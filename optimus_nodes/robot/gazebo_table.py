"""The table of `ros_gz_bridge` for a robot in Gazebo, made of its description.

Nothing here needs that bridge; it is for programs that want Gazebo's own messages on topics (docs/gazebo.md).
"""

from __future__ import annotations

from ..core.gazebo_names import (
    WORLD,
    Flavour,
    camera_topic,
    contact_topic,
    imu_topic,
    joint_state_topic,
    trajectory_topic,
)
from ..core.robot import RobotSpec

_FROM, _TO = "GZ_TO_ROS", "ROS_TO_GZ"


def bridge_table(robot: RobotSpec, flavour: Flavour) -> list[dict[str, str]]:
    """One entry a topic, as `ros_gz_bridge` reads them from its `config_file`."""
    name, trajectory = robot.name, "JointTrajectory"
    rows = [
        (f"/world/{WORLD}/clock", "/clock", "Clock", "rosgraph_msgs/msg/Clock", _FROM),
        (joint_state_topic(name), "gazebo/joint_states", "Model", "sensor_msgs/msg/JointState", _FROM),
        (trajectory_topic(name), "gazebo/joint_trajectory", trajectory, f"trajectory_msgs/msg/{trajectory}", _TO),
        (imu_topic(name), "gazebo/imu", "IMU", "sensor_msgs/msg/Imu", _FROM),
    ]
    rows += [
        (camera_topic(name, camera.name), f"gazebo/{camera.name}/image_raw", "Image", "sensor_msgs/msg/Image", _FROM)
        for camera in robot.cameras
    ]
    rows += [
        (contact_topic(name, pad), f"gazebo/touch/{pad}", "Contacts", "ros_gz_interfaces/msg/Contacts", _FROM)
        for pad in robot.tactile_pads
    ]
    keys = ("gz_topic_name", "ros_topic_name", "gz_type_name", "ros_type_name", "direction")
    return [
        dict(zip(keys, (gz, ros, f"{flavour.package}.{kind}", ros_kind, way))) for gz, ros, kind, ros_kind, way in rows
    ]
