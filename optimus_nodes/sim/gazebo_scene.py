"""A scene of the simulator as SDF, for Gazebo: the same bodies, masses, frictions and places, by the same seed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass

import mujoco
from transforms3d.euler import quat2euler

from ..core.values import Array
from .world import SimWorld

_SDF = "1.9"
_UNUSED = -2.0  # m: what is under the floor waits for another scene
_ROBOT = "base_link"


@dataclass(frozen=True)
class Placed:
    """One model: `name`, and its SDF with its pose in it."""

    name: str
    sdf: str


def scene_models(world: SimWorld) -> list[Placed]:
    """Everything of the scene as it lies now, one model for each thing that stands by itself; no robot, no floor."""
    model = world.model
    own = [b for b in range(1, model.nbody) if model.body_parentid[b] == 0 and model.body(b).name != _ROBOT]
    return [Placed(model.body(b).name, _document(_model(world, b))) for b in own if world.data.xpos[b, 2] > _UNUSED]


def _document(*elements: ElementTree.Element) -> str:
    root = ElementTree.Element("sdf", version=_SDF)
    root.extend(elements)
    ElementTree.indent(root, space=" ")
    return ElementTree.tostring(root, encoding="unicode")


def _model(world: SimWorld, top: int) -> ElementTree.Element:
    model = world.model
    made = ElementTree.Element("model", name=model.body(top).name)
    bodies = [b for b in range(1, model.nbody) if model.body_rootid[b] == model.body_rootid[top]]
    loose = model.body_jntnum[top] > 0 and model.jnt_type[model.body_jntadr[top]] == mujoco.mjtJoint.mjJNT_FREE
    if len(bodies) == 1 and not loose:
        _text(made, "static", "true")
    for body in bodies:
        made.append(_link(world, body, loose or body != top))
    if len(bodies) > 1:
        made.append(_joint("to_the_world", "fixed", "world", model.body(top).name))
    for body in bodies[1:]:
        made.append(_slide(world, body))
    return made


def _link(world: SimWorld, body: int, moves: bool) -> ElementTree.Element:
    model, data = world.model, world.data
    made = ElementTree.Element("link", name=model.body(body).name)
    _text(made, "pose", _pose(data.xpos[body], data.xquat[body]))
    if moves:
        inertial = ElementTree.SubElement(made, "inertial")
        _text(inertial, "pose", _pose(model.body_ipos[body], model.body_iquat[body]))
        _text(inertial, "mass", f"{model.body_mass[body]:.9g}")
        inertia = ElementTree.SubElement(inertial, "inertia")
        for name, value in zip(("ixx", "iyy", "izz"), model.body_inertia[body]):
            _text(inertia, name, f"{value:.9g}")
        for name in ("ixy", "ixz", "iyz"):
            _text(inertia, name, "0")
    for geom in range(model.body_geomadr[body], model.body_geomadr[body] + model.body_geomnum[body]):
        if model.geom_contype[geom] or model.geom_conaffinity[geom]:
            made.append(_shape(model, geom, "collision"))
        if model.geom_group[geom] < 3:
            made.append(_shape(model, geom, "visual"))
    return made


def _shape(model: mujoco.MjModel, geom: int, kind: str) -> ElementTree.Element:
    made = ElementTree.Element(kind, name=f"{model.geom(geom).name}_{kind}")
    _text(made, "pose", _pose(model.geom_pos[geom], model.geom_quat[geom]))
    made.append(_geometry(model.geom_type[geom], model.geom_size[geom]))
    if kind == "collision":
        ode = ElementTree.SubElement(ElementTree.SubElement(ElementTree.SubElement(made, "surface"), "friction"), "ode")
        for name in ("mu", "mu2"):
            _text(ode, name, f"{model.geom_friction[geom, 0]:.9g}")
    else:
        material = ElementTree.SubElement(made, "material")
        for name in ("ambient", "diffuse"):
            _text(material, name, _numbers(model.geom_rgba[geom]))
    return made


def _geometry(kind: int, size: Array) -> ElementTree.Element:
    """MuJoCo's half lengths as SDF's whole ones."""
    made = ElementTree.Element("geometry")
    names = {
        mujoco.mjtGeom.mjGEOM_BOX: ("box", {"size": _numbers(2.0 * size)}),
        mujoco.mjtGeom.mjGEOM_SPHERE: ("sphere", {"radius": f"{size[0]:.9g}"}),
        mujoco.mjtGeom.mjGEOM_CYLINDER: ("cylinder", {"radius": f"{size[0]:.9g}", "length": f"{2.0 * size[1]:.9g}"}),
        mujoco.mjtGeom.mjGEOM_CAPSULE: ("capsule", {"radius": f"{size[0]:.9g}", "length": f"{2.0 * size[1]:.9g}"}),
        mujoco.mjtGeom.mjGEOM_ELLIPSOID: ("ellipsoid", {"radii": _numbers(size)}),
    }
    tag, texts = names[mujoco.mjtGeom(kind)]
    shape = ElementTree.SubElement(made, tag)
    for name, text in texts.items():
        _text(shape, name, text)
    return made


def _slide(world: SimWorld, body: int) -> ElementTree.Element:
    """What slides in the link it hangs from, starting where it is now; without a joint it is fixed there."""
    model = world.model
    parent, child = model.body(model.body_parentid[body]).name, model.body(body).name
    if not model.body_jntnum[body]:
        return _joint(f"{child}_mount", "fixed", parent, child)
    joint = model.body_jntadr[body]
    at, (lower, upper) = world.data.qpos[model.jnt_qposadr[joint]], model.jnt_range[joint]
    made = _joint(model.joint(joint).name, "prismatic", parent, child)
    axis = ElementTree.SubElement(made, "axis")
    _text(axis, "xyz", _numbers(model.jnt_axis[joint]))
    limit = ElementTree.SubElement(axis, "limit")
    _text(limit, "lower", f"{lower - at:.9g}")
    _text(limit, "upper", f"{upper - at:.9g}")
    dynamics = ElementTree.SubElement(axis, "dynamics")
    dof = model.jnt_dofadr[joint]
    _text(dynamics, "damping", f"{model.dof_damping[dof]:.9g}")
    _text(dynamics, "friction", f"{model.dof_frictionloss[dof]:.9g}")
    _text(dynamics, "spring_reference", f"{model.qpos_spring[model.jnt_qposadr[joint]] - at:.9g}")
    _text(dynamics, "spring_stiffness", f"{model.jnt_stiffness[joint]:.9g}")
    return made


def _joint(name: str, kind: str, parent: str, child: str) -> ElementTree.Element:
    made = ElementTree.Element("joint", name=name, type=kind)
    _text(made, "parent", parent)
    _text(made, "child", child)
    return made


def _pose(position: Array, quaternion: Array) -> str:
    """SDF's x y z and roll pitch yaw of a quaternion (w, x, y, z)."""
    return _numbers([*position, *quat2euler(quaternion)])


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.9g}" for value in values)


def _text(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text
