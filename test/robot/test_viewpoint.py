"""Where the head camera is and where the arms are, against the simulator's own kinematics."""

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.viewpoint import Viewpoint
from optimus_nodes.sim.world import SimWorld

ROBOT, URDF = load_robot("optimus")


def test_camera_and_hands_are_where_the_simulator_has_them():
    world, viewpoint, rng = SimWorld(ROBOT, URDF), Viewpoint(ROBOT, URDF), np.random.default_rng(0)
    world.reset(1)
    camera = world.model.camera("head").id
    for _ in range(5):
        moved = ROBOT.home + rng.uniform(-0.2, 0.2, len(ROBOT.joint_names))
        world.pose(np.clip(moved, ROBOT.lower, ROBOT.upper))
        pose = viewpoint.view(np.zeros((480, 640, 3), np.uint8), np.eye(3), world.joint_state().position, {})
        assert np.allclose(pose.camera[:3, 3], world.data.cam_xpos[camera], atol=0.012)  # the scene's own jitter
        forward = -world.data.cam_xmat[camera].reshape(3, 3)[:, 2]  # MuJoCo's cameras look along -z
        assert np.arccos(np.clip(pose.camera[:3, 2] @ forward, -1.0, 1.0)) < np.deg2rad(1.0)
        down = -world.data.cam_xmat[camera].reshape(3, 3)[:, 1]
        assert pose.camera[:3, 1] @ down > 0.999
        for side in ("left", "right"):
            assert np.allclose(pose.limbs[side][-1], world.data.body(f"{side}_grasp_frame").xpos, atol=1e-6)
            assert pose.limbs[side].shape == (5, 3)


def test_a_camera_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="no camera 'chest'; its cameras: head, wrist_left, wrist_right"):
        Viewpoint(ROBOT, URDF, "chest")
