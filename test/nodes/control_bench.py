"""A perfect robot around a real joint_control_node: joint states at 250 Hz, every command kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from fakes import PerfectRobot, chunk_of
from optimus_humanoid.msg import ActionChunk, ControlOwner, HandCommand, JointCommand, TactileArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from optimus_nodes.cli.environment import free_domain
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos

ROOT = Path(__file__).resolve().parents[2]
DT = 0.004


class ControlBench:
    """Use as a context manager. `commands`: (monotonic arrival, JointCommand) of everything received."""

    def __init__(self) -> None:
        self.robot, _ = load_robot("optimus")
        self.body = PerfectRobot(self.robot.home)
        self.commands: list[tuple[float, object]] = []
        self.figures: dict[str, str] = {}
        self.owners: list[tuple[str, float]] = []
        self.now = 1.0
        self.domain = free_domain()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ControlBench:
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        self._context = Context()
        rclpy.init(context=self._context, domain_id=self.domain)
        self.node = rclpy.create_node("bench", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        reader = convert.JointCommandReader(self.robot)
        create = self.node.create_publisher
        self._states = create(JointState, "joint_states", qos.STATE)
        self._chunks = create(ActionChunk, "action_chunk", qos.COMMAND)
        self._targets = create(JointTrajectory, "teleop/joint_trajectory", qos.COMMAND)
        self.hands = create(HandCommand, "teleop/hand_command", qos.EVENT)
        self.touch = create(TactileArray, "tactile/left_hand", qos.SENSOR)
        self._stop = create(Bool, "emergency_stop", 1)  # volatile, as `ros2 topic pub` sends it
        self._reset = self.node.create_client(Trigger, "emergency_stop/reset")
        subscribe = self.node.create_subscription
        subscribe(
            JointCommand,
            "joint_commands",
            lambda m: self.commands.append((time.monotonic(), reader.read(m))),
            qos.COMMAND,
        )
        tell = lambda m: self.owners.append(convert.control_owner_from_msg(m))  # noqa: E731
        subscribe(ControlOwner, "control_owner", tell, qos.LATCHED)
        subscribe(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def start(self) -> None:
        """Start joint_control_node and wait for its first command."""
        environment = {**os.environ, "ROS_DOMAIN_ID": str(self.domain), "PYTHONPATH": str(ROOT)}
        environment["OMP_NUM_THREADS"] = "1"
        command = [sys.executable, "-m", "optimus_nodes.joint_control_node"]
        self.process = subprocess.Popen(command, env=environment, cwd=ROOT)
        self.commands.clear()
        self.until(lambda: len(self.commands) > 5, 30.0)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def run(self, seconds: float, each: Callable[[int], None] = lambda tick: None) -> None:
        """Let the robot live for that long; `each` is called every tick."""
        end, due, tick = time.monotonic() + seconds, time.monotonic(), 0
        while due < end:
            self.now += DT
            self._states.publish(convert.joint_state_to_msg(self.body.state(self.now), self.robot))
            each(tick)
            tick, due = tick + 1, due + DT
            while (left := due - time.monotonic()) > 0.0:
                self._executor.spin_once(timeout_sec=left)
            if self.commands:
                self.body.apply(self.commands[-1][1])

    def vanish(self, seconds: float) -> None:
        """No joint states for that long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def until(
        self, condition: Callable[[], object], seconds: float, each: Callable[[int], None] = lambda tick: None
    ) -> None:
        """Live until the condition holds; fails after so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self.run(0.1, each)

    def chunk(self, offset: float, speed: float = 0.0, length: int = 16, **changes: object) -> None:
        """A chunk of `length` rows that moves the left elbow: `offset` rad from home, then with `speed` rad/s."""
        rows = np.tile(self.robot.home, (length, 1))
        rows[:, self.elbow] += offset + speed * 0.05 * np.arange(length)
        chunk = chunk_of(self.robot, rows, **({"stamp": self.now} | changes))
        self._chunks.publish(convert.action_chunk_to_msg(chunk))

    def target(self, names: list[str], positions: list[float], lease: int = 0) -> None:
        self._targets.publish(convert.joint_target_to_msg(names, np.array(positions), lease))

    def press(self, down: bool) -> None:
        self._stop.publish(Bool(data=down))

    def reset(self) -> Trigger.Response:
        future = self._reset.call_async(Trigger.Request())
        self.until(future.done, 5.0)
        return future.result()

    @property
    def elbow(self) -> int:
        return int(self.robot.index(["left_elbow_joint"])[0])

    @property
    def bend(self) -> float:
        """How far the last command has the left elbow from home, rad."""
        return float(self.commands[-1][1].position[self.elbow] - self.robot.home[self.elbow])

    def report(self, key: str, value: str) -> None:
        """Wait until /diagnostics says so."""
        self.until(lambda: self.figures.get(key) == value, 5.0)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for name, _, text, figures in convert.diagnostics_from_msg(message):
            if name == "joint_control: control":
                self.figures = {**figures, "message": text}
