"""How near the links of the robot are to each other, and how that changes with the joints. By pinocchio and coal.

Left out: links with at most one joint between them or between one and the hand the other is part of, links of one hand
among themselves, touch pads, links that are nearer than `_BUILT_SO` in the home posture, and those that may touch.
"""

from __future__ import annotations

import numpy as np
import pinocchio
from numpy.typing import NDArray

from ..core.errors import ConfigError
from ..core.language import SIDES
from ..core.robot import RobotSpec
from ..core.space_limits import Surroundings
from ..core.values import Array
from .rigid_body import rigid_body

_BUILT_SO = 0.02  # m


class BodyClearance:
    """Looks at postures of one robot. `hands`: the names of the hands' frames, in the order of what `look` says."""

    def __init__(self, robot: RobotSpec, urdf: str) -> None:
        """Args: urdf: the XML text that came with `robot`. Raises: ConfigError when it does not fit."""
        self._model, self._theirs = rigid_body(robot, urdf)
        self._ours = np.argsort(self._theirs)
        self._data = self._model.createData()
        self._shapes = self._solid(robot, urdf)
        shapes = list(self._shapes.geometryObjects)
        self._links = [self._model.frames[shape.parentFrame].name for shape in shapes]
        self._moved_by = np.array([self._chain(shape.parentJoint) for shape in shapes]).reshape(-1, len(self._theirs))
        self._radii = np.array([_radius(shape) for shape in shapes])
        self._reach = self._radii[:, None] + self._radii
        self._numbers = np.full(self._reach.shape, -1)  # of the watched pairs, as [first, second]
        self._watch(robot)
        self.hands = tuple(f"{side}_grasp_frame" for side in SIDES if self._model.existFrame(f"{side}_grasp_frame"))
        self._hand_frames = [self._model.getFrameId(hand) for hand in self.hands]
        joints = [self._model.frames[frame].parentJoint for frame in self._hand_frames]
        self._hands_moved_by = np.array([self._chain(joint) for joint in joints]).reshape(-1, 1, len(self._theirs))

    @property
    def watched(self) -> int:
        """How many pairs of shapes are watched."""
        return len(self._shapes.collisionPairs)

    def look(self, position: Array, motions: Array, margin: float) -> Surroundings:
        """What is at `position` (J,) rad; of the pairs those that one of `motions` (K, J) rad may bring nearer than
        `margin`, m."""
        self._place(position)
        moving, turning = self._motions()
        pairs = self._near([(m[:, None] * moving, m[:, None] * turning) for m in motions], margin)
        numbers, results = self._numbers[pairs].tolist(), self._found.distanceResults
        for number in numbers:
            pinocchio.computeDistance(self._shapes, self._found, number)
        points = np.array([results[number].getNearestPoint1() for number in numbers]).reshape(-1, 3)
        normals = np.array([results[number].normal for number in numbers]).reshape(-1, 3)
        signs = self._moved_by[pairs[1]] - self._moved_by[pairs[0]]
        return Surroundings(
            distances=np.array([results[number].min_distance for number in numbers]),
            gradients=signs * (normals @ moving.T + _cross(points, normals) @ turning.T),
            pairs=numbers,
        )

    def hand_motions(self) -> tuple[Array, Array]:
        """Of the posture looked at last: places of the hands (H, 3) m in base_link, and what each joint adds to their
        velocity, (H, 3, J) m/rad."""
        moving, turning = self._motions()
        frames = (pinocchio.updateFramePlacement(self._model, self._data, frame) for frame in self._hand_frames)
        places = np.array([frame.translation for frame in frames]).reshape(-1, 3)
        arms = np.repeat(places, len(turning), axis=0)
        swung = _cross(np.tile(turning, (len(places), 1)), arms).reshape(len(places), -1, 3)
        return places, (moving + swung).transpose(0, 2, 1) * self._hands_moved_by

    def names(self, pair: int) -> tuple[str, str]:
        """The two links of a pair that `look` saw."""
        watched = self._shapes.collisionPairs[pair]
        return self._links[watched.first], self._links[watched.second]

    def _place(self, position: Array) -> None:
        pinocchio.computeJointJacobians(self._model, self._data, position[self._ours])
        pinocchio.updateGeometryPlacements(self._model, self._data, self._shapes, self._found)

    def _motions(self) -> tuple[Array, Array]:
        """At 1 rad/s each joint moves what is at the origin of base_link, and turns it: both (J, 3)."""
        motions = self._data.J.T[self._theirs]
        return motions[:, :3], motions[:, 3:]

    def _near(self, motions: list[tuple[Array, Array]], margin: float) -> tuple[NDArray[np.intp], ...]:
        """First and second shapes of the watched pairs that these motions together may bring nearer than `margin`. A
        motion is what each joint moves and turns, both (J, 3).

        The spheres round two shapes come no nearer than along the line between them.
        """
        centres = np.array([place.translation for place in self._found.oMg])
        inner = centres @ centres.T
        squares = np.diag(inner)
        apart = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * inner, 1e-12))
        room = apart - self._reach
        for moving, turning in motions:
            turned = self._moved_by @ turning
            moved = self._moved_by @ moving + _cross(turned, centres)
            slack = np.sqrt(np.einsum("ij,ij->i", turned, turned)) * self._radii
            along = np.einsum("ij,ij->i", centres, moved)[:, None] - centres @ moved.T
            along += along.T
            along /= apart
            room += np.minimum(along, 0.0)
            room -= slack[:, None] + slack
        return np.nonzero((self._numbers >= 0) & (room < margin))

    def _solid(self, robot: RobotSpec, urdf: str) -> pinocchio.GeometryModel:
        """What the robot may hit itself with."""
        try:
            shapes = pinocchio.buildGeomFromUrdfString(self._model, urdf, pinocchio.GeometryType.COLLISION)
        except ValueError as error:  # a mesh that is nowhere
            raise ConfigError(
                f"a collision shape of {robot.name} cannot be used: {error}; `optimus new-robot` makes boxes of meshes"
            ) from error
        links = {shape.name: self._model.frames[shape.parentFrame].name for shape in shapes.geometryObjects}
        for name, link in links.items():
            if link in robot.tactile_pads:
                shapes.removeGeometryObject(name)
        return shapes

    def _watch(self, robot: RobotSpec) -> None:
        """Decide which pairs of shapes to watch."""
        arm = np.ones(len(robot.joint_names), dtype=bool)
        if "hands" in robot.groups:
            arm[robot.group("hands")] = False
        chains = self._moved_by[:, arm]
        between = (chains[:, None] != chains).sum(axis=2)
        pairs = np.argwhere(np.triu(between > 1)).tolist()
        built_so = self._nearer(pairs, robot.home, _BUILT_SO) | {frozenset(pair) for pair in robot.may_touch}
        pairs = [(i, j) for i, j in pairs if frozenset((self._links[i], self._links[j])) not in built_so]
        self._found = self._pairs_added(pairs)
        for number, (first, second) in enumerate(pairs):
            self._numbers[first, second] = number

    def _nearer(self, pairs: list[tuple[int, int]], position: Array, least: float) -> set[frozenset[str]]:
        """The links of those pairs of shapes that are nearer to each other than `least`, m."""
        self._found = self._pairs_added(pairs)
        self._place(position)
        pinocchio.computeDistances(self._shapes, self._found)
        results = self._found.distanceResults
        near = [pair for k, pair in enumerate(pairs) if results[k].min_distance < least]
        return {frozenset((self._links[i], self._links[j])) for i, j in near}

    def _pairs_added(self, pairs: list[tuple[int, int]]) -> pinocchio.GeometryData:
        self._shapes.removeAllCollisionPairs()
        for first, second in pairs:
            self._shapes.addCollisionPair(pinocchio.CollisionPair(first, second))
        return pinocchio.GeometryData(self._shapes)

    def _chain(self, joint: int) -> Array:
        """Which of the robot's joints move what hangs on `joint`: (J,), 1 or 0."""
        moves = np.zeros(len(self._theirs))
        moves[[self._model.joints[above].idx_v for above in self._model.supports[joint] if above]] = 1.0
        return moves[self._theirs]


def _radius(shape: pinocchio.GeometryObject) -> float:
    """Of a sphere round the shape's own origin that holds it, m."""
    shape.geometry.computeLocalAABB()
    return float(shape.geometry.aabb_radius + np.linalg.norm(shape.geometry.aabb_center))


def _cross(a: Array, b: Array) -> Array:
    """Vector products of (N, 3) and (N, 3): for so few much faster than NumPy's."""
    product = np.empty(np.shape(b))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        product[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    return product
