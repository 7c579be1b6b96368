"""The same robot in MuJoCo and in DART, Gazebo's physics engine: how far do they differ?

    python bench/dart.py                      a table; runs/dart.png shows falls and steps of both
    python bench/dart.py --robot optimus --json

Both read the same URDF. Motors' armature is left out, which a URDF can't say; damping and friction of joints are in it.

mass matrix   inertia that each joint feels from each other, over random postures
gravity       torques that hold the robot still, over the same postures
bias          the same while every joint moves: gravity, Coriolis and centrifugal torques
free fall     height of the pelvis, let go in mid-air
step          every joint of arms, legs, waist and neck told to go 0.2 rad, all at once, by the same springs and dampers
with friction the same with the dry friction of the URDF: DART's joints stick, MuJoCo's creep
held grasp    height of a box that the left hand holds, as bench/dart_grasp.py says
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dartpy
import mujoco
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import dart_grasp  # noqa: E402

from optimus_nodes.core.robot import RobotSpec  # noqa: E402
from optimus_nodes.core.values import Array  # noqa: E402
from optimus_nodes.robot.load import load_robot  # noqa: E402

GRAVITY = 9.81  # m/s^2
TIMESTEP = 0.0005  # s
STEP, STEP_TIME = 0.2, 0.6  # rad, s
FALL_TIME = 0.4  # s
NATURAL = 25.0  # rad/s, of the springs; critically damped
_NOTHING = 1e-12  # kg, kg·m^2: of links that are only frames; DART gives them 1 kg unless told otherwise
_KEEP = '<mujoco><compiler fusestatic="false" discardvisual="true" balanceinertia="false"/></mujoco>'
FRICTION, GRASP = "with friction", "held grasp"
TOLERANCES = {  # share of the largest value
    "mass matrix": 1e-6,
    "gravity": 1e-6,
    "bias": 1e-6,
    "free fall": 0.005,  # one of them moves by the speed before the step, the other by that after it
    "step": 0.005,
    FRICTION: 0.5,
    GRASP: 0.15,  # contacts are soft in MuJoCo, and hard in DART
}


@dataclass
class Difference:
    """`largest` difference, of values up to `of`, both in `unit`; `curves`: what to draw, by engine."""

    unit: str
    largest: float
    of: float
    curves: dict[str, Array] = field(default_factory=dict)

    @property
    def share(self) -> float:
        return self.largest / self.of


class InMujoco:
    """The robot in MuJoCo. Arrays are in the robot's joint order."""

    def __init__(self, robot: RobotSpec, urdf: str, free: bool = False, friction: bool = False) -> None:
        spec = mujoco.MjSpec.from_string(urdf.replace("</robot>", _KEEP + "</robot>"))
        spec.option.timestep, spec.option.gravity = TIMESTEP, (0.0, 0.0, -GRAVITY)
        if free:
            spec.body("base_link").add_freejoint(name="base_free")
        for geom in spec.geoms:
            geom.contype = geom.conaffinity = 0
        self._model = spec.compile()
        if not friction:
            self._model.dof_frictionloss[:] = 0.0
        self._data = mujoco.MjData(self._model)
        self._at = np.array([self._model.joint(name).qposadr[0] for name in robot.joint_names])
        self._dof = np.array([self._model.joint(name).dofadr[0] for name in robot.joint_names])

    def place(self, position: Array, velocity: Array) -> None:
        self._data.qpos[self._at], self._data.qvel[self._dof] = position, velocity
        mujoco.mj_forward(self._model, self._data)

    def mass(self) -> Array:
        columns = np.zeros((self._model.nv, self._model.nv))
        for k, unit in enumerate(np.eye(self._model.nv)):
            mujoco.mj_mulM(self._model, self._data, columns[k], unit)
        return columns[np.ix_(self._dof, self._dof)]

    def bias(self) -> Array:
        return self._data.qfrc_bias[self._dof].copy()

    def state(self) -> tuple[Array, Array]:
        return self._data.qpos[self._at].copy(), self._data.qvel[self._dof].copy()

    def height(self) -> float:
        return float(self._data.body("base_link").xpos[2])

    def step(self, torque: Array) -> None:
        self._data.qfrc_applied[self._dof] = torque
        mujoco.mj_step(self._model, self._data)


