"""Inverse kinematics of one arm that keeps clear of the rest of the robot, on mink and MuJoCo.

Each iteration solves a small quadratic programme (mink, Kevin Zakka; solver DAQP): the step of the six arm joints
that best brings the hand to its pose, within joint limits, no longer than `_STRIDE`, and no nearer to another link
than `_MARGIN`. Tilt weighs less than place, so that a pose at the edge of the reach is missed in tilt first. The
linear bounds are checked against the true distances after every step; a step that came too near is shortened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import mink
import mujoco
import numpy as np
import qpsolvers
from mink.limits.collision_avoidance_limit import compute_contact_normal_jacobian

from ..core.errors import ConfigError
from ..core.robot import RobotSpec
from ..core.values import Array

_ROTATION = 0.1  # m/rad: one radian of tilt counts as much as this many metres
_POSTURE = 2e-3  # m/rad: keeps joints that the pose leaves free where they are
_DAMPING = 1e-6
_STRIDE = 0.2  # rad per joint and iteration
_CLOSE = 5e-5  # m (and weighted rad): good enough to stop
_STUCK = 1e-4  # rad: a step this short leads nowhere
_PATIENCE = 6  # iterations in which the miss must become smaller by more than `_CLOSE`
_MARGIN = 0.015  # m between an arm and any other link, pads and skin not counted
_LEAST = 0.010  # m: what the true distance may come down to, since the bounds are linear
_SEEN = 0.06  # m: pairs further apart are no concern of this iteration
_COMPILER = '<mujoco><compiler fusestatic="false" discardvisual="true" balanceinertia="false"/></mujoco>'


@dataclass(frozen=True)
class ArmPosture:
    """Arm joints (6,) rad, and by how much they miss the pose: `distance` m and `tilt` rad.

    `way`: (n, 6) rad, postures on the way there, none of them in collision; the last one is `positions`.
    `clearance`: to the nearest other link, m; `inf` when none is near.
    """

    positions: Array
    distance: float
    tilt: float
    way: Array
    clearance: float


class _Miss(NamedTuple):
    distance: float
    tilt: float

    @property
    def cost(self) -> float:
        return self.distance + _ROTATION * self.tilt


class ArmIK:
    """One arm: base_link to `<side>_grasp_frame`. The joints outside the arm are taken as they are."""

    def __init__(self, robot: RobotSpec, urdf: str, side: str) -> None:
        """`side`: left or right. Raises ConfigError when the URDF lacks the arm's grasp frame or joints."""
        model = _body_model(robot, urdf)
        frame = f"{side}_grasp_frame"
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, frame) < 0:
            raise ConfigError(f"the URDF of {robot.name} has no link {frame!r}, which the {side} hand's pose needs")
        self.arm = robot.group(f"{side}_arm")
        self.names = tuple(robot.joint_names[k] for k in self.arm)
        self._order = np.array([model.joint(name).qposadr[0] for name in robot.joint_names])
        self._columns = np.array([model.joint(name).dofadr[0] for name in self.names])
        self._lower, self._upper = robot.lower[self.arm], robot.upper[self.arm]
        self._configuration = mink.Configuration(model)
        self._configuration.update(self._all(robot.home))
        self._frame = mink.FrameTask(frame, "body", position_cost=1.0, orientation_cost=_ROTATION)
        self._posture = mink.PostureTask(model, cost=_POSTURE)
        self._clearance = Clearance(self._configuration, self.names)
        self._limits = (
            mink.ConfigurationLimit(model, gain=1.0),
            mink.VelocityLimit(model, dict.fromkeys(self.names, _STRIDE)),
            self._clearance,
        )

    def pose(self, q: Array) -> Array:
        """T_base_hand, shape (4, 4), for all joints `q` (J,) rad."""
        self._configuration.update(self._all(q))
        return self._placement().as_matrix()

    def solve(self, goal: Array, q: Array, iterations: int = 60) -> ArmPosture:
        """The arm posture nearest to T_base_hand = `goal` (4, 4), looked for from `q` (J,) rad.

        It lies within the joint limits and clear of the other links; if `q` is nearer to one, it comes no nearer.
        """
        target = mink.SE3.from_matrix(goal)
        self._frame.set_target(target)
        arm = np.clip(q[self.arm], self._lower, self._upper)
        full = self._all(q)
        clear = self._go(full, arm)
        self._posture.set_target(self._configuration.q)
        least = min(_LEAST, clear)
        way, misses, best = [arm], [self._miss(target)], 0
        while misses[best].cost > _CLOSE and best + _PATIENCE >= len(way) and len(way) <= iterations:
            step, before = self._step(), arm
            while np.abs(step).max() > _STUCK:
                arm = np.clip(before + step, self._lower, self._upper)
                if self._go(full, arm) >= least:
                    break
                step = 0.5 * step
            else:
                break
            way.append(arm)
            misses.append(self._miss(target))
            if misses[-1].cost < misses[best].cost - _CLOSE:
                best = len(way) - 1
        best = min(range(len(way)), key=lambda k: misses[k].cost)
        clear = self._go(full, way[best])
        return ArmPosture(way[best], misses[best].distance, misses[best].tilt, np.array(way[: best + 1]), clear)

    def _all(self, q: Array) -> Array:
        full = np.empty(len(q))
        full[self._order] = q
        return full

    def _go(self, full: Array, arm: Array) -> float:
        """Put the model into this posture; returns the distance to the nearest link, m."""
        full[self._order[self.arm]] = arm
        self._configuration.update(full)
        return self._clearance.look(self._configuration)

    def _step(self) -> Array:
        """The best step of the arm's joints, (6,) rad: mink's programme without the columns of the other joints."""
        whole = mink.build_ik(self._configuration, (self._frame, self._posture), 1.0, _DAMPING, self._limits)
        ours = np.ix_(self._columns, self._columns)
        bounds = whole.G[:, self._columns]
        rows = np.isfinite(whole.h) & bounds.any(axis=1)
        problem = qpsolvers.Problem(whole.P[ours], whole.q[self._columns], bounds[rows], whole.h[rows])
        step = qpsolvers.solve_problem(problem, solver="daqp").x
        return np.zeros(len(self.arm)) if step is None else step

    def _placement(self) -> mink.SE3:
        return self._configuration.get_transform_frame_to_world(self._frame.frame_name, "body")

    def _miss(self, target: mink.SE3) -> _Miss:
        off = self._placement().inverse() @ target
        return _Miss(float(np.linalg.norm(off.translation())), float(np.linalg.norm(off.rotation().log())))


