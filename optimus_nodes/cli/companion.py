"""A ROS node for the command line: gives instructions, resets the scene, and remembers what the robot reports."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from optimus_humanoid.action import ExecuteInstruction
from optimus_humanoid.msg import Plan as PlanMsg
from optimus_humanoid.msg import SceneState as SceneStateMsg
from optimus_humanoid.srv import ResetScene
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from std_msgs.msg import Bool, String

from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.plan import Plan
from optimus_nodes.core.values import SceneState
from optimus_nodes.ros import convert, qos

_LEVELS = ("ok", "warning", "error", "stale")


@dataclass(frozen=True)
class Outcome:
    """How an instruction ended: `message` in plain words, and its plan when there was one."""

    success: bool
    message: str
    plan: Plan | None


class Companion:
    """Use it in a `with` block, from one thread, after `enter_graph_environment`."""

    def __init__(self) -> None:
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)  # Ctrl-C must leave us able to cancel
        self.node = Node(f"optimus_cli_{os.getpid()}", start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.plan: Plan | None = None
        self.plan_stamp = 0.0
        self.scene: SceneState | None = None
        self.emergency_stopped: bool | None = None
        self.diagnostics: dict[str, dict[str, str]] = {}
        self.health: dict[str, tuple[str, str]] = {}
        self.speech: list[str] = []
        self.on_plan: Callable[[Plan], None] = lambda plan: None
        self.on_speech: Callable[[str], None] = lambda text: None
        node = self.node
        node.create_subscription(PlanMsg, "plan", self._on_plan, qos.LATCHED)
        node.create_subscription(String, "speech/say", self._on_speech, qos.EVENT)
        node.create_subscription(Bool, "emergency_stop", self._on_emergency_stop, qos.LATCHED)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)
        node.create_subscription(SceneStateMsg, "sim/scene", self._on_scene, qos.STATE)
        self._action = ActionClient(node, ExecuteInstruction, "execute_instruction")
        self._reset = node.create_client(ResetScene, "reset_scene")

    def __enter__(self) -> Companion:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.remove_node(self.node)
        self.node.destroy_node()
        rclpy.try_shutdown()

    def spin(self, seconds: float) -> None:
        """Take in messages for `seconds`."""
        self.wait(lambda: False, seconds)

    def wait(self, condition: Callable[[], Any], timeout: float) -> bool:
        """Take in messages until `condition` holds; False when `timeout` s passed first."""
        end = time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            if left <= 0.0:
                return False
            self._executor.spin_once(timeout_sec=min(left, 0.1))
        return True

    def planner_is_there(self) -> bool:
        """Whether somebody offers the execute_instruction action now."""
        return bool(self._action.server_is_ready())

    def simulator_is_there(self) -> bool:
        """Whether somebody offers the reset_scene service now."""
        return bool(self._reset.service_is_ready())

    def reset_scene(self, seed: int, timeout: float = 10.0) -> SceneState:
        """A new scene from `seed`. Raises DeviceError when the simulator refuses or does not answer."""
        future = self._reset.call_async(ResetScene.Request(seed=seed))
        self._finish(future, timeout, "the simulator did not answer to reset_scene")
        answer = future.result()
        if not answer.success:
            raise DeviceError(f"the simulator could not make the scene of seed {seed}: {answer.message}")
        self.scene = convert.scene_state_from_msg(answer.scene)
        return self.scene

    def carry_out(self, instruction: str, timeout: float, watch: Callable[[], None] = lambda: None) -> Outcome:
        """Give an instruction and wait for its end; after `timeout` s it is cancelled. `watch` is called often.

        Raises DeviceError when there is no planner. Ctrl-C cancels the instruction before it is passed on.
        """
        if not self.wait(self.planner_is_there, 5.0):
            raise DeviceError("no planner answers: the graph is not running in this ROS domain (start it: optimus up)")
        sending = self._action.send_goal_async(ExecuteInstruction.Goal(instruction=instruction))
        self._finish(sending, 10.0, "the planner did not take the instruction")
        goal = sending.result()
        if not goal.accepted:
            return Outcome(False, "the planner refused the instruction", None)
        ending = goal.get_result_async()
        try:
            end = time.monotonic() + timeout
            while not self.wait(ending.done, 0.2):
                watch()
                if time.monotonic() > end:
                    self._cancel(goal, ending)
                    return Outcome(False, f"not done within {timeout:g} s", self.plan)
        except BaseException:  # Ctrl-C, or `watch` found the graph broken: the robot must not go on alone
            self._cancel(goal, ending)
            raise
        result = ending.result().result
        plan = convert.plan_from_msg(result.plan)
        return Outcome(result.success, result.message, plan if plan.steps else None)

    def _cancel(self, goal: Any, ending: Future) -> None:
        goal.cancel_goal_async()
        self.wait(ending.done, 2.0)

    def _finish(self, future: Future, timeout: float, problem: str) -> None:
        if not self.wait(future.done, timeout):
            raise DeviceError(f"{problem} within {timeout:g} s")

    def _on_plan(self, message: PlanMsg) -> None:
        self.plan = convert.plan_from_msg(message)
        self.plan_stamp = convert.stamp_from_msg(message.header.stamp)
        self.on_plan(self.plan)

    def _on_speech(self, message: String) -> None:
        self.speech.append(message.data)
        self.on_speech(message.data)

    def _on_emergency_stop(self, message: Bool) -> None:
        self.emergency_stopped = message.data

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for name, level, sentence, figures in convert.diagnostics_from_msg(message):
            self.health[name] = _LEVELS[level], sentence
            self.diagnostics[name] = figures

    def _on_scene(self, message: SceneStateMsg) -> None:
        self.scene = convert.scene_state_from_msg(message)
