"""QoS profiles by what a topic carries. Use these names; the topic table is in ARCHITECTURE.md."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(reliable: bool, depth: int, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


STATE = _profile(reliable=False, depth=1)  # joint_states, applied_joint_commands: only the newest matters
SENSOR = _profile(reliable=False, depth=5)  # imu/data, tactile/*
IMAGE = _profile(reliable=False, depth=1)  # <cam>/image_raw, /compressed, /camera_info: late pictures are useless
COMMAND = _profile(reliable=True, depth=1)  # joint_commands, action_chunk, teleop/*, cmd_vel
EVENT = _profile(reliable=True, depth=10)  # instruction, speech/heard, speech/say: each one counts
LATCHED = _profile(reliable=True, depth=1, latched=True)  # task, plan, emergency_stop, robot_description, scene
CLOCK = _profile(reliable=False, depth=1)  # /clock
DIAGNOSTICS = _profile(reliable=True, depth=10)
ANY = _profile(reliable=False, depth=10)  # to subscribe to senders of every QoS
