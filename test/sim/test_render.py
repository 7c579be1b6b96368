"""What is left out of a picture would not have been seen in it."""

from __future__ import annotations

import numpy as np
import pytest

from optimus_nodes.core.scene import scene_named
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim import render
from optimus_nodes.sim.render import SceneRenderer
from optimus_nodes.sim.world import PhysicsSnapshot, SimWorld

CAMERAS = ("head", "wrist_left", "wrist_right", "outside")


@pytest.fixture(scope="module")
def world() -> SimWorld:
    robot, urdf = load_robot("optimus")
    return SimWorld(robot, urdf, scene=scene_named("bench"))


def test_pictures_are_the_same_whether_all_is_drawn_or_only_what_is_in_view(world, monkeypatch):
    rng, renderer = np.random.default_rng(4), SceneRenderer(world, CAMERAS)
    joints = [world.model.joint(name) for name in world.robot.joint_names]
    groups = world.model.geom_group.copy()
    for seed in range(4):
        world.reset(seed)
        qpos = world.snapshot().qpos.copy()
        for joint in joints:
            qpos[joint.qposadr[0]] = rng.uniform(*joint.range)
        snapshot = PhysicsSnapshot(float(seed), qpos)
        some = {camera: renderer.render(camera, snapshot).copy() for camera in CAMERAS}
        with monkeypatch.context() as patch:
            patch.setattr(render, "_in_view", lambda model, *_: np.ones(model.ngeom, bool))
            for camera in CAMERAS:
                np.testing.assert_array_equal(renderer.render(camera, snapshot), some[camera])
                all_of_them = renderer._scene.ngeom
        renderer.render("head", snapshot)
        assert renderer._scene.ngeom < 0.7 * all_of_them
        np.testing.assert_array_equal(world.model.geom_group, groups)  # as others draw them
    renderer.close()
