"""Messages survive the wire and come back as the values they were made of."""

from __future__ import annotations

import time

import numpy as np
import pytest
from fakes import chunk_of, fake_robot
from geometry_msgs.msg import PoseStamped
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState as JointStateMsg
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from optimus_nodes.core.errors import CommandError, DeviceError
from optimus_nodes.core.plan import Plan, PlanState, PlanStep, StepState, Task
from optimus_nodes.core.values import ImuReading, JointCommand, JointState, SceneObject, SceneState
from optimus_nodes.ros import convert

ROBOT = fake_robot(4)
RANDOM = np.random.default_rng(3)


def wired(message):
    """The message after serialisation and back."""
    return deserialize_message(serialize_message(message), type(message))


def same(one, other) -> None:
    for name in one.__dataclass_fields__:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 12.345678901, 1_790_000_000.123456])
def test_stamps_are_exact_to_the_nanosecond_a_float_can_hold(seconds):
    assert convert.stamp_from_msg(convert.stamp_to_msg(seconds)) == pytest.approx(seconds, rel=1e-15)
    assert convert.stamp_to_msg(0.9999999999).sec == 1


def test_joint_states_and_commands_come_back_unchanged():
    state = JointState(1.5, *RANDOM.normal(size=(3, 4)))
    same(convert.joint_state_from_msg(wired(convert.joint_state_to_msg(state, ROBOT)), ROBOT), state)
    command = JointCommand(1.5, *RANDOM.normal(size=(5, 4)))
    same(convert.joint_command_from_msg(wired(convert.joint_command_to_msg(command, ROBOT)), ROBOT), command)


def test_joints_are_matched_by_name_not_by_place():
    command = JointCommand(0.0, *np.tile(np.arange(4.0), (5, 1)))
    message = convert.joint_command_to_msg(command, ROBOT)
    message.name = ["j2", "j0", "j3", "j1"]
    read = convert.JointCommandReader(ROBOT).read(wired(message))
    assert read.position.tolist() == [1.0, 3.0, 0.0, 2.0]


def test_partial_joint_states_are_put_together():
    reader = convert.JointStateReader(ROBOT)
    arms = JointStateMsg(name=["j0", "j1"], position=[0.1, 0.2])
    hands = JointStateMsg(name=["j3", "j2"], position=[0.4, 0.3], velocity=[4.0, 3.0])
    assert reader.read(arms) is None
    state = reader.read(hands)
    assert state.position.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert state.velocity.tolist() == [0.0, 0.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (JointStateMsg(name=["j0", "nose"], position=[0.0, 0.0]), "joint 'nose' is unknown"),
        (JointStateMsg(name=["j0", "j0"], position=[0.0, 0.0]), "joint 'j0' is named twice"),
        (JointStateMsg(name=["j0"], position=[0.0, 0.0]), "1 joints are named but position has 2 values"),
    ],
)
def test_a_joint_state_that_does_not_fit_the_robot_is_refused(message, text):
    with pytest.raises(CommandError, match=text):
        convert.JointStateReader(ROBOT).read(message)


def test_one_message_of_some_joints_is_no_joint_state():
    nothing = np.zeros(len(ROBOT.joint_names))
    message = convert.joint_state_to_msg(JointState(1.0, nothing, nothing, nothing), ROBOT)
    message.name, message.position = message.name[:1], message.position[:1]
    message.velocity, message.effort = message.velocity[:1], message.effort[:1]
    with pytest.raises(CommandError, match=f"joint state names 1 of {len(ROBOT.joint_names)} joints"):
        convert.joint_state_from_msg(message, ROBOT)


def test_a_command_that_leaves_a_joint_out_is_refused():
    command = JointCommand(0.0, *np.zeros((5, 3)))
    with pytest.raises(CommandError, match="command names 3 of 4 joints"):
        convert.joint_command_from_msg(convert.joint_command_to_msg(command, fake_robot(3)), ROBOT)


def test_chunks_come_back_as_float32_rows_and_a_wrong_length_is_refused():
    chunk = chunk_of(ROBOT, RANDOM.normal(size=(16, 4)), 2.0, progress=0.25, task_id=9)
    message = convert.action_chunk_to_msg(chunk)
    read = convert.action_chunk_from_msg(wired(message))
    assert np.allclose(read.positions, chunk.positions, atol=1e-6) and read.names == chunk.names
    assert (read.stamp, read.observation_stamp, read.step_dt, read.progress, read.task_id) == (2.0, 2.0, 0.05, 0.25, 9)
    message.horizon = 15
    with pytest.raises(CommandError, match="chunk has 64 positions; horizon 15 x 4 names"):
        convert.action_chunk_from_msg(wired(message))


