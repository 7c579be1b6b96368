"""Turns what a person asks for into tasks for the policy, one after the other, and says how it goes.

In: instruction, action execute_instruction, action_chunk (progress), emergency_stop. Out: task and plan
(latched), speech/say, hand_command, instruction/taken (all that was asked, however it came). The planner thinks
in a thread of its own; a stop never waits for it. A planner that starts gives an empty task first; while one is
dead, lease.watch tells the policy's node.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from optimus_humanoid.msg import ActionChunk, HandCommand, Plan, Task
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Bool, String

from optimus_nodes.core.errors import OptimusError
from optimus_nodes.core.hand_orders import HandAbilities, HandOrders
from optimus_nodes.core.plan_session import PlanSession, Request
from optimus_nodes.core.planner import Planner, PlanProposal
from optimus_nodes.core.robot_clock import RobotClock
from optimus_nodes.core.world import assumed_world
from optimus_nodes.planner.make import make_planner
from optimus_nodes.planner.params import PlannerParams
from optimus_nodes.policy.reading import reader_on_demand
from optimus_nodes.robot.load import load_robot
from optimus_nodes.robot.share import share_path
from optimus_nodes.ros import convert, lease, qos
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.plan_server import PlanServer
from optimus_nodes.ros.runtime import run
from optimus_nodes.ros.thinker import thinker_for

TICK_S = 0.05


class PlannerNode(Node):
    """The shell around PlanSession."""

    def __init__(self, make: Callable[[PlannerParams], Planner]) -> None:
        super().__init__("planner")
        self._params = declare(self, PlannerParams)
        self._thinker = thinker_for(self, make(self._params), self._params)
        first_id = int(time.time() * 10) % 2**32  # ids must grow over restarts too, and fast talkers use some
        rules, skills = self._params.rules, self._params.known_skills
        world = assumed_world(skills)
        hands = HandOrders(HandAbilities.of(load_robot(self._params.robot)[0]), self._params.gentle_force)
        timeout, looks = self._params.planning_timeout, self._thinker.looks
        self._session = PlanSession(rules, first_id, timeout, world, skills, looks, hands)
        self._robot_clock = RobotClock()
        self._sent_task: object = None
        self._sent_plan: object = None
        self._sent_at = self._reported = 0.0
        self._task = self.create_publisher(Task, "task", lease.OFFERED)
        self._hands = self.create_publisher(HandCommand, "hand_command", qos.EVENT)
        self._plan = self.create_publisher(Plan, "plan", qos.LATCHED)
        self._speech = self.create_publisher(String, "speech/say", qos.EVENT)
        self._taken = self.create_publisher(String, "instruction/taken", qos.EVENT)
        self._publish()
        self.create_subscription(CameraInfo, self._params.time_topic, self._on_time, qos.IMAGE)
        self.create_subscription(ActionChunk, "action_chunk", self._on_chunk, qos.COMMAND)
        self.create_subscription(String, "instruction", lambda message: self._ask(message.data), qos.EVENT)
        for profile in (qos.LATCHED, qos.ANY):  # a stop must arrive whatever its sender's QoS is
            self.create_subscription(Bool, "emergency_stop", self._on_emergency_stop, profile)
        lease.watch_parts(self, self._on_part_lost)
        self._server = PlanServer(self, self._ask, self._on_cancel)
        self.create_timer(TICK_S, self._on_tick)

    def _on_time(self, message: CameraInfo) -> None:
        self._robot_clock.on_state(convert.stamp_from_msg(message.header.stamp), time.monotonic())

    def _on_chunk(self, message: ActionChunk) -> None:
        self._session.on_progress(*convert.progress_from_msg(message), time.monotonic())
        self._publish()

    def _on_emergency_stop(self, message: Bool) -> None:
        self._session.on_emergency_stop(message.data)
        self._publish()

    def _on_part_lost(self, part: str) -> None:
        self._session.on_part_lost(part)
        self._publish()

    def _on_cancel(self, number: int) -> None:
        self._session.cancel(number)
        self._publish()

    def _on_tick(self) -> None:
        for request, answer in self._thinker.answers():
            self._take(request, answer)
        for number, seen in self._thinker.sights():
            self._session.saw(number, seen, time.monotonic())
        self._session.tick(time.monotonic())
        if number := self._session.wants_look():
            self._thinker.look(number)
        self._publish()
        self._server.flush()

    def _ask(self, text: str) -> int:
        self.get_logger().info(f"asked: {text}")
        self._taken.publish(String(data=text))
        number, request = self._session.ask(text, time.monotonic())
        self._publish()
        if request is not None:
            self._thinker.begin(request)
        return number

    def _take(self, request: Request, answer: PlanProposal | Exception) -> None:
        if isinstance(answer, PlanProposal):
            self._session.answer(request, answer, time.monotonic())
        elif isinstance(answer, OptimusError):
            self._session.fail(request, str(answer))
        else:
            raise answer

    def _publish(self) -> None:
        """Send what changed, the task first because the robot moves by it, and it at every tick, as a sign of life."""
        runner, now = self._session.runner, time.monotonic()
        for command in self._session.hands.drain():
            self._hands.publish(convert.hand_command_to_msg(command))
        if due := now - self._reported >= self._params.report_period:
            self._reported = now
        stamp = self._robot_clock.now(now) if self._robot_clock.started else self.get_clock().now().nanoseconds * 1e-9
        if runner.task != self._sent_task or now - self._sent_at >= 0.9 * TICK_S:
            self._task.publish(convert.task_to_msg(runner.task, stamp))
            self._sent_task, self._sent_at = runner.task, now
        if runner.plan is not None and (due and runner.running or runner.plan.outline != self._sent_plan):
            plan = convert.plan_to_msg(runner.plan, stamp)
            self._plan.publish(plan)
            self._sent_plan = runner.plan.outline
            self._server.feedback(self._session.current, plan)
        said, ended = self._session.drain()
        for one in ended:
            self._server.end(one, stamp)
        for text in said:
            self.get_logger().info(f"says: {text}")
            self._speech.publish(String(data=text))


def main() -> int:
    """Entry point of planner_node."""
    guess = reader_on_demand(share_path("models/language"))
    return run(lambda: PlannerNode(lambda params: make_planner(params, guess)))


if __name__ == "__main__":
    sys.exit(main())
