"""Teleoperation, beside sim or robot: `ros2 launch optimus_humanoid teleop.launch.py`.

A gamepad needs its driver beside it, `ros2 run joy game_controller_node`; teleop/gamepad.py tells the buttons.
For the driver `joy_node` add set:="teleop.gamepad.hold_button=4 ...", as told there.
"""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `teleop`."""
    return launch_graph("teleop")
