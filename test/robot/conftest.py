"""The robot of this repository, read once by pinocchio and by MuJoCo."""

from __future__ import annotations

import mujoco
import numpy as np
import pinocchio
import pytest

from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import Array
from optimus_nodes.robot.load import load_robot

KEEP_ALL = '<mujoco><compiler fusestatic="false" discardvisual="false" balanceinertia="false"/></mujoco>'


class Both:
    """The same URDF in two independent libraries. Poses are (4, 4) seen from base_link."""

    def __init__(self, robot: RobotSpec, urdf: str) -> None:
        self.robot, self.urdf = robot, urdf
        self.pin = pinocchio.buildModelFromXML(urdf)
        self.pin_data = self.pin.createData()
        self.mj = mujoco.MjModel.from_xml_string(urdf.replace("</robot>", KEEP_ALL + "</robot>"))
        self.mj_data = mujoco.MjData(self.mj)
        joints = [self.pin.joints[self.pin.getJointId(name)] for name in robot.joint_names]
        self._pin_at = np.array([joint.idx_q for joint in joints])
        self._mj_at = np.array([self.mj.joint(name).qposadr[0] for name in robot.joint_names])

    def move(self, q: Array) -> None:
        """Take both to the joint positions q (J,) rad, at rest."""
        ordered = np.empty(len(q))
        ordered[self._pin_at] = q
        pinocchio.framesForwardKinematics(self.pin, self.pin_data, ordered)
        self.mj_data.qpos[self._mj_at] = q
        self.mj_data.qvel[:] = 0.0
        mujoco.mj_forward(self.mj, self.mj_data)

    def pin_pose(self, link: str) -> Array:
        return np.asarray(self.pin_data.oMf[self.pin.getFrameId(link)].homogeneous)

    def mj_pose(self, link: str) -> Array:
        pose, body = np.eye(4), self.mj_data.body(link)
        pose[:3, :3], pose[:3, 3] = body.xmat.reshape(3, 3), body.xpos
        return pose

    def mj_bias(self) -> Array:
        """MuJoCo's gravity torques (J,) at rest, N·m."""
        return np.asarray(self.mj_data.qfrc_bias[self._mj_at])

    def touching(self) -> set[tuple[str, str]]:
        """Pairs of links whose collision shapes overlap (parent and child never count)."""
        names = [self.mj.body(b).name for b in range(self.mj.nbody)]
        bodies = self.mj.geom_bodyid
        pairs = [self.mj_data.contact[k] for k in range(self.mj_data.ncon)]
        return {tuple(sorted((names[bodies[c.geom1]], names[bodies[c.geom2]]))) for c in pairs if c.dist < 0}


@pytest.fixture(scope="session")
def both() -> Both:
    return Both(*load_robot("optimus"))


@pytest.fixture
def postures(both: Both) -> Array:
    """Twenty random postures within the limits, (20, J) rad."""
    rng = np.random.default_rng(7)
    return rng.uniform(both.robot.lower, both.robot.upper, size=(20, len(both.robot.joint_names)))