class InDart:
    """The robot in DART."""

    def __init__(self, robot: RobotSpec, urdf: str, free: bool = False, friction: bool = False) -> None:
        loader = dartpy.utils.DartLoader()
        options = loader.getOptions()
        kinds = dartpy.utils.DartLoader.RootJointType
        options.mDefaultInertia = dartpy.dynamics.Inertia(_NOTHING, np.zeros(3), np.eye(3) * _NOTHING)
        options.mDefaultRootJointType = kinds.FLOATING if free else kinds.FIXED
        loader.setOptions(options)
        self._skeleton = loader.parseSkeletonString(urdf, "")
        self._skeleton.setGravity([0.0, 0.0, -GRAVITY])
        self._world = dartpy.simulation.World()
        self._world.setGravity([0.0, 0.0, -GRAVITY])
        self._world.setTimeStep(TIMESTEP)
        self._world.addSkeleton(self._skeleton)
        self._skeleton.disableSelfCollisionCheck()
        degrees = [self._skeleton.getDof(name) for name in robot.joint_names]
        self._at = np.array([degree.getIndexInSkeleton() for degree in degrees])
        if not friction:
            for degree in degrees:
                degree.setCoulombFriction(0.0)

    def place(self, position: Array, velocity: Array) -> None:
        self._skeleton.setPositions(self._all(position))
        self._skeleton.setVelocities(self._all(velocity))

    def mass(self) -> Array:
        return np.asarray(self._skeleton.getMassMatrix())[np.ix_(self._at, self._at)]

    def bias(self) -> Array:
        return np.asarray(self._skeleton.getCoriolisAndGravityForces())[self._at]

    def state(self) -> tuple[Array, Array]:
        skeleton = self._skeleton
        return np.asarray(skeleton.getPositions())[self._at], np.asarray(skeleton.getVelocities())[self._at]

    def height(self) -> float:
        return float(self._skeleton.getBodyNode("base_link").getWorldTransform().translation()[2])

    def step(self, torque: Array) -> None:
        self._skeleton.setForces(self._all(torque))
        self._world.step()

    def _all(self, values: Array) -> Array:
        everything = np.zeros(self._skeleton.getNumDofs())
        everything[self._at] = values
        return everything


ENGINES: dict[str, Callable[..., Any]] = {"MuJoCo": InMujoco, "DART": InDart}


def compare(name: str, number: int = 20) -> dict[str, Difference]:
    """All differences for the robot `name`; statics over `number` random postures."""
    robot, urdf = load_robot(name)
    stuck = _steps(robot, urdf, friction=True)
    moving = {"free fall": _fall(robot, urdf), "step": _steps(robot, urdf), FRICTION: stuck}
    if name == "optimus":  # what other hands can hold, and how, is not known
        moving[GRASP] = _grasp(robot, urdf)
    return {**_statics(robot, urdf, number), **moving}


def _grasp(robot: RobotSpec, urdf: str) -> Difference:
    """In shares of the box's height."""
    held = dart_grasp.Held(robot, urdf)
    curves = {"MuJoCo": dart_grasp.hold_in_mujoco(held), "DART": dart_grasp.hold_in_dart(held)}
    return Difference("m", _apart(*curves.values())[0], float(dart_grasp.EDGES[2]), curves)


def _statics(robot: RobotSpec, urdf: str, number: int) -> dict[str, Difference]:
    engines, rng = [make(robot, urdf) for make in ENGINES.values()], np.random.default_rng(0)
    found: dict[str, list[tuple[float, float]]] = {"mass matrix": [], "gravity": [], "bias": []}
    for _ in range(number):
        posture, velocity = rng.uniform(robot.lower, robot.upper), rng.normal(size=len(robot.home))
        for what, speed in (("gravity", np.zeros_like(velocity)), ("bias", velocity)):
            for engine in engines:
                engine.place(posture, speed)
            found[what].append(_apart(*(engine.bias() for engine in engines)))
        found["mass matrix"].append(_apart(*(engine.mass() for engine in engines)))
    units = {"mass matrix": "kg·m²", "gravity": "N·m", "bias": "N·m"}
    return {what: Difference(units[what], *np.max(pairs, axis=0)) for what, pairs in found.items()}


