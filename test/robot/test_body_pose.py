"""The kinematics of the judges agree with the simulator's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.robot.body_pose import BodyPose
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.world import SimWorld


def test_it_is_where_the_simulator_has_it() -> None:
    robot, urdf = load_robot("optimus")
    figure, pose = SimWorld(robot, urdf, scene=None), BodyPose(robot, urdf)
    rng = np.random.default_rng(0)
    for _ in range(5):
        position = robot.home + 0.2 * rng.uniform(-1.0, 1.0, len(robot.home))
        figure.pose(position)
        truth, found = figure.body(), pose(position)
        np.testing.assert_allclose(found.posture_error, truth.posture_error, atol=1e-9)
        for side in ("left", "right"):
            np.testing.assert_allclose(found.hands[side], truth.hands[side], atol=1e-5)
            np.testing.assert_allclose(found.fingertips[side], truth.fingertips[side], atol=1e-5)
            assert found.shoulders[side] == pytest.approx(truth.shoulders[side], abs=1e-5)


def test_a_robot_without_such_hands_is_named() -> None:
    robot, urdf = load_robot("optimus")
    with pytest.raises(ConfigError, match="'left_grasp_frame' is not in the URDF of other"):
        BodyPose(replace(robot, name="other"), urdf.replace("left_grasp_frame", "left_palm"))
