"""A node ends cleanly when it is told to, and its exit code says how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys, threading, time
from rclpy.node import Node
from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.ros.runtime import run

class Sample(Node):
    def __init__(self):
        super().__init__("sample")
        self.create_timer(0.05, self.on_timer)
        if mode == "broken":
            raise DeviceError("the camera /dev/video9 does not exist")
        print("up", flush=True)
        if mode == "thread":
            threading.Timer(0.2, lambda: 1 / 0).start()
        if mode == "thread-mendable":
            threading.Timer(0.2, self.wrong_robot).start()
        if mode == "slow":
            time.sleep(0.5)
    def on_timer(self):
        if mode == "bug":
            raise ValueError("a bug")
    def wrong_robot(self):
        raise ConfigError("this is another robot")
    def destroy_node(self):
        print("cleaned up", flush=True)
        super().destroy_node()

executor, mode = sys.argv[1:3]
sys.exit(run(Sample, executor, argv=[]))
"""


def start(executor: str, mode: str) -> subprocess.Popen[str]:
    settings = {"ROS_DOMAIN_ID": "101", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, executor, mode],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("executor", ["events", "single", "threads"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_cleanly(executor, number):
    """EventsExecutor.spin() never woke up for a signal in rclpy 7.1.5."""
    node = start(executor, "run")
    assert node.stdout is not None and node.stdout.readline() == "up\n"
    node.send_signal(number)
    output, error = node.communicate(timeout=20)
    assert (node.returncode, output) == (0, "cleaned up\n"), error


@pytest.mark.parametrize("executor", ["events", "single", "threads"])
def test_a_signal_while_the_node_starts_ends_it_cleanly(executor):
    """An executor can't be made on a context that is shut down: that was a traceback and exit code 1."""
    node = start(executor, "slow")
    assert node.stdout is not None and node.stdout.readline() == "up\n"
    node.send_signal(signal.SIGTERM)
    output, error = node.communicate(timeout=20)
    assert (node.returncode, output) == (0, "cleaned up\n"), error


@pytest.mark.parametrize("executor", ["events", "single"])
def test_a_bug_in_a_callback_ends_the_node_with_1_and_a_traceback(executor):
    node = start(executor, "bug")
    output, error = node.communicate(timeout=20)
    assert node.returncode == 1
    assert "ValueError: a bug" in error and "cleaned up" in output


@pytest.mark.parametrize("executor", ["events", "single", "threads"])
def test_a_bug_in_a_thread_ends_the_node_with_1_and_a_traceback(executor):
    """It ended the thread only: a robot went on without its joint states."""
    node = start(executor, "thread")
    output, error = node.communicate(timeout=20)
    assert node.returncode == 1
    assert "ZeroDivisionError" in error and "cleaned up" in output


def test_an_error_a_person_can_mend_is_one_line_and_exit_2():
    node = start("events", "broken")
    _, error = node.communicate(timeout=20)
    assert node.returncode == 2
    assert error.strip().splitlines()[-1] == "error: the camera /dev/video9 does not exist"
    assert "Traceback" not in error


def test_it_is_so_for_an_error_in_a_thread_too():
    node = start("events", "thread-mendable")
    output, error = node.communicate(timeout=20)
    assert node.returncode == 2
    assert error.strip().splitlines()[-1] == "error: this is another robot"
    assert "Traceback" not in error and "cleaned up" in output
