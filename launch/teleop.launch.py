"""Teleoperation, beside sim or robot: `ros2 launch optimus_humanoid teleop.launch.py`."""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `teleop`."""
    return launch_graph("teleop")
