"""A box held by the left hand in MuJoCo and in DART: fingers close on it, what it stands on goes, and it stays.

The robot is as Gazebo gets it (robot/gazebo_urdf.py): motors weigh on links, and dampers are the joints' own. Only the
hand and the box can touch each other and, at first, the box what it stands on.
"""

from __future__ import annotations

import dartpy
import mujoco
import numpy as np

from optimus_nodes.core.gazebo_names import FLAVOURS
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import Array
from optimus_nodes.robot.dynamics import GravityModel
from optimus_nodes.robot.gazebo_urdf import gazebo_urdf
from optimus_nodes.sim.arm import ArmKinematics
from optimus_nodes.sim.grasp import Grasp
from optimus_nodes.sim.model import hand_of

SIDE, BOX, STAND = "left", "box", "stand"
EDGES = np.array([0.045, 0.045, 0.06])  # m
MASS = 300.0 * float(EDGES.prod())  # kg
FRICTION = 1.2
TIMESTEP, CLOSE_TIME, HOLD_TIME = 0.001, 0.7, 1.0  # s
GRAVITY = 9.81
_KEEP = '<mujoco><compiler fusestatic="false" discardvisual="true" balanceinertia="false"/></mujoco>'
_NOTHING = 1e-12


class Held:
    """What both engines are given: the robot, where the box is, and the torques that close the hand on it."""

    def __init__(self, robot: RobotSpec, urdf: str, closes: bool = True) -> None:
        self._closed = "closed" if closes else "open"
        self.robot, self.urdf = robot, gazebo_urdf(robot, urdf, FLAVOURS["gz"])
        self.names = robot.joint_names
        self._gravity = GravityModel(robot, urdf)
        self.postures = Grasp.of(robot).hand_postures(robot, SIDE)
        self.hand = robot.group(f"{SIDE}_hand")
        arm = ArmKinematics(robot, urdf, SIDE)
        pose = arm.pose(robot.home[arm.chain])
        assert robot.hands is not None
        self.centre = pose.act(np.array(robot.hands.pinch))
        self.turn = pose.rotation

    def torque(self, position: Array, time: float) -> Array:
        """Springs to the home posture, the left hand's to its closed one; damping is in the joints."""
        goal = self.robot.home.copy()
        goal[self.hand] = self.postures[self._closed if time > 0.05 else "open"]
        pull = self.robot.kp * (goal - position) + self._gravity(position)
        return np.clip(pull, -self.robot.max_effort, self.robot.max_effort)


def hold_in_mujoco(held: Held) -> Array:
    """Height of the box above where it stood, m, one value a step."""
    spec = mujoco.MjSpec.from_string(held.urdf.replace("</robot>", _KEEP + "</robot>"))
    spec.option.timestep, spec.option.gravity = TIMESTEP, (0.0, 0.0, -GRAVITY)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone, spec.option.impratio = mujoco.mjtCone.mjCONE_ELLIPTIC, 10.0
    for geom in spec.geoms:
        geom.contype, geom.conaffinity = (1, 2) if hand_of(geom.parent.name) == SIDE else (0, 0)
        geom.condim, geom.friction = 4, (FRICTION, 0.02, 0.001)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, held.turn.flatten())
    grip = {"condim": 4, "friction": (FRICTION, 0.02, 0.001), "solref": (0.006, 1.0)}
    box = spec.worldbody.add_body(name=BOX, pos=held.centre, quat=quat)
    box.add_freejoint(name="box_free")
    kind = mujoco.mjtGeom.mjGEOM_BOX
    box.add_geom(name=BOX, type=kind, size=EDGES / 2, mass=MASS, contype=2, conaffinity=1 | 4, **grip)
    below = held.centre - np.array([0.0, 0.0, EDGES[2] / 2 + 0.02])
    spec.worldbody.add_geom(name=STAND, type=kind, size=(0.02, 0.02, 0.02), pos=below, contype=4, conaffinity=2, **grip)
    model = spec.compile()
    data = mujoco.MjData(model)
    at = np.array([model.joint(name).qposadr[0] for name in held.names])
    dof = np.array([model.joint(name).dofadr[0] for name in held.names])
    data.qpos[at] = held.robot.home
    data.qpos[at[held.hand]] = held.postures["open"]
    heights = []
    for k in range(round((CLOSE_TIME + HOLD_TIME) / TIMESTEP)):
        if k == round(CLOSE_TIME / TIMESTEP):
            model.geom(STAND).contype = model.geom(STAND).conaffinity = 0
        data.qfrc_applied[dof] = held.torque(data.qpos[at], k * TIMESTEP)
        mujoco.mj_step(model, data)
        heights.append(data.body(BOX).xpos[2] - held.centre[2])
    return np.array(heights)


