"""Ears and mouth, beside sim or robot: `ros2 launch optimus_humanoid voice.launch.py`.

Without a microphone: set:="speech.input=said.wav speech.output=./said"; docs/voice.md tells more.
"""

from launch import LaunchDescription

from optimus_nodes.cli.launching import launch_graph


def generate_launch_description() -> LaunchDescription:
    """The nodes that config/graph.yaml lists under `voice`."""
    return launch_graph("voice")
