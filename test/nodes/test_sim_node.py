"""sim_node as a process, over real DDS: rates, stamps, pictures, resets, watchdog, and its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optimus_humanoid.msg import SceneObject, TactileArray
from optimus_humanoid.srv import ResetScene
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, JointState
from sim_bench import ELBOW, ROBOT, Bench, Heard, Mover, columns, stop, wait_for

from optimus_nodes.cli.companion import Companion
from optimus_nodes.core.values import SceneState
from optimus_nodes.drivers.processes import child_processes, is_alive
from optimus_nodes.ros import convert, qos


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Companion, int]]:
    with Bench(tmp_path_factory.mktemp("sim")) as bench:
        process = bench.start("sim_node", "seed:=3")
        listener = bench.listen()
        wait_for(listener.simulator_is_there, listener, 20.0, "start of sim_node")
        yield bench, listener, process.pid


def places(scene: SceneState) -> list[tuple[str, tuple[float, ...]]]:
    return [(thing.name, tuple(thing.position)) for thing in scene.objects]


def test_joint_states_come_at_250_hz_with_the_stamp_of_their_measurement(running: tuple[Bench, Companion, int]) -> None:
    _, listener, _ = running
    states = Heard(listener, JointState, "joint_states", qos.STATE)
    wait_for(lambda: states, listener, 5.0, "first joint state")
    listener.spin(3.0)
    stamps = np.array(states.stamps())
    steps = np.diff(stamps) / 0.004
    assert np.allclose(steps, np.round(steps), atol=1e-4)
    assert (np.round(steps) >= 1).all()
    assert np.median(np.round(steps)) == 1  # a listener that stood still for a moment missed some
    assert (stamps[-1] - stamps[0]) / (states[-1][0] - states[0][0]) > 0.5  # a machine that others use is slower
    assert states[0][1].name == list(ROBOT.joint_names)


def test_the_other_sensors_have_their_rates(running: tuple[Bench, Companion, int]) -> None:
    _, listener, _ = running
    imu = Heard(listener, Imu, "imu/data", qos.SENSOR)
    touch = Heard(listener, TactileArray, "tactile/right_hand", qos.SENSOR)
    clock = Heard(listener, Clock, "/clock", qos.CLOCK)
    wait_for(lambda: imu and touch and clock, listener, 5.0, "first messages")
    listener.spin(2.0)
    for heard in (imu, touch):
        steps = np.diff(heard.stamps()) / 0.01
        assert np.allclose(steps, np.round(steps), atol=1e-4)
        assert np.median(np.round(steps)) == 1  # a listener that stood still for a moment missed some
    assert touch[0][1].name == list(ROBOT.tactile_pads[len(ROBOT.tactile_pads) // 2 :])
    times = [convert.stamp_from_msg(message.clock) for _, message in clock]
    assert np.allclose(np.diff(times), 0.01 * np.round(np.diff(times) / 0.01), atol=1e-6)
    assert imu[-1][1].header.frame_id == ROBOT.imu_frame


def test_cameras_are_drawn_at_20_hz_at_the_same_instants(running: tuple[Bench, Companion, int]) -> None:
    _, listener, _ = running
    sizes = {"head": (640, 480), "wrist_left": (320, 240), "wrist_right": (320, 240)}
    heard = {name: Heard(listener, Image, f"{name}/image_raw", qos.IMAGE) for name in sizes}
    info = Heard(listener, CameraInfo, "head/camera_info", qos.IMAGE)
    wait_for(lambda: all(heard.values()) and info, listener, 20.0, "first pictures")
    listener.spin(3.0)
    for name, size in sizes.items():
        stamps = np.array(heard[name].stamps())
        assert (heard[name][0][1].width, heard[name][0][1].height) == size
        assert heard[name][0][1].header.frame_id == f"{name}_optical_frame"
        assert np.allclose(stamps * 20.0, np.round(stamps * 20.0), atol=1e-3)
        assert len(stamps) / (stamps[-1] - stamps[0]) > 5.0, "far too few, even on a busy machine"
    assert set(heard["head"].stamps()) & set(heard["wrist_left"].stamps())
    focal = info[0][1].k[0]
    assert focal == pytest.approx(240.0 / np.tan(np.radians(ROBOT.camera("head").fovy_deg) / 2.0))


def test_a_compressed_picture_is_sent_when_somebody_listens(running: tuple[Bench, Companion, int]) -> None:
    import cv2

    _, listener, _ = running
    heard = Heard(listener, CompressedImage, "outside/image_raw/compressed", qos.IMAGE)
    wait_for(lambda: heard, listener, 10.0, "first compressed picture")
    data, _, kind = convert.compressed_from_msg(heard[0][1])
    assert kind == "jpeg"
    assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape == (480, 640, 3)


def test_the_same_seed_makes_the_same_scene_and_another_one_another(running: tuple[Bench, Companion, int]) -> None:
    _, listener, _ = running
    first, other, again = (listener.reset_scene(seed) for seed in (11, 12, 11))
    assert places(first) == places(again)
    assert places(first) != places(other)
    assert again.seed == 11
    assert again.stamp > other.stamp > first.stamp


def test_a_box_is_moved_by_a_message_and_what_is_not_there_moves_nothing(running: tuple[Bench, Companion, int]) -> None:
    _, listener, _ = running
    scene = listener.reset_scene(11)
    red, blue = scene.find("box_red"), scene.find("box_blue")
    move = listener.node.create_publisher(SceneObject, "sim/move_object", qos.EVENT)
    wait_for(move.get_subscription_count, listener, 5.0, "a simulator that listens")
    there = replace(red, position=blue.position + (0.0, 0.0, 0.12))
    for one in (replace(there, name="box_pink"), there):
        move.publish(convert.scene_object_to_msg(one))
    beside = lambda: np.abs(listener.scene.find("box_red").position - blue.position)[:2].max() < 0.03  # noqa: E731
    wait_for(beside, listener, 5.0, "the red box beside the blue one")


def test_a_negative_seed_is_refused_in_plain_words(running: tuple[Bench, Companion, int]) -> None:
    _, listener, _ = running
    client = listener.node.create_client(ResetScene, "reset_scene")
    future = client.call_async(ResetScene.Request(seed=-1))
    wait_for(future.done, listener, 5.0, "answer")
    assert not future.result().success
    assert "-1" in future.result().message


def test_silence_makes_the_robot_hold_within_a_quarter_second(running: tuple[Bench, Companion, int]) -> None:
    _, listener, _ = running
    listener.reset_scene(3)
    states = Heard(listener, JointState, "joint_states", qos.STATE)
    mover = Mover(listener)
    mover.move(0.45)
    silent = time.monotonic()
    assert max(abs(v) for v in columns(states, ELBOW)[2]) > 0.3, "the elbow never moved"
    listener.spin(1.5)
    arrivals, positions, velocities = columns(states, ELBOW)
    held = [k for k, arrival in enumerate(arrivals) if arrival > silent + 0.35]
    assert max(abs(velocities[k]) for k in held) < 0.1
    assert np.ptp([positions[k] for k in held]) < 0.02


def test_the_camera_process_comes_back_when_it_dies(running: tuple[Bench, Companion, int]) -> None:
    bench, listener, pid = running
    (camera,) = child_processes(pid)
    os.kill(camera, signal.SIGKILL)
    wait_for(lambda: child_processes(pid) not in ([], [camera]), listener, 5.0, "a new camera process")
    pictures = Heard(listener, Image, "head/image_raw", qos.IMAGE)
    wait_for(lambda: pictures, listener, 20.0, "first picture")
    assert "the camera process ended with code -9; starting it again" in bench.log("sim_node")


def test_ctrl_c_ends_it_and_its_camera_process(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        process = bench.start("sim_node")
        end = time.monotonic() + 20.0
        while not child_processes(process.pid) and time.monotonic() < end:
            time.sleep(0.05)
        (camera,) = child_processes(process.pid)
        time.sleep(1.0)
        assert stop(process) == 0
        time.sleep(0.2)
        assert not is_alive(camera)


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ("joint_rate:=30.0", "a rate of 30 Hz does not divide the physics rate of 500 Hz"),
        ("base:=wheels", "parameter base of sim_node is 'wheels'; it must be fixed or free"),
        ("seed:=-4", "parameter seed of sim_node is -4; it must be 0 or more"),
        ("robot:=atlas", "there is no robot 'atlas'"),
    ],
)
def test_a_wrong_parameter_ends_it_with_code_2_and_says_why(tmp_path: Path, parameter: str, text: str) -> None:
    with Bench(tmp_path) as bench:
        assert bench.start("sim_node", parameter).wait(20.0) == 2
        assert text in bench.log("sim_node")
