"""What is true of the scene in Gazebo, told as the simulator tells it: a still world that is put where Gazebo's is."""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np

from ..core.values import Array, SceneState
from .world import SimWorld


class GazeboTwin(SimWorld):
    """A world that is never stepped."""

    def show(self, stamp: float, joints: Array, poses: Mapping[str, tuple[Array, Array]]) -> SceneState:
        """The scene when the robot's joints are at (J,) rad and Gazebo's links at `poses`.

        Args: stamp: s. poses: of a body's name, position (3,) m and quaternion (w, x, y, z) in the base frame.
        """
        model, data = self.model, self.data
        data.time, data.qpos[self._qpos] = stamp, joints
        for joint in range(model.njnt):
            body = model.jnt_bodyid[joint]
            pose = poses.get(model.body(body).name)
            start = model.jnt_qposadr[joint]
            if pose is None:
                continue
            if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
                data.qpos[start : start + 7] = np.concatenate(pose)
            elif model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE:
                parent = model.body_parentid[body]
                turn = data.xmat[parent].reshape(3, 3)
                way = (turn.T @ (pose[0] - data.xpos[parent]) - model.body_pos[body]) @ model.jnt_axis[joint]
                data.qpos[start] = np.clip(way, *model.jnt_range[joint])
        mujoco.mj_forward(model, data)
        if self._things is not None:
            self._things.after_step(data)
        return self.scene_state()
