"""From the press of the emergency stop to the joints, beside pictures that saturate the machine.

    python bench/stop_latency.py --presses 500 --json

The simulated robot with its cameras and the joint controller; a person teleoperates an elbow back and forth and
somebody presses. In every second block of ten presses another process sends full-HD pictures, 200 MB/s if the machine
can, to one that takes them. `decided`: until control_owner says emergency_stop, which is told after the first braking
command was sent; `at rest`: until no command moves a joint. Both are seen from the pressing process, its own way
through the transport included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from optimus_humanoid.msg import ControlOwner, JointCommand
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.running import RunningGraph, wait_for_nodes
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos

ELBOW, BLOCK, PATIENCE = "left_elbow_joint", 10, 5.0
FLOOD = """
import array, sys, time
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("flood_" + sys.argv[1])
profile = QoSProfile(depth=1)
if sys.argv[1] == "send":
    sender = node.create_publisher(Image, "flood", profile)
    picture = Image(width=1920, height=1080, encoding="rgb8", step=5760)
    picture._data = array.array("B", bytes(1920 * 1080 * 3))
    node.create_timer(1 / 32, lambda: sender.publish(picture))
else:
    taken, began = [0], time.monotonic()
    def take(message):
        taken[0] += 1
        if taken[0] % 32 == 0:
            print(round(taken[0] * 6.22 / (time.monotonic() - began)), flush=True)
    node.create_subscription(Image, "flood", take, profile)
rclpy.spin(node)
"""


@contextmanager
def flood(folder: Path) -> Iterator[Path]:
    """Pictures from one process to another; the file yielded says how many MB/s arrived."""
    log = folder / "flood.log"
    with log.open("w") as output:
        both = [
            subprocess.Popen([sys.executable, "-c", FLOOD, role], stdout=output, stderr=subprocess.DEVNULL)
            for role in ("take", "send")
        ]
        try:
            yield log
        finally:
            for process in both:
                process.kill()
                process.wait()


class Presser:
    """A person at the stick and another one at the button."""

    def __init__(self, listener: Companion) -> None:
        self._listener, node = listener, listener.node
        robot, _ = load_robot("optimus")
        self._home = float(robot.home[robot.index([ELBOW])[0]])
        self._owner: list[tuple[float, str]] = []
        self._moves: list[tuple[float, bool]] = []
        self._stop = node.create_publisher(Bool, "emergency_stop", qos.LATCHED)
        self._targets = node.create_publisher(JointTrajectory, "teleop/joint_trajectory", qos.COMMAND)
        self._reset = node.create_client(Trigger, "emergency_stop/reset")
        node.create_subscription(ControlOwner, "control_owner", self._on_owner, qos.LATCHED)
        node.create_subscription(JointCommand, "joint_commands", self._on_command, qos.COMMAND)
        self._until(lambda: self._moves and self._reset.service_is_ready(), "the robot", 30.0)

    def press(self) -> tuple[float, float]:
        """Seconds from a press until it was decided, and until nothing moved."""
        self._drive(0.35)
        self._owner.clear()
        pressed = time.monotonic()
        self._stop.publish(Bool(data=True))
        self._until(lambda: self._owner and self._owner[-1][1] == "emergency_stop", "the stop")
        decided = self._owner[-1][0]
        self._until(lambda: self._moves[-1][0] > decided and not self._moves[-1][1], "a robot at rest")
        still = next(at for at, moving in self._moves if at > decided and not moving)
        self._stop.publish(Bool(data=False))
        self._listener.spin(0.6)
        self._moves.clear()
        self._until(self._try_reset, "the reset")
        return decided - pressed, still - pressed

    def _drive(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end or not (self._moves and self._moves[-1][1]):
            if now > end + PATIENCE:
                raise DeviceError("the arm does not move")
            angle = self._home - 0.4 - 0.4 * np.sin(5.0 * now)
            self._targets.publish(convert.joint_target_to_msg((ELBOW,), np.array([angle])))
            self._listener.spin(0.03)

    def _try_reset(self) -> bool:
        future = self._reset.call_async(Trigger.Request())
        return self._listener.wait(future.done, 1.0) and bool(future.result().success)

    def _until(self, condition: Any, what: str, seconds: float = PATIENCE) -> None:
        if not self._listener.wait(condition, seconds):
            raise DeviceError(f"{what} did not come within {seconds:g} s")

    def _on_owner(self, message: ControlOwner) -> None:
        self._owner.append((time.monotonic(), message.owner))

    def _on_command(self, message: JointCommand) -> None:
        self._moves.append((time.monotonic(), any(message.velocity)))


def figures(times: list[tuple[float, float]]) -> dict[str, float]:
    """ms of every press."""
    found: dict[str, float] = {"presses": len(times)}
    for name, column in zip(("decided", "at_rest"), 1e3 * np.array(times).T, strict=True):
        for label, value in zip(("p50", "p99", "max"), np.percentile(column, (50, 99, 100)), strict=True):
            found[f"{name}_{label}_ms"] = round(float(value), 1)
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=500, help="half of them beside pictures")
    parser.add_argument("--json", action="store_true", help="print one line of JSON last")
    options = parser.parse_args()
    domain = free_domain()
    enter_graph_environment(domain)
    times: dict[str, list[tuple[float, float]]] = {"alone": [], "beside pictures": []}
    rates: list[int] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with RunningGraph(folder, domain, ["--only", "sim", "--only", "joint_control"]) as graph, Companion() as one:
            wait_for_nodes(graph)
            presser = Presser(one)
            for block in range(max(2, round(options.presses / BLOCK))):
                if block % 2 == 0:
                    times["alone"] += [presser.press() for _ in range(BLOCK)]
                    continue
                with flood(folder) as log:
                    one.spin(3.0)
                    times["beside pictures"] += [presser.press() for _ in range(BLOCK)]
                    rates += [int(line) for line in log.read_text().split()[-1:]]
                print(f"{(block + 1) * BLOCK} presses", flush=True)
    result: dict[str, Any] = {name: figures(each) for name, each in times.items()}
    result["pictures_mb_s"] = float(np.median(rates)) if rates else None
    for name, each in result.items():
        print(f"{name}: {each}")
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