def _apart(one: Array, other: Array) -> tuple[float, float]:
    return float(np.abs(one - other).max()), float(np.abs(one).max())


def _fall(robot: RobotSpec, urdf: str) -> Difference:
    curves = {}
    for name, make in ENGINES.items():
        engine = make(robot, urdf, free=True)
        engine.place(robot.home, np.zeros_like(robot.home))
        begun, heights = engine.height(), [0.0]
        for _ in range(round(FALL_TIME / TIMESTEP)):
            engine.step(np.zeros_like(robot.home))
            heights.append(engine.height() - begun)
        curves[name] = np.array(heights)
    return Difference("m", *_apart(*curves.values()), curves)


def _steps(robot: RobotSpec, urdf: str, friction: bool = False) -> Difference:
    """Fingers, which weigh nothing without their motors, are held by the same springs where they are."""
    goal = robot.home.copy()
    body = np.setdiff1d(np.arange(len(goal)), robot.group("hands") if "hands" in robot.groups else [])
    goal[body] += np.where(robot.upper[body] - robot.home[body] > STEP, STEP, -STEP)
    measure = InDart(robot, urdf)
    measure.place(robot.home, np.zeros_like(goal))
    inertia, carrying = np.diag(measure.mass()), measure.bias()
    kp, kd = inertia * NATURAL**2, 2.0 * inertia * NATURAL
    curves = {}
    for name, make in ENGINES.items():
        engine, courses = make(robot, urdf, friction=friction), []
        engine.place(robot.home, np.zeros_like(goal))
        for _ in range(round(STEP_TIME / TIMESTEP)):
            position, velocity = engine.state()
            courses.append(position[body] - robot.home[body])
            engine.step(kp * (goal - position) - kd * velocity + carrying)
        curves[name] = np.array(courses)
    return Difference("rad", *_apart(*curves.values()), curves)


def draw(found: dict[str, Difference], file: Path) -> None:
    """Falls and steps of both engines, one over the other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [what for what in ("free fall", "step", FRICTION, GRASP) if what in found]
    figure, axes = pyplot.subplots(1, len(shown), figsize=(5 * len(shown), 4))
    for axis, what in zip(axes, shown):
        for (name, curve), style in zip(found[what].curves.items(), ("-", "--")):
            rows = curve.reshape(len(curve), -1)
            time = np.arange(len(rows)) * (dart_grasp.TIMESTEP if what == GRASP else TIMESTEP)
            for column in range(rows.shape[1]):
                colour = f"C{column % 10}" if rows.shape[1] > 1 else ("C0" if style == "-" else "C1")
                axis.plot(time, rows[:, column], style, color=colour, label=name if column == 0 else None, linewidth=1)
        axis.set(title=what, xlabel="s", ylabel=found[what].unit)
        axis.legend()
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=80)


def main() -> int:
    """Entry point. Exit code 1 when a difference is larger than its tolerance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--robot", default="optimus", help="robot of config/robots/")
    parser.add_argument("--plot", type=Path, default=Path("runs/dart.png"))
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    arguments = parser.parse_args()
    found = compare(arguments.robot)
    draw(found, arguments.plot)
    if arguments.json:
        keys = ("unit", "largest", "of", "share")
        figures = {what: {key: getattr(d, key) for key in keys} for what, d in found.items()}
        print(json.dumps({**figures, "mujoco": mujoco.__version__, "dart": dartpy.__version__}))
    else:
        print(f"{'':13} {'largest difference':>20} {'of values up to':>18}   share     tolerance")
        for what, d in found.items():
            values = f"{d.largest:14.3g} {d.unit:5} {d.of:12.3g} {d.unit:5}"
            print(f"{what:13} {values}   {d.share:8.1e}  {TOLERANCES[what]:g}")
        print(f"curves: {arguments.plot}")
    return int(any(d.share > TOLERANCES[what] for what, d in found.items()))


if __name__ == "__main__":
    sys.exit(main())
