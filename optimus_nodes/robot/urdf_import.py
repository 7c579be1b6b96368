"""Makes of anyone's URDF one that stands on its own: boxes for meshes, revolute joints with limits, sound inertias.

Whatever had to be changed or guessed is noted in a sentence that says where.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core.errors import ConfigError
from ..core.values import Array
from .description import expand

BASE = "base_link"
_TURN = math.pi  # rad to either side: what a joint without an end may turn
_EFFORT, _VELOCITY = 10.0, 2.0  # N·m, rad/s: of a joint whose URDF names none
_GRAM = 1e-3  # kg
_SHELL = "0.75 0.76 0.78 1"


@dataclass
class Imported:
    """`xml`: the URDF. `notes`: what a person should look at."""

    xml: str
    notes: list[str] = field(default_factory=list)


def import_urdf(path: Path, packages: Sequence[Path] = ()) -> Imported:
    """Read the URDF or xacro at `path`. `packages`: folders in which the packages of `package://` meshes lie.

    Raises: ConfigError when it cannot be read, or a mesh of a collision shape is nowhere.
    """
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    root = ElementTree.fromstring(expand(path))
    made = ElementTree.Element("robot", name=root.get("name", path.stem))
    notes: list[str] = []
    meshes = _Meshes(path, packages)
    for link in root.findall("link"):
        made.append(_link(link, meshes, notes))
    for joint in root.findall("joint"):
        made.append(_joint(joint, notes))
    _give_it_a_base(made)
    _weigh(made, notes)
    ElementTree.indent(made, space="  ")
    return Imported(ElementTree.tostring(made, encoding="unicode") + "\n", notes)


class _Meshes:
    """Where meshes are, and how large."""

    def __init__(self, urdf: Path, packages: Sequence[Path]) -> None:
        self._urdf, self._folders = urdf, [*packages, *urdf.resolve().parents]

    def box(self, mesh: ElementTree.Element) -> tuple[Array, Array]:
        """Centre and edges, both (3,) m, of the box round a mesh, along the axes of its own frame."""
        import coal

        scale = np.array([float(word) for word in (mesh.get("scale") or "1 1 1").split()])
        shape = coal.MeshLoader().load(str(self._find(mesh.get("filename", ""))), scale)
        shape.computeLocalAABB()
        least, most = np.array(shape.aabb_local.min_), np.array(shape.aabb_local.max_)
        return (least + most) / 2.0, np.maximum(most - least, 1e-3)

    def _find(self, name: str) -> Path:
        scheme, colon, rest = name.partition("://")
        if not colon:
            candidates: Iterable[Path] = [self._urdf.parent / name]
        elif scheme == "package":
            candidates = [folder / rest.lstrip("/") for folder in self._folders]
        else:
            candidates = [Path(rest)]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise ConfigError(f"{self._urdf} names the mesh {name}, which is nowhere; give the folder of its package")


def _link(link: ElementTree.Element, meshes: _Meshes, notes: list[str]) -> ElementTree.Element:
    made = ElementTree.Element("link", name=link.get("name", ""))
    inertial = link.find("inertial")
    if inertial is not None:
        made.append(inertial)
    shapes = link.findall("collision")
    if not shapes and link.find("visual") is not None:
        notes.append(f"link {made.get('name')} has no collision shape: nothing will notice that it hits something")
    for collision in shapes:
        origin, geometry = _primitive(collision, meshes)
        for kind in ("collision", "visual"):
            element = ElementTree.SubElement(made, kind)
            element.extend([origin, geometry])
            if kind == "visual":
                ElementTree.SubElement(ElementTree.SubElement(element, "material", name="shell"), "color", rgba=_SHELL)
    return made


def _primitive(shape: ElementTree.Element, meshes: _Meshes) -> tuple[ElementTree.Element, ElementTree.Element]:
    """Origin and geometry of a shape, a mesh being replaced by the box round it."""
    origin, geometry = shape.find("origin"), shape.find("geometry")
    if geometry is None:
        raise ConfigError("a collision shape has no geometry")
    origin = ElementTree.Element("origin", xyz="0 0 0", rpy="0 0 0") if origin is None else origin
    mesh = geometry.find("mesh")
    if mesh is None:
        return origin, geometry
    centre, edges = meshes.box(mesh)
    place = _numbers(origin.get("xyz")) + _rotation(_numbers(origin.get("rpy"))) @ centre
    made = ElementTree.Element("geometry")
    ElementTree.SubElement(made, "box", size=_text(edges))
    return ElementTree.Element("origin", xyz=_text(place), rpy=origin.get("rpy") or "0 0 0"), made


def _joint(joint: ElementTree.Element, notes: list[str]) -> ElementTree.Element:
    name, kind, limit = joint.get("name", ""), joint.get("type", ""), joint.find("limit")
    made = ElementTree.Element("joint", name=name, type="revolute")
    made.extend([e for e in map(joint.find, ("origin", "parent", "child", "axis", "dynamics")) if e is not None])
    values = {key: _number(limit.get(key)) if limit is not None else 0.0 for key in ("lower", "upper")}
    if kind == "continuous":
        values = {"lower": -_TURN, "upper": _TURN}
        notes.append(f"joint {name} turns without end; it was given limits of -{_TURN:.2f} and {_TURN:.2f} rad")
    if kind == "fixed" or joint.find("mimic") is not None or kind not in ("revolute", "continuous"):
        if kind != "fixed":
            why = "follows another joint" if joint.find("mimic") is not None else f"is {kind}"
            notes.append(f"joint {name} {why}, which is not known here; it was fixed")
        return _fixed(made)
    if values["lower"] >= values["upper"]:
        notes.append(f"joint {name} has limits {values['lower']:g} to {values['upper']:g} rad; it was fixed")
        return _fixed(made)
    for key, guess, unit in (("effort", _EFFORT, "N·m"), ("velocity", _VELOCITY, "rad/s")):
        values[key] = _number(limit.get(key)) if limit is not None else 0.0
        if not (0.0 < values[key] < 1e4):
            notes.append(f"joint {name} has {key} {values[key]:g}; {guess:g} {unit} were taken instead")
            values[key] = guess
    ElementTree.SubElement(made, "limit", {key: f"{value:.12g}" for key, value in values.items()})
    return made


def _fixed(joint: ElementTree.Element) -> ElementTree.Element:
    joint.set("type", "fixed")
    for tag in ("axis", "dynamics"):
        for element in joint.findall(tag):
            joint.remove(element)
    return joint


def _give_it_a_base(robot: ElementTree.Element) -> None:
    """A link `base_link` above all others, where the robot has none."""
    links = [link.get("name", "") for link in robot.findall("link")]
    below = {child.get("link") for child in robot.iter("child")}
    tops = [name for name in links if name not in below]
    if len(tops) != 1:
        raise ConfigError(f"the URDF has {len(tops)} links that hang on no joint ({', '.join(tops)}); it must be one")
    if tops[0] == BASE:
        return
    if BASE in links:
        raise ConfigError(f"the link {BASE} hangs below {tops[0]}; here it must be the one all others hang on")
    robot.insert(0, ElementTree.Element("link", name=BASE))
    joint = ElementTree.SubElement(robot, "joint", name="base_joint", type="fixed")
    ElementTree.SubElement(joint, "parent", link=BASE)
    ElementTree.SubElement(joint, "child", link=tops[0])


def _weigh(robot: ElementTree.Element, notes: list[str]) -> None:
    """Mass and a possible inertia for every link that moves."""
    moving = {j.find("child").get("link") for j in robot.findall("joint") if j.get("type") == "revolute"}  # type: ignore[union-attr]
    for link in robot.findall("link"):
        name, inertial = link.get("name", ""), link.find("inertial")
        if inertial is None:
            if name in moving:
                notes.append(f"link {name} moves and weighs nothing; it was given {_GRAM * 1e3:g} g")
                _inertial(link, _GRAM, np.eye(3) * _ball(_GRAM))
            continue
        mass, inertia = _number(_attribute(inertial, "mass", "value")), _inertia(inertial)
        least, middle, most = np.linalg.eigvalsh(inertia)
        if mass > 0.0 and least > 0.0 and least + middle >= most * (1 - 1e-6):
            continue
        if mass <= 0.0 and name not in moving:
            link.remove(inertial)
            continue
        ball = _ball(max(mass, _GRAM))
        notes.append(
            f"link {name} of {mass:g} kg has principal inertias {least:.3g}, {middle:.3g}, {most:.3g} kg·m², which no "
            f"body has; that of a ball of water was taken, {ball:.3g}"
        )
        origin = inertial.find("origin")
        link.remove(inertial)
        _inertial(link, max(mass, _GRAM), np.eye(3) * ball, origin)


def _ball(mass: float) -> float:
    """Moment of inertia of a ball of water of that mass, kg·m²: 2/5 m r²."""
    return float(0.4 * mass * (3.0 * mass / (4.0 * math.pi * 1000.0)) ** (2.0 / 3.0))


def _inertial(
    link: ElementTree.Element, mass: float, inertia: Array, origin: ElementTree.Element | None = None
) -> None:
    made = ElementTree.SubElement(link, "inertial")
    if origin is not None:
        made.append(origin)
    ElementTree.SubElement(made, "mass", value=f"{mass:.12g}")
    entries = {"ixx": (0, 0), "ixy": (0, 1), "ixz": (0, 2), "iyy": (1, 1), "iyz": (1, 2), "izz": (2, 2)}
    ElementTree.SubElement(made, "inertia", {key: f"{inertia[at]:.12g}" for key, at in entries.items()})


def _inertia(inertial: ElementTree.Element) -> Array:
    xx, xy, xz, yy, yz, zz = (
        _number(_attribute(inertial, "inertia", key)) for key in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
    )
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _attribute(element: ElementTree.Element, tag: str, key: str) -> str | None:
    found = element.find(tag)
    return None if found is None else found.get(key)


def _number(text: str | None) -> float:
    try:
        value = float(text or 0.0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _numbers(text: str | None) -> Array:
    return np.array([float(word) for word in (text or "0 0 0").split()])


def _text(values: Array) -> str:
    return " ".join(f"{value:.6g}" for value in values)


def _rotation(rpy: Array) -> Array:
    """Roll, pitch and yaw of URDF: about the fixed axes x, y and z, one after the other."""
    from transforms3d.euler import euler2mat

    matrix: Array = euler2mat(*rpy, axes="sxyz")
    return matrix
