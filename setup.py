"""Entry points of the Python package: `optimus`, and one command for every `optimus_nodes/*_node.py`."""

from pathlib import Path

from setuptools import setup

NODES = sorted(file.stem for file in (Path(__file__).parent / "optimus_nodes").glob("*_node.py"))

setup(
    entry_points={
        "console_scripts": ["optimus = optimus_nodes.cli.main:main"]
        + [f"{node} = optimus_nodes.{node}:main" for node in NODES],
    },
)
