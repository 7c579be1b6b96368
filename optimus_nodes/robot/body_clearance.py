"""How near the links of the robot are to each other, and how that changes with the joints. By pinocchio and coal.

Left out: links with at most one joint between them or between one and the hand the other is part of, links of one hand
among themselves, touch pads, links that are nearer than `_BUILT_SO` in the home posture, and those that may touch.
"""

from __future__ import annotations

import numpy as np
import pinocchio

from ..core.errors import ConfigError
from ..core.language import SIDES
from ..core.robot import RobotSpec
from ..core.space_limits import Surroundings
from ..core.values import Array
from .rigid_body import rigid_body

_BUILT_SO = 0.02  # m


class BodyClearance:
    """Looks at postures of one robot. `hands`: the names of the hands' frames, in the order of `hand_motions`."""

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
        pairs = self._pairs(robot)
        self._found = self._pairs_added(pairs)
        self._places = [place.translation for place in self._found.oMg]  # views that follow the shapes
        self._results = list(self._found.distanceResults)
        self._first, self._second = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
        self._spheres = self._radii[self._first] + self._radii[self._second]
        self.stand(robot.home, np.zeros_like(robot.home))
        self.hands = tuple(f"{side}_grasp_frame" for side in SIDES if self._model.existFrame(f"{side}_grasp_frame"))
        self._hand_frames = [self._model.getFrameId(hand) for hand in self.hands]
        joints = [self._model.frames[frame].parentJoint for frame in self._hand_frames]
        self._hands_moved_by = np.array([self._chain(joint) for joint in joints]).reshape(-1, 1, len(self._theirs))

    @property
    def watched(self) -> int:
        """How many pairs of shapes are watched."""
        return len(self._results)

    def look(self, position: Array, margin: float) -> Surroundings:
        """All pairs that may be nearer than `margin`, m, at `position` (J,) rad."""
        self.stand(position, np.zeros_like(position))
        return self.nearest(np.zeros_like(position), margin, self.watched)

    def stand(self, position: Array, motion: Array) -> None:
        """Speak of the posture `position` (J,) rad from now on; `motion` (J,) rad happens to it in any case."""
        pinocchio.computeJointJacobians(self._model, self._data, position[self._ours])
        pinocchio.updateGeometryPlacements(self._model, self._data, self._shapes, self._found)
        self._motions = self._data.J.T[self._theirs]
        self._centres = np.concatenate(self._places).reshape(-1, 3)
        square, inner = self._of_pairs(self._centres @ self._centres.T)
        self._apart = np.sqrt(np.maximum(square - inner, 1e-12))
        self._room = self._apart - self._spheres + self._nearing(motion)  # of what was not told of

    def nearest(self, motion: Array, margin: float, count: int) -> Surroundings:
        """Of the pairs that `motion` (J,) rad and the one of `stand` together may bring nearer than `margin`, m, the
        `count` nearest that were not told of since."""
        room = self._room + self._nearing(motion)
        pairs = np.flatnonzero(room < margin)
        if len(pairs) > count:
            pairs = pairs[np.argpartition(room[pairs], count)[:count]]
        self._room[pairs] = np.inf
        numbers: list[int] = pairs.tolist()
        for number in numbers:
            pinocchio.computeDistance(self._shapes, self._found, number)
        found = [self._results[number] for number in numbers]
        points = np.array([one.getNearestPoint1() for one in found]).reshape(-1, 3)
        normals = np.array([one.normal for one in found]).reshape(-1, 3)
        signs = self._moved_by[self._second[pairs]] - self._moved_by[self._first[pairs]]
        lines = np.hstack([normals, _cross(points, normals)])
        return Surroundings(np.array([one.min_distance for one in found]), signs * (lines @ self._motions.T), numbers)

    def hand_motions(self) -> tuple[Array, Array]:
        """Of the posture of `stand`: places of the hands (H, 3) m in base_link, and what each joint adds to their
        velocity, (H, 3, J) m/rad."""
        moving, turning = self._motions[:, :3], self._motions[:, 3:]
        frames = (pinocchio.updateFramePlacement(self._model, self._data, frame) for frame in self._hand_frames)
        places = np.array([frame.translation for frame in frames]).reshape(-1, 3)
        arms = np.repeat(places, len(turning), axis=0)
        swung = _cross(np.tile(turning, (len(places), 1)), arms).reshape(len(places), -1, 3)
        return places, (moving + swung).transpose(0, 2, 1) * self._hands_moved_by

    def names(self, pair: int) -> tuple[str, str]:
        """The two links of a pair that `nearest` told of."""
        watched = self._shapes.collisionPairs[pair]
        return self._links[watched.first], self._links[watched.second]

    def _nearing(self, motion: Array) -> Array:
        """By how much less than 0 the room between the shapes of each pair (P,) may change by a motion, m: the spheres
        round them come no nearer than along the line between them."""
        moves = self._moved_by @ (motion[:, None] * self._motions)
        turned = moves[:, 3:]
        moved = moves[:, :3] + _cross(turned, self._centres)
        own, mutual = self._of_pairs(self._centres @ moved.T)
        slack = np.sqrt(np.einsum("ij,ij->i", turned, turned)) * self._radii
        nearing: Array = np.minimum((own - mutual) / self._apart, 0.0)
        nearing -= slack[self._first] + slack[self._second]
        return nearing

    def _of_pairs(self, product: Array) -> tuple[Array, Array]:
        """Of the inner products (N, N) of two vectors of each shape, for each pair: both with themselves, summed, and
        each with the other's, summed."""
        own, shapes = product.diagonal(), len(product)
        mutual = product.take(self._first * shapes + self._second) + product.take(self._second * shapes + self._first)
        return own[self._first] + own[self._second], mutual

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

    def _pairs(self, robot: RobotSpec) -> list[tuple[int, int]]:
        """Which pairs of shapes to watch."""
        arm = np.ones(len(robot.joint_names), dtype=bool)
        if "hands" in robot.groups:
            arm[robot.group("hands")] = False
        chains = self._moved_by[:, arm]
        between = (chains[:, None] != chains).sum(axis=2)
        pairs = np.argwhere(np.triu(between > 1)).tolist()
        built_so = self._nearer(pairs, robot.home, _BUILT_SO) | {frozenset(pair) for pair in robot.may_touch}
        return [(i, j) for i, j in pairs if frozenset((self._links[i], self._links[j])) not in built_so]

    def _nearer(self, pairs: list[tuple[int, int]], position: Array, least: float) -> set[frozenset[str]]:
        """The links of those pairs of shapes that are nearer to each other than `least`, m."""
        found = self._pairs_added(pairs)
        pinocchio.computeDistances(self._model, self._data, self._shapes, found, position[self._ours])
        results = found.distanceResults
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
