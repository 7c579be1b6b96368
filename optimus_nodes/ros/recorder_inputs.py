"""What a recorder listens to: every stream of the robot, as serialised bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from optimus_humanoid.msg import ActionChunk, ControlOwner, JointCommand, Plan, SceneState, TactileArray, Task
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Bool, String
from trajectory_msgs.msg import JointTrajectory

from ..core.robot import RobotSpec
from ..dataset import compressed_video
from ..dataset.streams import Channel
from . import qos
from .joint_topics import JointSubscription, record_joints
from .pictures import PictureSubscription
from .recorder_loop import RecorderLoop
from .schemas import schema_text

_DEEP = QoSProfile(depth=20, reliability=qos.STATE.reliability, durability=qos.STATE.durability)


@dataclass(frozen=True, slots=True)
class Stream:
    """A topic to record. `name` is relative, so that a namespace is one robot."""

    name: str
    kind: type[Any]
    profile: QoSProfile


STOP = "emergency_stop"
STREAMS = (
    Stream("joint_states", JointState, _DEEP),
    Stream("joint_commands", JointCommand, _DEEP),
    Stream("applied_joint_commands", JointCommand, _DEEP),
    Stream("action_chunk", ActionChunk, qos.EVENT),
    Stream("tactile/left_hand", TactileArray, _DEEP),
    Stream("tactile/right_hand", TactileArray, _DEEP),
    Stream("imu/data", Imu, _DEEP),
    Stream("task", Task, qos.LATCHED),
    Stream("plan", Plan, qos.LATCHED),
    Stream("instruction", String, qos.EVENT),
    Stream("instruction/taken", String, qos.EVENT),
    Stream("speech/say", String, qos.EVENT),
    Stream("control_owner", ControlOwner, qos.LATCHED),
    Stream(STOP, Bool, qos.ANY),
    Stream("teleop/joint_trajectory", JointTrajectory, qos.EVENT),
    Stream("sim/scene", SceneState, qos.STATE),
)


LATCHED = tuple(stream.name for stream in STREAMS if stream.profile is qos.LATCHED)


def listen(node: Node, robot: RobotSpec, loop: RecorderLoop) -> Callable[[], None]:
    """Tell `loop` of every message of every stream, and of the pictures. Returns what ends that."""
    links: list[JointSubscription[Any] | PictureSubscription] = []
    for stream in STREAMS:
        heard = partial(loop.heard, stream.name)
        if stream.kind in (JointState, JointCommand):
            links.append(record_joints(node, robot, stream.kind, stream.name, stream.profile, heard))
        else:
            node.create_subscription(stream.kind, stream.name, heard, stream.profile, raw=True)
    for camera in robot.cameras:
        refuse = partial(loop.refuse, f"{camera.name}/image_raw")
        links.append(PictureSubscription(node, camera.name, partial(loop.seen, camera.name), refuse, all_of_them=True))
    latched = f"{STOP} latched"  # a stop pressed before this node began; the stream itself brings later ones
    node.create_subscription(Bool, STOP, partial(loop.heard, latched), qos.LATCHED, raw=True)

    def close() -> None:
        for link in links:
            link.close()

    return close


def channels(node: Node) -> dict[str, Channel]:
    """The streams of an MCAP file, by name; pictures are not among them."""
    return {s.name: Channel(node.resolve_topic_name(s.name), *schema_text(s.kind)) for s in STREAMS}


def video_channels(node: Node, robot: RobotSpec) -> dict[str, Channel]:
    """Each camera's pictures as foxglove_msgs/CompressedVideo."""
    name, text = compressed_video.NAME, compressed_video.SCHEMA
    return {c.name: Channel(node.resolve_topic_name(f"{c.name}/video"), name, text) for c in robot.cameras}
