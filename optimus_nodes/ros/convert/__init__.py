"""Messages to core values and back. No other module touches message fields.

from optimus_nodes.ros import convert
convert.joint_state_to_msg(state, robot)
"""

from .basics import floats, header, lease_from_msg, lease_to_frame, stamp_from_msg, stamp_to_msg
from .health import diagnostics_from_msg
from .images import (
    calibration_to_msg,
    camera_info_from_msg,
    camera_info_to_msg,
    compressed_from_msg,
    compressed_to_msg,
    image_from_msg,
    image_to_msg,
    pinhole_matrix,
)
from .joints import (
    JointCommandReader,
    JointStateReader,
    action_chunk_from_msg,
    action_chunk_to_msg,
    control_owner_from_msg,
    control_owner_to_msg,
    hand_command_from_msg,
    hand_command_to_msg,
    joint_command_from_msg,
    joint_command_to_msg,
    joint_state_from_msg,
    joint_state_to_msg,
)
from .plans import (
    plan_from_msg,
    plan_to_msg,
    progress_from_msg,
    scene_object_from_msg,
    scene_object_to_msg,
    scene_state_from_msg,
    scene_state_to_msg,
    task_from_msg,
    task_to_msg,
)
from .sensors import imu_from_msg, imu_to_msg, shear_from_msg, tactile_from_msg, tactile_to_msg
from .teleop import joint_target_from_msg, joint_target_to_msg, joy_from_msg, pose_from_msg

__all__ = [
    "JointCommandReader",
    "JointStateReader",
    "action_chunk_from_msg",
    "action_chunk_to_msg",
    "calibration_to_msg",
    "camera_info_from_msg",
    "camera_info_to_msg",
    "compressed_from_msg",
    "compressed_to_msg",
    "control_owner_from_msg",
    "control_owner_to_msg",
    "diagnostics_from_msg",
    "floats",
    "hand_command_from_msg",
    "hand_command_to_msg",
    "header",
    "image_from_msg",
    "image_to_msg",
    "imu_from_msg",
    "imu_to_msg",
    "joint_command_from_msg",
    "joint_command_to_msg",
    "joint_state_from_msg",
    "joint_state_to_msg",
    "joint_target_from_msg",
    "joint_target_to_msg",
    "joy_from_msg",
    "lease_from_msg",
    "lease_to_frame",
    "pinhole_matrix",
    "plan_from_msg",
    "plan_to_msg",
    "pose_from_msg",
    "progress_from_msg",
    "scene_object_from_msg",
    "scene_object_to_msg",
    "scene_state_from_msg",
    "scene_state_to_msg",
    "shear_from_msg",
    "stamp_from_msg",
    "stamp_to_msg",
    "tactile_from_msg",
    "tactile_to_msg",
    "task_from_msg",
    "task_to_msg",
]
