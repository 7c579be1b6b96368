"""The bar, button, drawer and distractors of the scene `bench`: as MuJoCo bodies, and laid out by a seed."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from ..core.bench_scene import BenchConfig
from ..core.scene_parts import BenchDraw, Distractor
from ..core.values import Array, SceneObject

CLUTTER_RGBA = {
    "orange": (0.95, 0.45, 0.05, 1.0),
    "purple": (0.45, 0.15, 0.60, 1.0),
    "black": (0.06, 0.06, 0.07, 1.0),
    "white": (0.92, 0.92, 0.92, 1.0),
    "cyan": (0.10, 0.70, 0.75, 1.0),
    "pink": (0.95, 0.50, 0.65, 1.0),
    "brown": (0.36, 0.20, 0.09, 1.0),
}
CAP_RGBA = {"red": (0.85, 0.10, 0.08, 1.0), "white": (0.93, 0.93, 0.93, 1.0), "orange": (0.95, 0.50, 0.05, 1.0)}
BAR_RGBA = (0.45, 0.46, 0.48, 1.0)
_DARK, _LIGHT, _CASE = (0.10, 0.10, 0.12, 1.0), (0.88, 0.88, 0.86, 1.0), (0.42, 0.34, 0.27, 1.0)
_SHAPES = {
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "ball": mujoco.mjtGeom.mjGEOM_SPHERE,
    "disc": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "egg": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "tile": mujoco.mjtGeom.mjGEOM_BOX,
}
_MASS = 0.06  # kg, of a distractor
_AWAY = -3.0  # m, height at which the distractors wait that a scene does not use

AddBox = Callable[..., mujoco.MjsGeom]


def add_bench_things(spec: mujoco.MjSpec, config: BenchConfig, top: float, box: AddBox, grip: AddBox) -> None:
    """Add the bodies to `spec`. `box(body, name, pos, half, rgba)` adds a geom that collides; `grip` one to grasp."""
    bench = spec.geom("bench_top")  # smooth, whatever stands on it: a box that is pushed slides and does not topple
    bench.priority, bench.friction = 1, (config.bench_friction, 0.01, 0.001)
    bar = spec.worldbody.add_body(name="bar", pos=(0.27, 0.0, top + 0.4))
    bar.add_freejoint(name="bar_free")
    grip(bar, "bar", (0, 0, 0), np.asarray(config.bar_edges) / 2, BAR_RGBA).density = config.bar_density
    _add_button(spec, config, top, box)
    _add_drawer(spec, config, top, box, grip)
    for k in range(config.clutter_most):
        name = f"distractor_{k}"
        body = spec.worldbody.add_body(name=name, pos=(0.6, 0.1 * k, _AWAY), gravcomp=1.0)
        body.add_freejoint(name=f"{name}_free")
        hidden = grip(body, name, (0, 0, 0), (0.05, 0.05, 0.05), _DARK)  # as large as any, for the tree of boxes
        hidden.group, hidden.mass = 3, _MASS
        shape = body.add_geom(name=f"{name}_shape", type=mujoco.mjtGeom.mjGEOM_SPHERE, size=(0.05, 0.05, 0.05), group=1)
        shape.contype = shape.conaffinity = 0
        shape.mass = 0.0


def _add_button(spec: mujoco.MjSpec, config: BenchConfig, top: float, box: AddBox) -> None:
    (x, y), height = config.button.centre, config.button_edges[2]
    base = spec.worldbody.add_body(name="button", pos=(x, y, top))
    edges = np.asarray(config.button_edges) / 2
    box(base, "button", (0, 0, edges[2]), edges, _LIGHT)
    cap = base.add_body(name="button_cap", pos=(0, 0, height + config.cap_edges[2] / 2))
    slide = cap.add_joint(name="button_slide", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(0, 0, -1))
    slide.limited, slide.range = mujoco.mjtLimited.mjLIMITED_TRUE, (0.0, config.button_travel)
    slide.springref = -0.003  # 1 N at rest, 3.2 N where it is pressed
    slide.stiffness, slide.damping = (350.0, 0.0, 0.0), (4.0, 0.0, 0.0)
    half = np.asarray(config.cap_edges) / 2
    hidden = box(cap, "button_cap", (0, 0, 0), half * (0.88, 0.88, 1.0), _DARK)
    hidden.group, hidden.mass = 3, 0.03
    disc = {"type": mujoco.mjtGeom.mjGEOM_CYLINDER, "group": 1, "contype": 0, "conaffinity": 0, "mass": 0.0}
    cap.add_geom(name="button_cap_shape", size=(half[0], half[2], 0), rgba=CAP_RGBA["red"], **disc)
    base.add_geom(name="button_ring", size=(half[0] + 0.008, 0.001, 0), pos=(0, 0, height), rgba=_DARK, **disc)
    spec.add_exclude(bodyname1="button", bodyname2="button_cap")


def _add_drawer(spec: mujoco.MjSpec, config: BenchConfig, top: float, box: AddBox, grip: AddBox) -> None:
    """A case on the bench and a tray in it, whose handle stands upright in front on a flat tongue."""
    (x, y), bottom = config.drawer.centre, config.handle_bottom
    handle, tall = np.asarray(config.handle_edges) / 2, 0.045
    front, back = 0.085, 0.220  # m behind the handle: the tray's front, the case's back
    case = spec.worldbody.add_body(name="drawer_case", pos=(x, y, top))
    middle, depth = (front + 0.009 + back) / 2, (back - front - 0.009) / 2
    box(case, "drawer_roof", (middle, 0, tall + 0.010), (depth, 0.085, 0.004), _CASE)
    box(case, "drawer_left", (middle, 0.081, tall / 2 + 0.003), (depth, 0.004, tall / 2 + 0.003), _CASE)
    box(case, "drawer_right", (middle, -0.081, tall / 2 + 0.003), (depth, 0.004, tall / 2 + 0.003), _CASE)
    tray = case.add_body(name="drawer")
    slide = tray.add_joint(name="drawer_slide", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(-1, 0, 0))
    slide.limited, slide.range = mujoco.mjtLimited.mjLIMITED_TRUE, (0.0, config.drawer_travel)
    slide.frictionloss, slide.damping = 1.5, (6.0, 0.0, 0.0)
    grip(tray, "drawer_handle", (0, 0, bottom + handle[2]), handle, _DARK).density = 200.0
    tongue = (front + handle[0]) / 2
    box(tray, "drawer_tongue", (tongue - handle[0], 0, bottom / 2 + 0.001), (tongue, 0.012, bottom / 2 - 0.001), _DARK)
    box(tray, "drawer_front", (front, 0, tall / 2 + 0.002), (0.004, 0.084, tall / 2), _LIGHT)
    middle, depth = (front + back - 0.005) / 2, (back - 0.005 - front) / 2
    floor = box(tray, "drawer_floor", (middle, 0, 0.004), (depth, 0.075, 0.002), _LIGHT)
    sides = [box(tray, f"drawer_side_{k}", (middle, k * 0.073, 0.02), (depth, 0.002, 0.016), _LIGHT) for k in (-1, 1)]
    for inside in (floor, *sides):
        inside.contype = inside.conaffinity = 0
    spec.add_exclude(bodyname1="drawer_case", bodyname2="drawer")


class BenchThings:
    """The same bodies at run time: laid out by a draw, and read."""

    def __init__(self, model: mujoco.MjModel, config: BenchConfig, top: float) -> None:
        self._model, self._config, self._top = model, config, top
        self._clutter: tuple[Distractor, ...] = ()
        self._button = int(model.joint("button_slide").qposadr[0])
        self._drawer = int(model.joint("drawer_slide").qposadr[0])
        self._pressed = False
        self._touchable = [int(v[model.geom("distractor_0").id]) for v in (model.geom_contype, model.geom_conaffinity)]

    def lay_out(self, data: mujoco.MjData, draw: BenchDraw) -> None:
        """Put everything where `draw` says."""
        model, self._pressed, self._clutter = self._model, False, draw.distractors
        start = model.joint("bar_free").qposadr[0]
        data.qpos[start : start + 3] = draw.bar[:3]
        data.qpos[start + 3 : start + 7] = (np.cos(draw.bar[3] / 2), 0.0, 0.0, np.sin(draw.bar[3] / 2))
        model.body_pos[model.body("button").id, :2] = draw.button
        model.body_pos[model.body("drawer_case").id, :2] = draw.drawer
        model.geom_rgba[model.geom("button_cap_shape").id] = CAP_RGBA[draw.cap]
        data.qpos[self._drawer] = draw.drawer_open
        for k in range(self._config.clutter_most):
            self._lay_out_distractor(data, k, draw.distractors[k] if k < len(draw.distractors) else None)

    def _lay_out_distractor(self, data: mujoco.MjData, number: int, thing: Distractor | None) -> None:
        """One that the scene does not use floats, untouchable, under the floor."""
        model, name = self._model, f"distractor_{number}"
        body, solid, shape = model.body(name).id, model.geom(name).id, model.geom(f"{name}_shape").id
        start = model.joint(f"{name}_free").qposadr[0]
        used = thing is not None
        model.body_gravcomp[body] = 0.0 if used else 1.0
        model.geom_contype[solid], model.geom_conaffinity[solid] = self._touchable if used else (0, 0)
        data.qpos[start : start + 7] = (0.6, 0.2 * number, _AWAY, 1.0, 0.0, 0.0, 0.0)
        if thing is None:
            return
        data.qpos[start : start + 3] = thing.position
        round_ = 0.85 if thing.shape != "tile" else 1.0
        model.geom_size[solid] = thing.edges / 2 * (round_, round_, 1.0)
        model.geom_rbound[solid] = np.linalg.norm(model.geom_size[solid])
        square = thing.edges**2
        model.body_inertia[body] = _MASS / 12.0 * (square.sum() - square)
        model.geom_type[shape] = _SHAPES[thing.shape]
        model.geom_size[shape] = _shape_size(thing)
        model.geom_rbound[shape] = np.linalg.norm(thing.edges / 2)
        model.geom_rgba[shape] = CLUTTER_RGBA[thing.colour]

    def after_step(self, data: mujoco.MjData) -> None:
        """Remember that the button was pressed."""
        if data.qpos[self._button] >= self._config.button_pressed:
            self._pressed = True

    def objects(
        self, data: mujoco.MjData, place: Callable[[Array], str], holder: Callable[[str], str]
    ) -> list[SceneObject]:
        """The truth about every thing here. `place`, `holder`: of a position (3,), of a loose body."""
        found = [self._loose(data, "bar", "bar", "grey", np.asarray(self._config.bar_edges), place, holder)]
        pressed, opened = float(self._pressed), float(np.clip(data.qpos[self._drawer], 0.0, self._config.drawer_travel))
        upright, cap = np.array([1.0, 0, 0, 0]), np.asarray(self._config.cap_edges)
        at = data.body("button_cap").xpos.copy()
        found.append(SceneObject("button", "button", "", "", at, upright, cap, state=pressed))
        handle = np.asarray(self._config.handle_edges)
        at = data.geom("drawer_handle").xpos.copy()
        found.append(SceneObject("drawer", "drawer", "", "", at, upright, handle, state=opened))
        for k, thing in enumerate(self._clutter):
            name = f"distractor_{k}"
            found.append(self._loose(data, name, "distractor", thing.colour, thing.edges, place, holder))
        return found

    def _loose(
        self,
        data: mujoco.MjData,
        name: str,
        kind: str,
        colour: str,
        edges: Array,
        place: Callable[[Array], str],
        holder: Callable[[str], str],
    ) -> SceneObject:
        body = data.body(name)
        at = body.xpos.copy()
        return SceneObject(name, kind, colour, "", at, body.xquat.copy(), edges.copy(), place(at), holder(name))


def _shape_size(thing: Distractor) -> Array:
    half = thing.edges / 2
    if thing.shape == "capsule":
        return np.array([half[0], half[2] - half[0], 0.0])
    if thing.shape in ("cylinder", "disc"):
        return np.array([half[0], half[2], 0.0])
    return half
