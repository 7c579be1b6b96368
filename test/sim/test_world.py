"""The simulated robot: determinism, physics that stays put, sensors and cameras."""

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.perturb import Perturbation
from optimus_nodes.core.values import JointCommand
from optimus_nodes.robot.dynamics import GravityModel
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.render import SceneRenderer
from optimus_nodes.sim.world import SimWorld

ROBOT, URDF = load_robot("optimus")


@pytest.fixture(scope="module")
def world():
    return SimWorld(ROBOT, URDF)


def hold(world, seconds):
    gravity, zero = GravityModel(ROBOT, URDF), np.zeros(72)
    for _ in range(round(seconds / 0.004)):
        effort = gravity(world.joint_state().position)
        world.apply(JointCommand(world.time, ROBOT.home, zero, effort, ROBOT.kp, ROBOT.kd))
        world.step(2)


def test_the_robot_holds_its_home_posture_and_the_boxes_stay(world):
    start = world.reset(3)
    hold(world, 1.0)
    assert np.abs(world.joint_state().position - ROBOT.home).max() < 0.01
    for before, after in zip(start.objects, world.scene_state().objects):
        assert np.linalg.norm(before.position - after.position) < 0.002, before.name
    assert world.tactile().max() == 0.0


def test_the_same_seed_and_commands_give_the_same_state_bit_for_bit(world):
    states = []
    for _ in range(2):
        world.reset(11)
        hold(world, 0.3)
        states.append(world.snapshot().qpos)
    assert np.array_equal(*states)


def test_a_reset_does_not_turn_robot_time_back(world):
    world.reset(1)
    world.step(10)
    before = world.time
    world.reset(2)
    assert world.time >= before


def test_the_imu_feels_gravity_upwards(world):
    world.reset(0)
    hold(world, 0.2)
    assert np.linalg.norm(world.imu().linear_acceleration) == pytest.approx(9.81, abs=0.2)


def test_a_free_base_falls_without_blowing_up():
    free = SimWorld(ROBOT, URDF, base="free", scene=None)
    free.step(1000)
    assert np.isfinite(free.data.qpos).all() and np.abs(free.data.qvel).max() < 100.0
    assert not any(warning.number for warning in free.data.warning)


def test_an_unknown_base_is_refused():
    with pytest.raises(ConfigError, match="base 'wheels' is not known; allowed: fixed, free"):
        SimWorld(ROBOT, URDF, base="wheels")


def test_cameras_show_the_named_boxes_where_the_projection_says(world):
    scene = world.reset(7)
    renderer = SceneRenderer(world, ("head",))
    picture = renderer.render("head", world.snapshot())
    renderer.close()
    assert picture.shape == (480, 640, 3)
    for name, channel in (("box_red", 0), ("box_green", 1), ("box_blue", 2)):
        u, v = world.project("head", scene.find(name).position)
        pixel = picture[int(v * 480), int(u * 640)].astype(int)
        assert pixel.argmax() == channel and pixel[channel] > 1.5 * np.delete(pixel, channel).max(), name


def test_an_unknown_camera_is_refused_with_the_known_ones(world):
    with pytest.raises(ConfigError, match="no camera 'rear'; it has .*'head'"):
        SceneRenderer(world, ("rear",))


def test_the_truth_about_the_body_says_where_hands_and_fingertips_are():
    world = SimWorld(ROBOT, URDF)
    body = world.body()
    assert np.abs(body.posture_error).max() == 0.0
    for side, sign in (("left", 1), ("right", -1)):
        assert body.hands[side][1] * sign > 0.2
        assert np.linalg.norm(body.fingertips[side] - body.hands[side]) < 0.12
        assert body.hands[side][2] < body.shoulders[side]


def test_a_renderer_that_follows_a_closed_one_sees():
    """A closed renderer's leftovers used to be freed in the next one's context, whose pictures were then black."""
    for _ in range(3):
        world = SimWorld(ROBOT, URDF)
        renderer = SceneRenderer(world, ("head",))
        assert renderer.render("head", world.snapshot()).mean() > 20.0
        renderer.close()
        del renderer, world


def test_a_texture_changes_the_picture_and_the_next_clean_scene_is_as_before():
    world = SimWorld(ROBOT, URDF)
    renderer = SceneRenderer(world, ("head",))

    def picture(changed):
        world.perturbation = changed
        world.reset(3, time=0.0)
        return renderer.render("head", world.snapshot()).astype(int)

    clean = picture(Perturbation())
    for changed in (Perturbation(texture=True), Perturbation(light=True), Perturbation(camera=True)):
        assert np.abs(picture(changed) - clean).mean() > 2.0, changed.name
    assert np.array_equal(picture(Perturbation()), clean)
    renderer.close()


def test_a_loose_thing_can_be_put_somewhere_else_and_stays_there():
    world = SimWorld(ROBOT, URDF)
    blue = world.reset(3).find("box_blue")
    world.move("box_red", blue.position + (0.0, 0.0, 0.1), np.array([2.0, 0.0, 0.0, 0.0]))
    hold(world, 1.0)
    red = world.scene_state().find("box_red")
    assert np.abs(red.position - blue.position)[:2].max() < 0.03 and red.position[2] > blue.position[2] + 0.03
    assert np.abs(world.scene_state().find("box_blue").position - blue.position).max() < 0.01


@pytest.mark.parametrize(
    ("name", "position", "orientation", "problem"),
    [
        ("box_pink", np.zeros(3), np.ones(4), "nothing called 'box_pink' can be moved; there are box_"),
        ("base", np.zeros(3), np.ones(4), "nothing called 'base' can be moved"),
        ("box_red", np.array([0.0, 9.0, 0.0]), np.ones(4), r"box_red can't be put at \[0.0, 9.0, 0.0\] m"),
        ("box_red", np.array([0.0, np.nan, 0.0]), np.ones(4), "coordinates may be 3 m at most"),
        ("box_red", np.zeros(3), np.zeros(4), "quaternion not zero"),
    ],
)
def test_what_can_not_be_moved_or_not_there_is_refused(world, name, position, orientation, problem):
    before = world.data.qpos.copy()
    with pytest.raises(ConfigError, match=problem):
        world.move(name, position, orientation)
    assert np.array_equal(world.data.qpos, before)
