"""The driver of a real robot, beside robot.launch.py: `ros2 launch optimus_humanoid driver.launch.py`.

Which one: set:="driver.driver=mock", or yours as package.module:Class, with its options in driver.options.
"""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `driver`."""
    return launch_graph("driver")
