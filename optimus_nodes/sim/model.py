"""Compile the robot's URDF and the bench into one MuJoCo model. There is no second robot description."""

from __future__ import annotations

import mujoco
import numpy as np

from ..core.errors import ConfigError
from ..core.language import COLOURS
from ..core.robot import RobotSpec
from ..core.scene import Region, SceneConfig
from .bench_model import add_bench_things

TIMESTEP = 0.002
RGBA = {
    "red": (0.80, 0.08, 0.08, 1.0),
    "green": (0.10, 0.60, 0.15, 1.0),
    "blue": (0.10, 0.22, 0.80, 1.0),
    "yellow": (0.92, 0.78, 0.08, 1.0),
}
BIN_RGBA = {"left_bin": (0.30, 0.30, 0.33, 1.0), "right_bin": (0.55, 0.55, 0.58, 1.0)}
STATION_RGBA = (0.42, 0.47, 0.50, 1.0)
BENCH_RGBA = (0.62, 0.55, 0.46, 1.0)

_COMPILER = '<mujoco><compiler fusestatic="false" discardvisual="false" balanceinertia="false"/></mujoco>'
# Contact bits: links of one hand do not touch each other, everything else may touch everything.
_BODY, _SCENE, _LEFT, _RIGHT = 1, 2, 4, 8
_AIR = 0.01  # m below the feet
_HAND_PARTS = ("hand", "palm", "thumb", "index", "middle", "ring", "little")
_ROLLS = 0.006  # m, rolling friction of an egg: it comes to rest within its own length
_GRIP = {"condim": 4, "friction": (1.2, 0.02, 0.001), "solref": (0.006, 1.0), "solimp": (0.95, 0.99, 0.001, 0.5, 2.0)}


