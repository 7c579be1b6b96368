"""The nodes of a real robot; its driver is started beside them: `ros2 launch optimus_humanoid robot.launch.py`."""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `robot`."""
    return launch_graph("robot")
