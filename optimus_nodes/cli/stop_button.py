"""`optimus stop-button`: holds the robot's remote stop, and presses it with any key."""

from __future__ import annotations

import signal
import time
from typing import Annotated

import rclpy
import typer
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Bool, UInt64
from std_srvs.srv import Trigger

from optimus_nodes.cli.environment import enter_graph_environment
from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.remote_stop import answer_to
from optimus_nodes.ros import qos
from optimus_nodes.teleop.keyboard import Keyboard

HELP = "any key stops the robot, r lets it go on, q ends (and stops)"
RELEASED, PRESSED, LOST = "held: the robot may move", "STOPPED by you", "NOBODY ASKS: the link or the robot is gone"
_SILENT_S = 0.5


def stop_button(
    domain: Annotated[int | None, typer.Option(help="ROS domain of the robot; default: ROS_DOMAIN_ID or 0.")] = None,
) -> int:
    """Hold the remote stop of a running robot: any key stops it, and so does the end of this program."""
    enter_graph_environment(domain)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    ended: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):  # an exception in the middle of rclpy may be lost there
        signal.signal(number, lambda number, frame: ended.append(number))
    keyboard = Keyboard()
    button = Button()
    try:
        if not button.asked_within(5.0):
            raise DeviceError("no robot asks for a remote stop in this ROS domain (start it: optimus up --remote-stop)")
        if keyboard.there:
            print(HELP, flush=True)
        told = ""
        while "q" not in (keys := keyboard.pressed()) and not ended:
            if keys:
                told = button.go_on() if keys[-1] == "r" else button.press()
                print(told, flush=True)
            button.spin(0.02)
            state = button.state()
            if state != told:
                print(state, flush=True)
                told = state
    finally:
        button.press()
        button.spin(0.1)
        keyboard.close()
        rclpy.try_shutdown()
    return 0


class Button:
    """Answers the robot's challenges while it is not pressed."""

    def __init__(self) -> None:
        self._node = Node("stop_button", start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._answer = self._node.create_publisher(UInt64, "remote_stop/answer", qos.STATE)
        self._stop = self._node.create_publisher(Bool, "emergency_stop", qos.EVENT)
        self._reset = self._node.create_client(Trigger, "emergency_stop/reset")
        self._node.create_subscription(UInt64, "remote_stop/challenge", self._on_challenge, qos.STATE)
        self._asked, self._pressed = float("-inf"), False

    def asked_within(self, timeout: float) -> bool:
        """Whether a robot asks; waits for it."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self._asked == float("-inf"):
            self.spin(0.05)
        return self._asked > float("-inf")

    def spin(self, seconds: float) -> None:
        """Take in messages."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def press(self) -> str:
        """Stop the robot: at once, and by not answering any more."""
        self._pressed = True
        self._stop.publish(Bool(data=True))
        return PRESSED

    def go_on(self) -> str:
        """Answer again, and reset the stop; what became of it, in words."""
        self._pressed = False
        self._stop.publish(Bool(data=False))
        self.spin(0.8)  # a stop lasts at least half a second, and the robot must have an answer
        future = self._reset.call_async(Trigger.Request())
        end = time.monotonic() + 2.0
        while not future.done() and time.monotonic() < end:
            self.spin(0.02)
        answer = future.result() if future.done() else None
        if answer is None:
            return "joint_control does not answer: still stopped"
        return self.state() if answer.success else str(answer.message)

    def state(self) -> str:
        """In words."""
        if time.monotonic() - self._asked > _SILENT_S:
            return LOST
        return PRESSED if self._pressed else RELEASED

    def _on_challenge(self, message: UInt64) -> None:
        self._asked = time.monotonic()
        if not self._pressed:
            self._answer.publish(UInt64(data=answer_to(message.data)))