class Clearance(mink.CollisionAvoidanceLimit):
    """mink's bound on approaching other links, for the links that one arm moves.

    Left out: links joined to each other, links of the hand among themselves, and pairs nearer than the margin in the
    home posture, which are built that way. Only pairs in sight make a row of the programme.
    """

    def __init__(self, home: mink.Configuration, joints: tuple[str, ...]) -> None:
        """`home`: the robot in its home posture. `joints`: of the arm, from the shoulder to the wrist."""
        model, of = home.model, home.model.geom_bodyid
        chain = [int(model.joint(name).bodyid[0]) for name in joints]
        place = _places(model, chain)
        solid = [g for g in range(model.ngeom) if model.geom_contype[g]]
        pairs = [([g], [h for h in solid if place[of[h]] < place[of[g]] - 1]) for g in solid if place[of[g]] >= 0]
        super().__init__(model, pairs, 1.0, _MARGIN, _SEEN)
        self._near: list[tuple[int, int, float, Array]] = []
        self.look(home)
        built_so = {frozenset((of[g], of[h])) for g, h, distance, _ in self._near if distance < _MARGIN}
        self.geom_id_pairs = [(g, h) for g, h in self.geom_id_pairs if frozenset((of[g], of[h])) not in built_so]
        self.max_num_contacts = len(self.geom_id_pairs)
        self._init_broadphase(model)

    def look(self, configuration: mink.Configuration) -> float:
        """Find the pairs in sight. Returns the smallest distance between two links, m; inf when none is in sight."""
        self._near, least = [], np.inf
        for k in self._broadphase_survivors(configuration.data):
            g, h = self.geom_id_pairs[k]
            ends = np.empty(6)
            distance = mujoco.mj_geomDistance(self.model, configuration.data, g, h, _SEEN, ends)
            if distance < _SEEN:
                self._near.append((g, h, distance, ends))
                least = min(least, distance)
        return least

    def compute_qp_inequalities(self, configuration: mink.Configuration, dt: float) -> mink.Constraint:
        """Rows for the pairs that the last `look` saw, which must have been at this configuration."""
        rows, most = np.zeros((len(self._near), self.model.nv)), np.zeros(len(self._near))
        for k, (g, h, distance, ends) in enumerate(self._near):
            row = compute_contact_normal_jacobian(
                self.model, configuration.data, g, h, ends, self._normal, self._jac1, self._jac2
            )
            rows[k] = -row if distance >= 0.0 else row
            most[k] = max(distance - _MARGIN, 0.0) / dt
        return mink.Constraint(G=rows, h=most)


def _places(model: mujoco.MjModel, chain: list[int]) -> list[int]:
    """For each body how far along the arm's chain it is carried: 0 by the first joint alone, -1 not by the arm."""
    place = [-1] * model.nbody
    for body in range(1, model.nbody):  # parents come before their children
        place[body] = chain.index(body) if body in chain else place[model.body_parentid[body]]
    return place


def _body_model(robot: RobotSpec, urdf: str) -> mujoco.MjModel:
    """The robot alone, with the shapes it collides with. Raises ConfigError on a URDF that MuJoCo cannot read."""
    head, tag, tail = urdf.rpartition("</robot>")
    try:
        return mujoco.MjSpec.from_string(head + _COMPILER + tag + tail).compile()
    except ValueError as error:
        raise ConfigError(f"MuJoCo cannot read the URDF of {robot.name}: {error}") from error
