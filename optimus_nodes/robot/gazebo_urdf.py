"""A robot's URDF as Gazebo needs it: with the systems that move and measure it, made of its description alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from math import atan, pi, radians, tan

import numpy as np
from transforms3d.euler import euler2mat

from ..core.errors import ConfigError
from ..core.gazebo_names import Flavour, camera_topic, contact_topic, imu_topic, joint_state_topic, trajectory_topic
from ..core.robot import CameraSpec, RobotSpec
from ..core.values import Array

BASE, _GRIP = "base_link", "1.2"
_INERTIA = {"ixx": (0, 0), "ixy": (0, 1), "ixz": (0, 2), "iyy": (1, 1), "iyz": (1, 2), "izz": (2, 2)}
_RATE = "100"  # Hz of IMU and touch
# From an optical frame (z forward, y down) to a sensor's (x forward, z up): roll, pitch, yaw in rad.
_OPTICAL = f"0 0 0 {pi / 2:.9f} {-pi / 2:.9f} 0"


def gazebo_urdf(robot: RobotSpec, urdf: str, flavour: Flavour, base: str = "fixed") -> str:
    """The URDF with Gazebo's extensions. `base`: "fixed" to the world, or "free".

    Joints get the damping kd of the robot beside their own; their stiffness kp is in the controller, which first goes
    to the home posture. Raises: ConfigError on another `base`.
    """
    if base not in ("fixed", "free"):
        raise ConfigError(f"base {base!r} is not known; allowed: fixed, free")
    root = ElementTree.fromstring(urdf)
    order = {name: k for k, name in enumerate(robot.joint_names)}
    links = {link.get("name", ""): link for link in root.findall("link")}
    fixed_to: dict[str, str] = {}
    for joint in root.findall("joint"):
        name, child = joint.get("name", ""), _child(joint)
        if name in order:
            _damp(joint, robot.kd[order[name]])
            _weigh_motor(joint, links[child], robot.armature[order[name]])
        else:
            fixed_to[child] = name
    if base == "fixed":
        ElementTree.SubElement(root, "link", name="world")
        weld = ElementTree.SubElement(root, "joint", name="world_to_base", type="fixed")
        ElementTree.SubElement(weld, "parent", link="world")
        ElementTree.SubElement(weld, "child", link=BASE)
    systems = ElementTree.SubElement(root, "gazebo")
    _joint_states(systems, robot, flavour)
    _controller(systems, robot, flavour)
    _imu(root, robot)
    for camera in robot.cameras:
        _camera(root, robot, camera)
    for pad in robot.tactile_pads:
        _touch(root, robot, pad, fixed_to.get(pad, ""))
    ElementTree.indent(root, space=" ")
    return ElementTree.tostring(root, encoding="unicode")


def _child(joint: ElementTree.Element) -> str:
    child = joint.find("child")
    return "" if child is None else child.get("link", "")


def _damp(joint: ElementTree.Element, kd: float) -> None:
    """Damping that Gazebo integrates implicitly. Dry friction goes: DART makes a constraint of it for each joint."""
    dynamics = joint.find("dynamics")
    if dynamics is None:
        dynamics = ElementTree.SubElement(joint, "dynamics")
    dynamics.set("damping", f"{float(dynamics.get('damping', '0')) + kd:.9g}")
    dynamics.set("friction", "0")


def _weigh_motor(joint: ElementTree.Element, link: ElementTree.Element, armature: float) -> None:
    """Add the inertia that a joint feels of its motor to the link it turns, as a thin disc around the joint's axis.

    SDF has no word for it, and without it fingers are so light that contacts stop them with no force.
    """
    inertia = link.find("inertial/inertia")
    if inertia is None or armature == 0.0:
        return
    along = _numbers(joint.find("axis"), "xyz", "1 0 0")
    turn = euler2mat(*_numbers(link.find("inertial/origin"), "rpy", "0 0 0"))
    along = turn.T @ along / np.linalg.norm(along)
    disc = armature / 2.0 * (np.eye(3) + np.outer(along, along))
    for name, (row, column) in _INERTIA.items():
        inertia.set(name, f"{float(inertia.get(name, '0')) + disc[row, column]:.9g}")


def _numbers(element: ElementTree.Element | None, name: str, default: str) -> Array:
    text = default if element is None else element.get(name, default)
    return np.array([float(word) for word in text.split()])


def _joint_states(systems: ElementTree.Element, robot: RobotSpec, flavour: Flavour) -> None:
    plugin = ElementTree.SubElement(systems, "plugin", flavour.system("joint-state-publisher", "JointStatePublisher"))
    _fill(plugin, {"topic": joint_state_topic(robot.name)})
    for name in robot.joint_names:
        _fill(plugin, {"joint_name": name})


def _controller(systems: ElementTree.Element, robot: RobotSpec, flavour: Flavour) -> None:
    kind = flavour.system("joint-trajectory-controller", "JointTrajectoryController")
    plugin = ElementTree.SubElement(systems, "plugin", kind)
    _fill(plugin, {"topic": trajectory_topic(robot.name)})
    for k, name in enumerate(robot.joint_names):
        effort = f"{robot.max_effort[k]:.9g}"
        _fill(
            plugin,
            {
                "joint_name": name,
                "initial_position": f"{robot.home[k]:.9g}",
                "position_p_gain": f"{robot.kp[k]:.9g}",
                "position_cmd_min": f"-{effort}",
                "position_cmd_max": effort,
            },
        )


def _imu(root: ElementTree.Element, robot: RobotSpec) -> None:
    sensor = _sensor(root, robot.imu_frame, "imu", "imu")
    _fill(sensor, {"always_on": "1", "update_rate": _RATE, "topic": imu_topic(robot.name)})


def _camera(root: ElementTree.Element, robot: RobotSpec, camera: CameraSpec) -> None:
    sensor = _sensor(root, camera.frame, camera.name, "camera")
    _fill(sensor, {"pose": _OPTICAL, "always_on": "1", "update_rate": f"{camera.rate_hz:g}"})
    _fill(sensor, {"topic": camera_topic(robot.name, camera.name)})
    # Gazebo wants the horizontal field of view of square pixels.
    width = 2.0 * atan(tan(radians(camera.fovy_deg) / 2.0) * camera.width / camera.height)
    lens = ElementTree.SubElement(sensor, "camera")
    _fill(lens, {"horizontal_fov": f"{width:.9g}", "optical_frame_id": camera.frame})
    _fill(ElementTree.SubElement(lens, "image"), {"width": str(camera.width), "height": str(camera.height)})
    _fill(ElementTree.SubElement(lens, "clip"), {"near": "0.01", "far": "20"})


def _touch(root: ElementTree.Element, robot: RobotSpec, pad: str, joint: str) -> None:
    """The pad stays a link of its own, so that its contacts are its own."""
    if joint:
        keep = ElementTree.SubElement(root, "gazebo", reference=joint)
        _fill(keep, {"preserveFixedJoint": "true"})
    _fill(ElementTree.SubElement(root, "gazebo", reference=pad), {"mu1": _GRIP, "mu2": _GRIP})
    sensor = _sensor(root, pad, pad, "contact")
    _fill(sensor, {"always_on": "1", "update_rate": _RATE})
    contact = ElementTree.SubElement(sensor, "contact")
    _fill(contact, {"collision": f"{pad}_collision", "topic": contact_topic(robot.name, pad)})


def _sensor(root: ElementTree.Element, link: str, name: str, kind: str) -> ElementTree.Element:
    holder = ElementTree.SubElement(root, "gazebo", reference=link)
    return ElementTree.SubElement(holder, "sensor", name=name, type=kind)


def _fill(parent: ElementTree.Element, texts: Mapping[str, str]) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = text