def hold_in_dart(held: Held) -> Array:
    """Height of the box above where it stood, m, one value a step."""
    loader = dartpy.utils.DartLoader()
    options = loader.getOptions()
    options.mDefaultInertia = dartpy.dynamics.Inertia(_NOTHING, np.zeros(3), np.eye(3) * _NOTHING)
    options.mDefaultRootJointType = dartpy.utils.DartLoader.RootJointType.FIXED
    loader.setOptions(options)
    robot = loader.parseSkeletonString(held.urdf, "")
    robot.disableSelfCollisionCheck()
    for body in robot.getBodyNodes():
        body.setCollidable(hand_of(body.getName()) == SIDE)
        for shape in body.getShapeNodes():
            if shape.hasDynamicsAspect():
                shape.getDynamicsAspect().setFrictionCoeff(FRICTION)
    world = dartpy.simulation.World()
    world.setGravity([0.0, 0.0, -GRAVITY])
    world.setTimeStep(TIMESTEP)
    world.addSkeleton(robot)
    place = dartpy.math.Isometry3()
    place.set_rotation(held.turn)
    place.set_translation(held.centre)
    box = _box(BOX, EDGES, place)
    world.addSkeleton(box)
    below = dartpy.math.Isometry3()
    below.set_translation(held.centre - np.array([0.0, 0.0, EDGES[2] / 2 + 0.02]))
    stand = _box(STAND, np.full(3, 0.04), below, fixed=True)
    world.addSkeleton(stand)
    at = np.array([robot.getDof(name).getIndexInSkeleton() for name in held.names])
    start = np.zeros(robot.getNumDofs())
    start[at] = held.robot.home
    start[at[held.hand]] = held.postures["open"]
    robot.setPositions(start)
    heights = []
    for k in range(round((CLOSE_TIME + HOLD_TIME) / TIMESTEP)):
        if k == round(CLOSE_TIME / TIMESTEP):
            world.removeSkeleton(stand)
        torque = np.zeros(robot.getNumDofs())
        torque[at] = held.torque(np.asarray(robot.getPositions())[at], k * TIMESTEP)
        robot.setForces(torque)
        world.step()
        heights.append(box.getBodyNode(0).getWorldTransform().translation()[2] - held.centre[2])
    return np.array(heights)


def _box(
    name: str, edges: Array, place: dartpy.math.Isometry3, fixed: bool = False
) -> dartpy.dynamics.Skeleton:
    made = dartpy.dynamics.Skeleton(name)
    joint, body = made.createWeldJointAndBodyNodePair() if fixed else made.createFreeJointAndBodyNodePair()
    shape = dartpy.dynamics.BoxShape(edges)
    node = body.createShapeNode(shape)
    node.createCollisionAspect()
    node.createDynamicsAspect()
    node.getDynamicsAspect().setFrictionCoeff(FRICTION)
    body.setInertia(dartpy.dynamics.Inertia(MASS, np.zeros(3), shape.computeInertia(MASS)))
    joint.setTransformFromParentBodyNode(place)
    return made
