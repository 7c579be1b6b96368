"""planner_node as a process, over real DDS, with a policy of our own that reports progress."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from optimus_humanoid.action import ExecuteInstruction
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from optimus_humanoid.msg import HandCommand
from optimus_humanoid.msg import Task as TaskMsg
from rclpy.action import ActionClient
from rclpy.qos import QoSProfile
from sim_bench import Bench, Heard, wait_for
from std_msgs.msg import Bool, String

from optimus_nodes.cli.companion import Companion
from optimus_nodes.core.plan import PlanState, StepState
from optimus_nodes.core.values import ActionChunk
from optimus_nodes.ros import convert, lease, qos

BOTH = "put the red box in the left bin and then the blue one in the right bin"
STEPS = ["put the red box in the left bin", "put the blue box in the right bin"]


class FakePolicy:
    """Follows the task at 20 Hz; its progress grows by `speed` a second. Remembers every task it was given."""

    def __init__(self, listener: Companion) -> None:
        node = listener.node
        self.tasks: list[TaskMsg] = []
        self.lost: list[float] = []
        self.speed, self._began = 0.0, 0.0
        self._chunks = node.create_publisher(ActionChunkMsg, "action_chunk", qos.COMMAND)
        node.create_subscription(TaskMsg, "task", self._on_task, qos.LATCHED)
        lease.watch(node, TaskMsg, "task", lambda: self.lost.append(time.monotonic()))
        node.create_timer(0.05, self._send)

    @property
    def sentence(self) -> str:
        return str(self.tasks[-1].sentence) if self.tasks else ""

    def _on_task(self, message: TaskMsg) -> None:
        if not self.tasks or message.id != self.tasks[-1].id:
            self.tasks.append(message)
            self._began = time.monotonic()

    def _send(self) -> None:
        if self.sentence and self.speed:
            progress = min(self.speed * (time.monotonic() - self._began), 1.0)
            row = np.zeros((2, 1))
            chunk = ActionChunk(1.0, 1.0, 0.05, ("j0",), row, progress, "fake", self.tasks[-1].id)
            self._chunks.publish(convert.action_chunk_to_msg(chunk))


class Talk:
    """A running planner, a fake policy, and somebody who talks to the robot."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.process = self.start()
        self.listener = bench.listen()
        self.policy = FakePolicy(self.listener)
        node = self.listener.node
        self._instruction = node.create_publisher(String, "instruction", qos.EVENT)
        self._stop = node.create_publisher(Bool, "emergency_stop", qos.LATCHED)
        self.client = ActionClient(node, ExecuteInstruction, "execute_instruction")
        self.until(lambda: self.policy.tasks and self.client.server_is_ready(), "start of the planner")
        self.until(lambda: self._instruction.get_subscription_count(), "subscription to instruction")

    def start(self) -> Any:
        return self.bench.start("planner_node", "rules.silence_s:=3.0", "rules.done_hold_s:=0.2", "report_period:=0.1")

    def until(self, condition: Any, what: str, timeout: float = 15.0) -> None:
        wait_for(condition, self.listener, timeout, what)

    def say(self, text: str) -> None:
        self._instruction.publish(String(data=text))

    def emergency_stop(self, pressed: bool) -> None:
        self._stop.publish(Bool(data=pressed))

    @property
    def said(self) -> list[str]:
        return self.listener.speech

    def goal(self, text: str, feedback: Any = None) -> Any:
        sent = self.client.send_goal_async(ExecuteInstruction.Goal(instruction=text), feedback_callback=feedback)
        self.until(sent.done, "answer to the goal")
        assert sent.result().accepted
        return sent.result()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    with Bench(tmp_path_factory.mktemp("planner")) as bench:
        yield Talk(bench)


@pytest.fixture
def talk(running: Talk) -> Talk:
    """Nothing under way, nothing said yet."""
    running.policy.speed = 0.0
    running.say("stop")
    running.until(lambda: running.said and "I" in running.said[-1] and not running.policy.sentence, "a quiet planner")
    running.listener.spin(0.2)
    running.said.clear()
    del running.policy.tasks[:-1]
    return running


