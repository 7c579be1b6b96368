"""A controller manager for the robot, in a namespace of its own: `ros2 launch optimus_humanoid ros2_control.launch.py`.

Beside it: driver.launch.py set:="driver.driver=ros2_control". config/ros2_control.yaml says what the hardware is.
"""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_controllers


def generate_launch_description() -> LaunchDescription:
    """Controller manager, the broadcaster of joint states, and a forward controller for each interface."""
    return launch_controllers()
