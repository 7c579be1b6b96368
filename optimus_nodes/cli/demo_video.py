"""The process that films a demo: head camera beside the outside view with captions, and the joints' paths.

It runs at low priority beside the robot, and takes joints in their wire form: what it does not need is
never decoded. Ends on SIGINT. Arguments: output folder, then the instruction.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rclpy
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from optimus_humanoid.msg import Plan as PlanMsg
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState

from optimus_nodes.core.captions import caption
from optimus_nodes.core.plan import Plan
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import ImageArray
from optimus_nodes.drivers.processes import tie_to_parent
from optimus_nodes.drivers.video_file import VideoFile
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.one_at_a_time import OneAtATime
from optimus_nodes.ros.pictures import Picture, PictureSubscription

VIDEO, JOINTS = "video.mp4", "joints.npz"
_WIDTH, _HEIGHT, _STRIP = 640, 480, 64
_KEEP_JOINTS = 10  # one joint message in so many is kept: 25 Hz


class _Path:
    """Every so-many-th message of a stream of joint positions."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.positions: list[Any] = []
        self._seen = 0

    def due(self) -> bool:
        self._seen += 1
        return self._seen % _KEEP_JOINTS == 1

    def add(self, time: float, position: Any) -> None:
        self.times.append(time)
        self.positions.append(np.asarray(position, dtype=np.float32))


class FilmNode(Node):
    """Writes one picture for every outside picture."""

    def __init__(self, folder: Path, robot: RobotSpec, instruction: str) -> None:
        super().__init__("demo_film", start_parameter_services=False)
        self._folder, self._robot, self._instruction = folder, robot, instruction
        self._canvas = np.zeros((_HEIGHT + _STRIP, 2 * _WIDTH, 3), dtype=np.uint8)
        self._head: ImageArray | None = None
        self._plan: Plan | None = None
        self._film: VideoFile | None = None
        self._start = 0.0
        self._measured, self._commanded = _Path(), _Path()
        self._read_state, self._read_command = convert.JointStateReader(robot), convert.JointCommandReader(robot)
        one = OneAtATime()  # pictures come in threads of their own
        self._pictures = [
            PictureSubscription(self, "head", one(self._on_head)),
            PictureSubscription(self, "outside", one(self._on_outside)),
        ]
        self.create_subscription(PlanMsg, "plan", one(self._on_plan), qos.LATCHED)
        self.create_subscription(JointState, "joint_states", self._on_state, qos.STATE, raw=True)
        self.create_subscription(JointCommandMsg, "joint_commands", self._on_command, qos.COMMAND, raw=True)

    def _on_head(self, picture: Picture) -> None:
        pixels = picture.kept()
        self._head = self._head if pixels is None else pixels

    def _on_plan(self, message: PlanMsg) -> None:
        plan = convert.plan_from_msg(message)
        if plan.instruction == self._instruction:  # not the latched plan of another time
            self._plan = plan

    def _on_outside(self, picture: Picture) -> None:
        if self._head is None:
            return
        self._canvas[:_HEIGHT, :_WIDTH] = self._head
        self._canvas[:_HEIGHT, _WIDTH:] = picture.pixels
        if not picture.whole():
            return
        stamp = picture.stamp
        if self._film is None:
            self._film = VideoFile(self._folder / VIDEO, 2 * _WIDTH, _HEIGHT + _STRIP, rate=10)
            self._start = stamp
        time = stamp - self._start
        _write(self._canvas, caption(self._instruction, self._plan, time))
        self._film.add(self._canvas, time)

    def _on_state(self, wire: bytes) -> None:
        if self._measured.due():
            state = self._read_state.read(deserialize_message(wire, JointState))
            if state is not None:
                self._measured.add(state.stamp, state.position)

    def _on_command(self, wire: bytes) -> None:
        if self._commanded.due():
            command = self._read_command.read(deserialize_message(wire, JointCommandMsg))
            self._commanded.add(command.stamp, command.position)

    def close(self) -> None:
        """End the pictures' threads, finish the video and write the joints: `start` s, times (T,) s, (T, J) rad."""
        for pictures in self._pictures:
            pictures.close()
        if self._film is not None:
            self._film.close()
        joints = len(self._robot.joint_names)
        np.savez(
            self._folder / JOINTS,
            start=self._start,
            measured_time=np.array(self._measured.times),
            measured=np.array(self._measured.positions).reshape(-1, joints),
            commanded_time=np.array(self._commanded.times),
            commanded=np.array(self._commanded.positions).reshape(-1, joints),
        )


def _write(canvas: ImageArray, lines: tuple[str, str]) -> None:
    """The two caption lines below the pictures, and what each picture is."""
    canvas[_HEIGHT:] = 24
    for line, (text, colour) in enumerate(zip(lines, ((255, 255, 255), (255, 210, 90)))):
        place = (12, _HEIGHT + 26 + 28 * line)
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.66, colour, 1, cv2.LINE_AA)
    for column, text in enumerate(("head camera", "outside view")):
        place = (column * _WIDTH + 10, 22)
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 1, cv2.LINE_AA)


def main() -> int:
    """Arguments: folder, robot, process id of the parent, instruction."""
    folder, robot_name, parent, instruction = sys.argv[1:5]
    tie_to_parent(int(parent), signal.SIGINT)
    cv2.setNumThreads(1)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stop.append(number))  # never in the middle of a picture
    robot, _ = load_robot(robot_name)
    node = FilmNode(Path(folder), robot, instruction)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop and os.getppid() == int(parent):
        executor.spin_once(timeout_sec=0.2)
    node.close()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
