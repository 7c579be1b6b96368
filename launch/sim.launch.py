"""Simulated robot with planner, policy and joint control: `ros2 launch optimus_humanoid sim.launch.py`."""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `sim`."""
    return launch_graph("sim")
