"""The nodes with a real Gazebo: it comes up with robot and scene, moves, stops, and is held when parts of it die."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from optimus_humanoid.msg import SceneState
from optimus_humanoid.srv import ResetScene
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Imu, JointState
from sim_bench import ELBOW, ROBOT, Bench, Heard, wait_for
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from optimus_nodes.core.gazebo_names import flavour, joint_state_topic
from optimus_nodes.core.scene import scene_named
from optimus_nodes.drivers import gz_messages
from optimus_nodes.drivers.gz_transport import GzTransport
from optimus_nodes.drivers.processes import child_processes
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos
from optimus_nodes.sim.world import SimWorld

JOINT = ROBOT.joint_names.index(ELBOW)
HAS_RENDERING = "OPTIMUS_GAZEBO_CAMERAS" in os.environ or shutil.which("gz") is not None


class Robot:
    """Robot and scene in Gazebo, with the joint controller above."""

    def __init__(self, bench: Bench) -> None:
        cameras = "true" if HAS_RENDERING else "false"
        self.gazebo = bench.start("gazebo_node", "world:=bench", "seed:=3", f"cameras:={cameras}")
        self.driver = bench.start("driver_node", "driver:=gazebo")
        self.controller = bench.start("joint_control_node")
        self.bench, self.listener = bench, bench.listen()
        self._states = Heard(self.listener, JointState, "joint_states", qos.STATE)
        self.scenes = Heard(self.listener, SceneState, "sim/scene", qos.STATE)
        self._targets = self.listener.node.create_publisher(JointTrajectory, "teleop/joint_trajectory", qos.COMMAND)
        self.wait(lambda: self._states and self._targets.get_subscription_count(), "joints and controller", 60.0)

    def wait(self, condition: object, what: str, seconds: float) -> None:
        wait_for(condition, self.listener, seconds, what)  # type: ignore[arg-type]

    def elbow(self) -> float:
        self._states.clear()
        self.wait(lambda: self._states, "a joint state", 5.0)
        return float(self._states[-1][1].position[JOINT])

    def bend(self, goal: float) -> bool:
        self._targets.publish(convert.joint_target_to_msg((ELBOW,), np.array([goal])))
        self.listener.spin(0.02)
        return abs(self.elbow() - goal) < 0.02

    def stands(self, seconds: float = 0.5) -> bool:
        before = self.elbow()
        self.listener.spin(seconds)
        return abs(self.elbow() - before) < 0.02


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    with Bench(tmp_path_factory.mktemp("gazebo")) as bench:
        yield Robot(bench)


def test_the_scene_is_laid_out_as_the_simulator_lays_it_out(robot: Robot) -> None:
    def settled() -> bool:
        return bool(robot.scenes) and "is laid out" in robot.bench.log("gazebo_node")

    robot.wait(settled, "the scene", 60.0)
    robot.listener.spin(3.0)
    wanted = SimWorld(*load_robot("optimus"), scene=scene_named("bench"), seed=3).scene_state()
    found = convert.scene_state_from_msg(robot.scenes[-1][1])
    assert {thing.name for thing in found.objects} == {thing.name for thing in wanted.objects}
    for thing in wanted.objects:
        assert found.find(thing.name).position == pytest.approx(thing.position, abs=0.01), thing.name
        assert found.find(thing.name).place == thing.place


def test_the_sensors_speak_in_the_simulations_time(robot: Robot) -> None:
    imu, clock = Heard(robot.listener, Imu, "imu/data", qos.SENSOR), Heard(robot.listener, Clock, "/clock", qos.CLOCK)
    robot.wait(lambda: len(imu) > 10 and len(clock) > 10, "IMU and clock", 10.0)
    gravity = imu[-1][1].linear_acceleration
    assert (gravity.x, gravity.y, gravity.z) == pytest.approx((0.0, 0.0, 9.8), abs=0.1)
    now = convert.stamp_from_msg(clock[-1][1].clock)
    assert abs(imu.stamps()[-1] - now) < 0.5
    robot.elbow()
    assert abs(robot._states.stamps()[-1] - now) < 1.0


@pytest.mark.skipif(not HAS_RENDERING, reason="this Gazebo was built without rendering")
def test_camera_frames_arrive(robot: Robot) -> None:
    robot.bench.start("camera_node", "camera:=head", "source:=gz:optimus/head", "use_sim_time:=true")
    heard = Heard(robot.listener, Image, "head/image_raw", qos.IMAGE)
    robot.wait(lambda: len(heard) > 3, "pictures of the head camera", 30.0)
    assert np.frombuffer(heard[-1][1].data, np.uint8).std() > 5.0, "the picture is empty"


def test_it_reaches_a_pose_that_it_is_told(robot: Robot) -> None:
    goal = robot.elbow() - 0.4
    robot.wait(lambda: robot.bend(goal), "the elbow to be where it was told to", 20.0)


def test_the_emergency_stop_holds_it_and_it_does_not_go_on_by_itself(robot: Robot) -> None:
    button = robot.listener.node.create_publisher(Bool, "emergency_stop", qos.LATCHED)
    robot.wait(lambda: button.get_subscription_count() >= 2, "driver and controller that hear the button", 5.0)
    start = robot.elbow()
    robot.bend(start + 0.4)
    button.publish(Bool(data=True))
    robot.listener.spin(0.5)
    held = robot.elbow()
    for _ in range(20):
        robot.bend(start + 0.4)
    assert abs(robot.elbow() - held) < 0.03


def test_another_scene_takes_its_place(robot: Robot) -> None:
    client = robot.listener.node.create_client(ResetScene, "reset_scene")
    assert client.wait_for_service(5.0)
    future = client.call_async(ResetScene.Request(seed=4))
    robot.wait(future.done, "the new scene", 20.0)
    assert future.result().success, future.result().message
    robot.listener.spin(1.0)
    assert robot.scenes[-1][1].seed == 4


def test_the_death_of_the_driver_leaves_it_held_by_gazebo(robot: Robot) -> None:
    link = GzTransport(package=flavour().package)
    heard: list[bytes] = []
    link.subscribe(joint_state_topic(ROBOT.name), "Model", heard.append)

    def elbow() -> float:
        heard.clear()
        robot.wait(lambda: heard, "joints in Gazebo", 5.0)
        return next(j.axis1.position for j in gz_messages.read("Model", heard[-1]).joint if j.name == ELBOW)

    try:
        robot.driver.send_signal(signal.SIGKILL)
        robot.listener.spin(0.5)
        held = elbow()
        robot.listener.spin(1.0)
        assert elbow() == pytest.approx(held, abs=0.01)
        robot.driver = robot.bench.start("driver_node", "driver:=gazebo")
        robot.wait(lambda: robot.stands(0.2), "the driver to be back", 20.0)
        assert elbow() == pytest.approx(held, abs=0.05), "it moved when its driver came back"
    finally:
        link.close()


def test_the_end_of_gazebo_ends_its_node_and_nothing_is_left(robot: Robot) -> None:
    children = child_processes(robot.gazebo.pid)
    assert children
    for child in children:
        os.kill(child, signal.SIGKILL)
    robot.wait(lambda: robot.gazebo.poll() is not None, "the node's end", 10.0)
    assert robot.gazebo.returncode == 2
    assert "Gazebo ended with code -9" in robot.bench.log("gazebo_node")