def compile_model(robot: RobotSpec, urdf: str, scene: SceneConfig | None, base: str = "fixed") -> mujoco.MjModel:
    """Return the model of robot and bench. `scene` None: the robot alone over a floor.

    Args: base: "fixed" (pelvis welded to the world) or "free".
    Raises: ConfigError on another `base`, or a URDF that MuJoCo cannot read.
    """
    if base not in ("fixed", "free"):
        raise ConfigError(f"base {base!r} is not known; allowed: fixed, free")
    head, tag, tail = urdf.rpartition("</robot>")
    try:
        spec = mujoco.MjSpec.from_string(head + _COMPILER + tag + tail)
    except ValueError as error:
        raise ConfigError(f"MuJoCo cannot read the URDF of {robot.name}: {error}") from error
    _set_options(spec)
    _dress_robot(spec, robot)
    if base == "free":
        spec.body("base_link").add_freejoint(name="base_free")
    _add_surroundings(spec)
    if scene is not None:
        _add_bench(spec, scene)
    model = spec.compile()
    data = mujoco.MjData(model)
    for name, angle in zip(robot.joint_names, robot.home, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_forward(model, data)
    air = _AIR if base == "fixed" else 0.0  # a welded pelvis must not press the feet into the floor
    spec.geom("floor").pos = (0.0, 0.0, round(_lowest(model, data) - air, 6))
    _forgive_overlaps(spec, robot, model, data)
    return spec.compile()


def _lowest(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Height of the robot's lowest point, m."""
    of = model.body_rootid[model.geom_bodyid]
    own = [g for g in range(model.ngeom) if model.geom_contype[g] and of[g] == model.body("base_link").rootid]
    up = data.geom_xmat[own].reshape(-1, 3, 3)[:, 2]
    centres = data.geom_xpos[own, 2] + np.einsum("ij,ij->i", up, model.geom_aabb[own, :3])
    return float(np.min(centres - np.einsum("ij,ij->i", np.abs(up), model.geom_aabb[own, 3:]), initial=0.0))


def _forgive_overlaps(spec: mujoco.MjSpec, robot: RobotSpec, model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Exclude contacts between links of the robot that overlap by design in the home posture."""
    own = {int(model.actuator_trnid[k, 0]) for k in range(model.nu)}
    links = {int(model.jnt_bodyid[j]) for j in own} | {model.body("base_link").id}
    pairs = {tuple(sorted(int(model.geom_bodyid[g]) for g in data.contact.geom[k])) for k in range(data.ncon)}
    for first, second in sorted(pairs):
        if {int(model.body_weldid[first]), int(model.body_weldid[second])} <= links | {0} and first and second:
            spec.add_exclude(bodyname1=model.body(first).name, bodyname2=model.body(second).name)
    for first, second in robot.may_touch:
        spec.add_exclude(bodyname1=first, bodyname2=second)


def _set_options(spec: mujoco.MjSpec) -> None:
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.visual.quality.shadowsize = 0
    spec.visual.quality.offsamples = 0
    spec.visual.quality.numslices, spec.visual.quality.numstacks, spec.visual.quality.numquads = 12, 6, 1
    spec.visual.global_.offwidth = 640
    spec.visual.global_.offheight = 480
    spec.visual.map.znear = 0.01
    spec.visual.map.zfar = 20.0
    spec.visual.headlight.ambient = (0.38, 0.38, 0.38)
    spec.visual.headlight.diffuse = (0.30, 0.30, 0.30)
    spec.visual.headlight.specular = (0.0, 0.0, 0.0)


def _dress_robot(spec: mujoco.MjSpec, robot: RobotSpec) -> None:
    """Give the URDF's joints armature and actuators, its frames cameras, an IMU and touch."""
    for k, name in enumerate(robot.joint_names):
        joint = spec.joint(name)
        joint.armature = float(robot.armature[k])
        limit = float(robot.max_effort[k])
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.gaintype = mujoco.mjtGain.mjGAIN_FIXED
        actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.forcerange = (-limit, limit)
    for geom in spec.geoms:
        if geom.contype == 0:
            continue
        geom.group = 3
        side = hand_of(geom.parent.name)
        geom.contype = _LEFT if side == "left" else _RIGHT if side == "right" else _BODY
        geom.conaffinity = _BODY | _SCENE | _LEFT | _RIGHT
        if side:
            geom.conaffinity &= ~geom.contype
            _make_grippy(geom)
    for camera in robot.cameras:
        spec.body(camera.frame).add_camera(
            name=camera.name, quat=(0.0, 1.0, 0.0, 0.0), fovy=camera.fovy_deg, resolution=(camera.width, camera.height)
        )
    spec.body(robot.imu_frame).add_site(name="imu")
    for kind, name in (
        (mujoco.mjtSensor.mjSENS_FRAMEQUAT, "imu_quat"),
        (mujoco.mjtSensor.mjSENS_GYRO, "imu_gyro"),
        (mujoco.mjtSensor.mjSENS_ACCELEROMETER, "imu_acc"),
    ):
        spec.add_sensor(name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="imu")
    for pad in robot.tactile_pads:
        spec.body(pad).add_site(name=pad, type=mujoco.mjtGeom.mjGEOM_SPHERE, size=(0.06, 0.0, 0.0), group=5)
        spec.add_sensor(name=pad, type=mujoco.mjtSensor.mjSENS_TOUCH, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=pad)


def hand_of(body: str) -> str:
    """ "left" or "right" when the link `body` belongs to a hand, else ""."""
    side, _, rest = body.partition("_")
    return side if side in ("left", "right") and rest.split("_")[0] in _HAND_PARTS else ""


def _make_grippy(geom: mujoco.MjsGeom) -> None:
    for key, value in _GRIP.items():
        setattr(geom, key, value)


def _add_surroundings(spec: mujoco.MjSpec) -> None:
    world = spec.worldbody
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.80, 0.84, 0.88),
        rgb2=(0.55, 0.60, 0.66),
        width=64,
        height=384,
    )
    ground = world.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(4.0, 4.0, 0.1),
        pos=(0, 0, -1),
        rgba=(0.72, 0.74, 0.76, 1),
    )
    ground.contype, ground.conaffinity = _SCENE, _BODY | _SCENE | _LEFT | _RIGHT
    world.add_light(
        name="lamp", pos=(0.3, 0.0, 2.2), dir=(0.0, 0.0, -1.0), diffuse=(0.55, 0.55, 0.55), castshadow=False
    )
    eye, target = np.array([1.55, -1.15, 0.85]), np.array([0.22, 0.0, 0.06])
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    world.add_camera(name="outside", pos=eye, xyaxes=(*right, *np.cross(back, right)), fovy=48.0, resolution=(640, 480))