def test_teleoperation_takes_one_point_at_a_time():
    names, positions, stamp = convert.joint_target_from_msg(wired(convert.joint_target_to_msg(["j1"], np.ones(1))))
    assert (names, positions.tolist(), stamp) == (("j1",), [1.0], None)
    many = JointTrajectory(joint_names=["j1"], points=[JointTrajectoryPoint(positions=[0.0])] * 3)
    with pytest.raises(CommandError, match="has 3 points; send one at a time"):
        convert.joint_target_from_msg(many)


def test_a_pose_becomes_a_matrix_and_a_wrong_quaternion_is_refused():
    message = PoseStamped()
    message.header.frame_id = "base_link"
    message.pose.position.x = 0.3
    message.pose.orientation.w = message.pose.orientation.z = np.sqrt(0.5)
    pose, frame, stamp = convert.pose_from_msg(wired(message))
    assert np.allclose(pose, [[0, -1, 0, 0.3], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert (frame, stamp) == ("base_link", None)
    message.pose.orientation.w = message.pose.orientation.z = 0.0
    with pytest.raises(CommandError, match="quaternion of length 0.000; it must be 1"):
        convert.pose_from_msg(message)


def test_touch_and_imu_come_back_unchanged():
    reading = ImuReading(1.0, np.array([1.0, 0, 0, 0]), RANDOM.normal(size=3), RANDOM.normal(size=3))
    same(convert.imu_from_msg(wired(convert.imu_to_msg(reading, "imu_link"))), reading)
    stamp, names, force = convert.tactile_from_msg(
        wired(convert.tactile_to_msg(2.0, ("a", "b"), np.array([1.5, 0.0]), "palm"))
    )
    assert (stamp, names, force.tolist()) == (2.0, ("a", "b"), [1.5, 0.0])


@pytest.mark.parametrize(("encoding", "channels"), [("rgb8", 3), ("bgr8", 3), ("rgba8", 4), ("bgra8", 4), ("mono8", 1)])
def test_every_8_bit_encoding_with_padded_rows_becomes_rgb(encoding, channels):
    pixels = RANDOM.integers(0, 255, (3, 4, channels), dtype=np.uint8)
    message = convert.image_to_msg(np.zeros((3, 4, 3), np.uint8), 0.5, "cam")
    message.encoding, message.step = encoding, 4 * channels + 2
    message._data = np.pad(pixels.reshape(3, -1), ((0, 0), (0, 2))).reshape(-1)
    read, stamp = convert.image_from_msg(wired(message))
    wanted = {"mono8": [0, 0, 0], "rgb8": [0, 1, 2], "rgba8": [0, 1, 2]}.get(encoding, [2, 1, 0])
    assert np.array_equal(read, pixels[:, :, wanted]) and stamp == 0.5


def test_an_image_that_can_not_be_read_is_an_error():
    message = convert.image_to_msg(np.zeros((3, 4, 3), np.uint8), 0.0, "cam")
    message.encoding = "16UC1"
    with pytest.raises(DeviceError, match="image encoding '16UC1' can't be read; allowed are rgb8"):
        convert.image_from_msg(message)
    message.encoding, message.height = "rgb8", 4
    with pytest.raises(DeviceError, match="image 4x4 rgb8 has step 12 and 36 bytes"):
        convert.image_from_msg(message)


def test_a_vga_picture_is_converted_without_going_through_python_lists():
    """Assigning an ndarray to the field took 117 ms."""
    pixels = np.zeros((480, 640, 3), np.uint8)
    start = time.perf_counter()
    for _ in range(10):
        convert.image_from_msg(convert.image_to_msg(pixels, 0.0, "cam"))
    assert time.perf_counter() - start < 0.1


def test_camera_info_of_an_ideal_camera_comes_back():
    matrix = convert.pinhole_matrix(640, 480, 60.0)
    size, read, distortion = convert.camera_info_from_msg(
        wired(convert.camera_info_to_msg(0.0, "cam", (640, 480), matrix))
    )
    assert size == (640, 480) and np.array_equal(read, matrix) and not distortion.any()
    assert matrix[1, 1] == pytest.approx(240.0 / np.tan(np.radians(30.0)))


def test_tasks_plans_and_scenes_come_back_unchanged():
    assert convert.task_from_msg(wired(convert.task_to_msg(Task(3, "go home"), 1.0))) == Task(3, "go home")
    plan = Plan(1, "do it", (PlanStep("a", StepState.FAILED, 0.5, "slipped"), PlanStep("b")), PlanState.DONE, "hm")
    assert convert.plan_from_msg(wired(convert.plan_to_msg(plan, 1.0))) == plan
    box = SceneObject(
        "box_red", "box", "red", "small", *(np.arange(float(n)) for n in (3, 4, 3)), held_by="left", state=0.1
    )
    scene = convert.scene_state_from_msg(wired(convert.scene_state_to_msg(SceneState(2.0, 7, (box,)))))
    assert (scene.stamp, scene.seed) == (2.0, 7)
    same(scene.objects[0], box)
