"""The world that Gazebo starts with: light, floor, its systems, and the robot. Scenes are put into it later."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ..core.gazebo_names import WORLD, Flavour

STEP = 0.002  # s, as in the simulator of this project
_SYSTEMS = (
    ("physics", "Physics"),
    ("user-commands", "UserCommands"),
    ("scene-broadcaster", "SceneBroadcaster"),
    ("imu", "Imu"),
    ("contact", "Contact"),
)
_RENDERING = ("sensors", "Sensors")


def world_sdf(robot: Path, name: str, floor: float, flavour: Flavour, cameras: bool = True) -> str:
    """The SDF of a world with the robot of the URDF file `robot` as model `name`.

    Args: floor: its height in the base frame, m. cameras: they need a graphics card or Mesa.
    """
    root = ElementTree.Element("sdf", version="1.9")
    world = ElementTree.SubElement(root, "world", name=WORLD)
    physics = ElementTree.SubElement(world, "physics", name="step", type="dart")
    _text(physics, "max_step_size", f"{STEP:g}")
    _text(physics, "real_time_factor", "1")
    for file, kind in _SYSTEMS:
        ElementTree.SubElement(world, "plugin", flavour.system(file, kind))
    if cameras:
        _text(ElementTree.SubElement(world, "plugin", flavour.system(*_RENDERING)), "render_engine", "ogre2")
    light = ElementTree.SubElement(world, "light", name="lamp", type="directional")
    _text(light, "pose", "0.3 0 3 0 0 0")
    _text(light, "diffuse", "0.8 0.8 0.8 1")
    _text(light, "direction", "-0.3 0.2 -1")
    world.append(_floor(floor))
    include = ElementTree.SubElement(world, "include")
    _text(include, "uri", robot.as_uri())
    _text(include, "name", name)
    ElementTree.indent(root, space=" ")
    return ElementTree.tostring(root, encoding="unicode")


def _floor(height: float) -> ElementTree.Element:
    model = ElementTree.Element("model", name="floor")
    _text(model, "static", "true")
    _text(model, "pose", f"0 0 {height:.9g} 0 0 0")
    link = ElementTree.SubElement(model, "link", name="floor")
    for kind in ("collision", "visual"):
        shape = ElementTree.SubElement(link, kind, name=kind)
        plane = ElementTree.SubElement(ElementTree.SubElement(shape, "geometry"), "plane")
        _text(plane, "normal", "0 0 1")
        _text(plane, "size", "8 8")
        if kind == "visual":
            _text(ElementTree.SubElement(shape, "material"), "diffuse", "0.72 0.74 0.76 1")
    return model


def _text(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text
