"""Starts real nodes for a test and listens to them, in a ROS domain of its own on this machine only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import enter_graph_environment, free_domain, graph_environment
from optimus_nodes.core.values import JointCommand
from optimus_nodes.drivers.processes import start_process
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos

ROBOT, URDF = load_robot("optimus")
ELBOW = "left_elbow_joint"
ALL = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)  # a listener that may fall behind


class Bench:
    """Processes and a listener. Use it in a `with` block: nothing is left running after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.domain = free_domain()
        self._before = dict(os.environ)
        enter_graph_environment(self.domain)
        self._processes: list[subprocess.Popen[bytes]] = []
        self.listener: Companion | None = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        if self.listener is not None:
            self.listener.__exit__()
        for process in self._processes:
            stop(process)
        os.environ.clear()
        os.environ.update(self._before)

    def start(self, executable: str, *parameters: str) -> subprocess.Popen[bytes]:
        """Start a node; each parameter is `name:=value`."""
        words = [word for parameter in parameters for word in ("-p", parameter)]
        command = [sys.executable, "-m", f"optimus_nodes.{executable}", "--ros-args", *words]
        with (self.folder / f"{executable}.log").open("ab") as output:
            environment = {**graph_environment(self.domain), "MUJOCO_GL": "egl", "LP_NUM_THREADS": "0"}
            self._processes.append(start_process(command, environment, output))
        return self._processes[-1]

    def log(self, executable: str) -> str:
        """Everything a node has written."""
        return (self.folder / f"{executable}.log").read_text(errors="replace")

    def listen(self) -> Companion:
        """The listener; start processes first."""
        self.listener = Companion()
        return self.listener


class Heard(list[tuple[float, Any]]):
    """Messages of one topic with their arrival, monotonic s."""

    def __init__(self, listener: Companion, kind: type, topic: str, profile: Any) -> None:
        super().__init__()
        self._node = listener.node
        self._subscription = self._node.create_subscription(
            kind, topic, lambda message: self.append((time.monotonic(), message)), profile
        )

    def end(self) -> None:
        """Listen no more; what was heard stays."""
        self._node.destroy_subscription(self._subscription)

    def stamps(self) -> list[float]:
        """Header stamps, robot time s."""
        return [convert.stamp_from_msg(message.header.stamp) for _, message in self]


class Mover:
    """Sends impedance commands that bend the left elbow back and forth."""

    def __init__(self, listener: Companion) -> None:
        self._publisher = listener.node.create_publisher(JointCommandMsg, "joint_commands", qos.COMMAND)
        self._states = Heard(listener, JointState, "joint_states", qos.STATE)
        self._listener, self._elbow = listener, ROBOT.joint_names.index(ELBOW)
        wait_for(lambda: self._states, listener, 5.0, "first joint state")
        wait_for(self._publisher.get_subscription_count, listener, 5.0, "a simulator that takes commands")

    def move(self, seconds: float) -> None:
        began, zero = time.monotonic(), np.zeros(len(ROBOT.joint_names))
        while (passed := time.monotonic() - began) < seconds:
            stamp = self._states.stamps()[-1]
            del self._states[:-1]
            position = ROBOT.home.copy()
            position[self._elbow] -= 0.4 * np.sin(4.0 * passed)
            command = JointCommand(stamp, position, zero, zero, ROBOT.kp, ROBOT.kd)
            self._publisher.publish(convert.joint_command_to_msg(command, ROBOT))
            self._listener.spin(0.01)


def stop(process: subprocess.Popen[bytes], patience: float = 8.0) -> int:
    """Ctrl-C, and SIGKILL when that is not heard; returns the exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def wait_for(condition: Callable[[], object], listener: Companion, timeout: float, what: str) -> None:
    """Take in messages until `condition` holds; fails the test with `what` otherwise."""
    assert listener.wait(condition, timeout), f"{what} did not happen within {timeout:g} s"


def columns(states: Sequence[tuple[float, Any]], joint: str) -> tuple[list[float], list[float], list[float]]:
    """(arrivals s, positions rad, velocities rad/s) of one joint in JointState messages."""
    index = ROBOT.joint_names.index(joint)
    return (
        [arrival for arrival, _ in states],
        [message.position[index] for _, message in states],
        [message.velocity[index] for _, message in states],
    )