def test_orders_to_hands_and_care_become_hand_commands(talk):
    commands = Heard(talk.listener, HandCommand, "hand_command", qos.EVENT)
    talk.until(lambda: talk.listener.node.count_publishers("hand_command"), "the topic")
    talk.listener.spin(0.5)
    talk.say("make a fist with your left hand")
    talk.until(lambda: commands, "a hand command")
    talk.until(lambda: "I make a fist with my left hand." in talk.said, "an answer")
    talk.say("gently pick up the red box")
    talk.until(lambda: len(commands) > 1 and talk.policy.sentence == "pick up the red box", "a task with care")
    talk.say("stop")
    talk.until(lambda: not talk.policy.sentence, "a stop")
    talk.say("pick up the blue box")
    talk.until(lambda: len(commands) > 2, "no care any more")
    found = [(message.side, message.posture, message.max_force) for _, message in commands]
    assert found == [("left", "fist", 0.0), ("", "", 8.0), ("", "", 0.0)]
    commands.end()


def test_an_instruction_becomes_tasks_in_order_and_a_plan_that_is_done(talk: Talk) -> None:
    talk.policy.speed = 2.0
    talk.say(BOTH)
    talk.until(lambda: "Done." in talk.said, "end of the plan")
    talk.until(lambda: not talk.policy.sentence, "an empty task at the end")
    assert [task.sentence for task in talk.policy.tasks[1:]] == [*STEPS, ""]
    ids = [task.id for task in talk.policy.tasks]
    assert ids == sorted(set(ids))
    plan = talk.listener.plan
    assert plan is not None and plan.state is PlanState.DONE and plan.instruction == BOTH
    assert [(step.sentence, step.state) for step in plan.steps] == [(text, StepState.DONE) for text in STEPS]
    assert talk.said == [f"I will {STEPS[0]}, then {STEPS[1]}.", f"Next: {STEPS[1]}.", "Done."]


def test_a_goal_gives_feedback_and_succeeds(talk: Talk) -> None:
    talk.policy.speed = 1.0
    heard: list[Any] = []
    result = talk.goal("pick up the red box", lambda message: heard.append(message.feedback.plan)).get_result_async()
    talk.until(result.done, "result of the goal")
    assert result.result().status == GoalStatus.STATUS_SUCCEEDED
    answer = result.result().result
    assert (answer.success, answer.message) == (True, "Done.")
    assert convert.plan_from_msg(answer.plan).state is PlanState.DONE
    progress = [plan.steps[0].progress for plan in heard]
    assert len(progress) >= 4 and progress == sorted(progress) and progress[-1] > 0.5


def test_cancelling_a_goal_empties_the_task_and_is_reported_as_cancelled(talk: Talk) -> None:
    talk.policy.speed = 0.01
    goal = talk.goal(BOTH)
    result = goal.get_result_async()
    talk.until(lambda: talk.policy.sentence == STEPS[0], "the first task")
    began = time.monotonic()
    cancelled = goal.cancel_goal_async()
    talk.until(lambda: not talk.policy.sentence, "an empty task")
    assert time.monotonic() - began < 1.0
    talk.until(lambda: cancelled.done() and result.done(), "the result")
    assert len(cancelled.result().goals_canceling) == 1
    assert result.result().status == GoalStatus.STATUS_CANCELED
    answer = result.result().result
    assert (answer.success, answer.message) == (False, "I stopped.")
    assert convert.plan_from_msg(answer.plan).state is PlanState.CANCELLED
    talk.listener.spin(0.5)
    assert talk.policy.sentence == "", "nothing of the plan goes on"


def test_an_unknown_colour_is_said_and_moves_nothing(talk: Talk) -> None:
    talk.say("pick up the purple box")
    text = "I can't see a purple box. I can see red, green, blue and yellow ones."
    talk.until(lambda: text in talk.said, "the refusal")
    result = talk.goal("pick up the purple box").get_result_async()
    talk.until(result.done, "the result")
    assert result.result().status == GoalStatus.STATUS_ABORTED
    assert (result.result().result.success, result.result().result.message) == (False, text)
    assert talk.policy.sentence == ""


