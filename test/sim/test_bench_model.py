"""Bar, button, drawer and distractors of the simulated bench."""

import numpy as np
import pytest

from optimus_nodes.core.scene import SCENES
from optimus_nodes.core.values import JointCommand
from optimus_nodes.robot.dynamics import GravityModel
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.render import SceneRenderer
from optimus_nodes.sim.world import SimWorld

ROBOT, URDF = load_robot("optimus")


@pytest.fixture(scope="module")
def world():
    return SimWorld(ROBOT, URDF, scene=SCENES["bench"])


def settle(world, seed, steps=300):
    start, zero = world.reset(seed, time=0.0), np.zeros(72)
    effort = GravityModel(ROBOT, URDF)(ROBOT.home)
    world.apply(JointCommand(world.time, ROBOT.home, zero, effort, ROBOT.kp, ROBOT.kd))
    world.step(steps)
    return start


def push(world, body, force, steps=300):
    world.data.xfrc_applied[world.model.body(body).id, :3] = force
    world.step(steps)
    world.data.xfrc_applied[:] = 0.0


def test_everything_stays_where_the_seed_put_it(world):
    for seed in range(4):
        start = settle(world, seed)
        for before, after in zip(start.objects, world.scene_state().objects, strict=True):
            assert np.linalg.norm(before.position - after.position) < 0.001, (seed, before.name)
            assert before.state == after.state and not after.held_by


def test_the_state_lists_what_the_seed_drew(world):
    state = world.reset(3)
    assert [o.name for o in state.objects if o.kind == "distractor"] == [
        f"distractor_{k}" for k in range(len(world.draw.bench.distractors))
    ]
    assert state.find("drawer").state == world.draw.bench.drawer_open
    assert state.find("bar").size.tolist() == [0.045, 0.18, 0.045]


def test_the_button_needs_a_push_and_remembers_it_until_the_next_scene(world):
    settle(world, 0)
    push(world, "button_cap", (0, 0, -2.0))
    assert world.scene_state().find("button").state == 0.0
    push(world, "button_cap", (0, 0, -4.0))
    world.step(300)
    assert world.scene_state().find("button").state == 1.0
    assert abs(world.data.joint("button_slide").qpos[0]) < 0.001
    assert world.reset(0).find("button").state == 0.0


def test_the_drawer_slides_when_pulled_and_stays_where_it_is_left(world):
    seed = next(s for s in range(20) if world.reset(s).find("drawer").state == 0.0)
    settle(world, seed)
    handle = world.scene_state().find("drawer").position
    push(world, "drawer", (-1.0, 0, 0))
    assert world.scene_state().find("drawer").state < 0.01
    push(world, "drawer", (-3.0, 0, 0), steps=150)
    world.step(20)
    opened = world.scene_state().find("drawer")
    assert opened.state > 0.03
    assert handle[0] - opened.position[0] == pytest.approx(opened.state, abs=0.003)
    world.step(300)
    assert world.scene_state().find("drawer").state == pytest.approx(opened.state, abs=0.002)


def test_the_head_camera_sees_everything(world):
    for seed in range(8):
        for thing in world.reset(seed).objects:
            assert np.isfinite(world.project("head", thing.position)).all(), (seed, thing.name)


def test_distractors_that_a_scene_does_not_use_are_out_of_sight_and_touch_nothing(world):
    seed = next(s for s in range(20) if len([o for o in world.reset(s).objects if o.kind == "distractor"]) == 1)
    settle(world, seed)
    for name in ("distractor_1", "distractor_2"):
        assert world.data.body(name).xpos[2] == pytest.approx(-3.0, abs=1e-6)


def test_the_button_has_the_colour_that_the_seed_drew(world):
    seed = next(s for s in range(20) if world.reset(s) and world.draw.bench.cap == "red")
    state = world.reset(seed)
    renderer = SceneRenderer(world, ("head",))
    picture = renderer.render("head", world.snapshot())
    renderer.close()
    u, v = world.project("head", state.find("button").position)
    pixel = picture[int(v * 480), int(u * 640)].astype(int)
    assert pixel[0] > 2 * pixel[1:].max()
