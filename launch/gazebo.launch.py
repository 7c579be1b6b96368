"""The robot in Gazebo, with planner, policy and joint control: `ros2 launch optimus_humanoid gazebo.launch.py`.

Another scene, and a window: world:=bench headless:=false.
"""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `gazebo`."""
    return launch_graph("gazebo")
