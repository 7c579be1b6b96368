"""The robot's end of a remote stop button, beside sim or robot: `ros2 launch optimus_humanoid remote_stop.launch.py`.

The robot stays stopped until somebody holds the button: `optimus stop-button`, then the service emergency_stop/reset.
"""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `remote_stop`."""
    return launch_graph("remote_stop")