def test_a_question_is_asked_and_its_answer_used(talk: Talk) -> None:
    talk.say("put the red box in the bin")
    talk.until(lambda: talk.said == ["Which bin, left or right?"], "the question")
    talk.say("left")
    talk.until(lambda: talk.policy.sentence == STEPS[0], "the task")


def test_stop_empties_the_task(talk: Talk) -> None:
    talk.say(BOTH)
    talk.until(lambda: talk.policy.sentence == STEPS[0], "the first task")
    talk.say("Stop!")
    talk.until(lambda: not talk.policy.sentence, "an empty task")
    talk.until(lambda: talk.said[-1] == "I stopped.", "the answer")


def test_a_new_instruction_replaces_the_one_under_way_and_ends_its_goal(talk: Talk) -> None:
    result = talk.goal(BOTH).get_result_async()
    talk.until(lambda: talk.policy.sentence == STEPS[0], "the first task")
    talk.say("go home")
    talk.until(lambda: talk.policy.sentence == "go to the home position", "the new task")
    talk.until(result.done, "the end of the goal")
    assert result.result().status == GoalStatus.STATUS_ABORTED
    assert result.result().result.message == "I leave what I was doing."
    both = ["I leave what I was doing.", "I will go to the home position."]
    talk.until(lambda: talk.said[-2:] == both, "what it says about it")


def test_a_silent_policy_fails_the_plan(talk: Talk) -> None:
    talk.say("go home")
    talk.until(
        lambda: talk.said[-1:] == ["I could not go to the home position: the policy does not answer."], "failure"
    )
    talk.until(lambda: not talk.policy.sentence, "an empty task")
    assert talk.listener.plan is not None and talk.listener.plan.state is PlanState.FAILED


def test_the_emergency_stop_fails_the_plan_and_its_release_starts_nothing(talk: Talk) -> None:
    talk.policy.speed = 0.01
    talk.say(BOTH)
    talk.until(lambda: talk.policy.sentence == STEPS[0], "the first task")
    talk.emergency_stop(True)
    talk.until(lambda: not talk.policy.sentence, "an empty task")
    talk.say("go home")
    talk.until(lambda: talk.said[-1].startswith("The emergency stop is pressed."), "the refusal")
    talk.emergency_stop(False)
    talk.listener.spin(0.5)
    assert talk.policy.sentence == ""
    talk.say("go home")
    talk.until(lambda: talk.policy.sentence == "go to the home position", "the task")


def test_a_killed_planner_is_noticed_and_a_new_one_starts_with_an_empty_task(talk: Talk) -> None:
    talk.policy.speed = 0.01
    talk.say(BOTH)
    talk.until(lambda: talk.policy.sentence == STEPS[0], "the first task")
    talk.listener.spin(0.3)
    talk.policy.lost.clear()
    os.kill(talk.process.pid, signal.SIGKILL)
    killed = time.monotonic()
    talk.until(lambda: talk.policy.lost, "notice of the planner's end")
    assert talk.policy.lost[0] - killed < 0.5, "about 0.12 s on a machine that is not busy"
    before = talk.policy.tasks[-1].id
    del talk.policy.tasks[:-1]
    talk.process = talk.start()
    talk.until(lambda: len(talk.policy.tasks) > 1, "a task of the new planner")
    talk.listener.spin(1.0)
    assert [task.sentence for task in talk.policy.tasks[1:]] == [""]
    assert talk.policy.tasks[-1].id > before
    talk.until(lambda: talk.client.server_is_ready(), "the new action server")


def test_somebody_who_comes_late_hears_the_task_and_the_plan(talk: Talk) -> None:
    talk.policy.speed = 0.01
    talk.say(BOTH)
    talk.until(lambda: talk.policy.sentence == STEPS[0], "the first task")
    late = Heard(talk.listener, TaskMsg, "task", QoSProfile(depth=1, durability=qos.LATCHED.durability))
    talk.until(lambda: late, "the latched task")
    assert late[0][1].sentence == STEPS[0]


def test_a_parameter_out_of_range_ends_the_node_with_a_line_that_names_it(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert bench.start("planner_node", "rules.done_progress:=1.5").wait(20) == 2
        log = bench.log("planner_node")
    assert "done_progress is 1.5; allowed above 0 to 1 (config/planner.yaml or --ros-args -p)" in log