def _add_bench(spec: mujoco.MjSpec, scene: SceneConfig) -> None:
    bench = spec.worldbody.add_body(name="bench")
    half = (scene.bench_edges[0] / 2, scene.bench_edges[1] / 2)
    _box(bench, "bench_top", (*scene.bench_centre, scene.bench_top - 0.02), (*half, 0.02), BENCH_RGBA)
    for i, (sx, sy) in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1))):
        x, y = scene.bench_centre[0] + sx * (half[0] - 0.03), scene.bench_centre[1] + sy * (half[1] - 0.03)
        top = scene.bench_top - 0.04
        _box(bench, f"bench_leg_{i}", (x, y, (top - 0.95) / 2), (0.025, 0.025, (top + 0.95) / 2), (0.3, 0.3, 0.32, 1))
    for station in scene.stations:
        mark = _box(
            bench,
            station.name,
            (*station.centre, scene.bench_top + 0.0005),
            (station.edges[0] / 2, station.edges[1] / 2, 0.0005),
            STATION_RGBA,
        )
        mark.contype = mark.conaffinity = 0
    for region in scene.bins:
        _add_bin(bench, region, scene)
    for colour in COLOURS:
        body = spec.worldbody.add_body(name=f"box_{colour}", pos=(0.34, 0.0, scene.bench_top + 0.5))
        body.add_freejoint(name=f"box_{colour}_free")
        edges = np.asarray(scene.box_edges[0 if scene.bench is None else -1])
        thing = _grip_box(body, f"box_{colour}", (0, 0, 0), tuple(edges / 2), RGBA[colour])
        thing.density = scene.box_density
        if scene.shape == "egg":
            thing.type, thing.condim, thing.priority = mujoco.mjtGeom.mjGEOM_ELLIPSOID, 6, 1
            thing.friction = (_GRIP["friction"][0], 0.02, _ROLLS)
    if scene.bench is not None:
        add_bench_things(spec, scene.bench, scene.bench_top, _box, _grip_box)


def _add_bin(bench: mujoco.MjsBody, region: Region, scene: SceneConfig) -> None:
    (x, y), (ex, ey) = region.centre, region.edges
    wall, height, top = scene.bin_wall / 2, scene.bin_height / 2, scene.bench_top
    rgba = BIN_RGBA[region.name]
    _box(bench, f"{region.name}_floor", (x, y, top + 0.002), (ex / 2, ey / 2, 0.002), rgba)
    for side, sign in (("front", 1), ("back", -1)):
        at = (x + sign * (ex / 2 - wall), y, top + height)
        _box(bench, f"{region.name}_{side}", at, (wall, ey / 2, height), rgba)
    for side, sign in (("left", 1), ("right", -1)):
        at = (x, y + sign * (ey / 2 - wall), top + height)
        _box(bench, f"{region.name}_{side}", at, (ex / 2, wall, height), rgba)


def _box(
    body: mujoco.MjsBody,
    name: str,
    pos: tuple[float, ...],
    half: tuple[float, ...],
    rgba: tuple[float, ...],
) -> mujoco.MjsGeom:
    geom = body.add_geom(
        name=name, type=mujoco.mjtGeom.mjGEOM_BOX, pos=pos, size=half, rgba=rgba, group=1, friction=(1.0, 0.01, 0.001)
    )
    geom.contype, geom.conaffinity = _SCENE, _BODY | _SCENE | _LEFT | _RIGHT
    return geom


def _grip_box(
    body: mujoco.MjsBody, name: str, pos: tuple[float, ...], half: tuple[float, ...], rgba: tuple[float, ...]
) -> mujoco.MjsGeom:
    """A box that a hand can hold."""
    geom = _box(body, name, pos, half, rgba)
    _make_grippy(geom)
    return geom
