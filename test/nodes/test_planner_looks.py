"""planner_node with eyes: it looks at a simulated bench before it plans, and again after every step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from optimus_humanoid.msg import Plan as PlanMsg
from optimus_humanoid.msg import Task as TaskMsg
from sensor_msgs.msg import Image
from sim_bench import ROBOT, Bench, Heard, wait_for
from std_msgs.msg import String

from optimus_nodes.cli.companion import Companion
from optimus_nodes.core.scene import draw_scene, scene_named
from optimus_nodes.core.values import ActionChunk
from optimus_nodes.ros import convert, qos

SEED = 6600


class Talk:
    """A person, a policy that says at once that it is done and moves nothing, and what the planner says."""

    def __init__(self, listener: Companion) -> None:
        node = self._node = listener.node
        self._listener, self.task, self.said, self.plan = listener, TaskMsg(), [], PlanMsg()
        self._instruction = node.create_publisher(String, "instruction", qos.EVENT)
        self._chunks = node.create_publisher(ActionChunkMsg, "action_chunk", qos.COMMAND)
        node.create_subscription(TaskMsg, "task", lambda m: setattr(self, "task", m), qos.LATCHED)
        node.create_subscription(PlanMsg, "plan", lambda m: setattr(self, "plan", m), qos.LATCHED)
        node.create_subscription(String, "speech/say", lambda m: self.said.append(m.data), qos.EVENT)
        node.create_timer(0.1, self._report)
        wait_for(lambda: self._instruction.get_subscription_count(), listener, 60.0, "a planner")

    def say(self, words: str, until: str, patience: float = 60.0) -> list[str]:
        """Everything the robot says up to something with `until` in it."""
        self.said.clear()
        self._instruction.publish(String(data=words))
        wait_for(lambda: any(until in one for one in self.said), self._listener, patience, f"{until!r} ({self.said})")
        return list(self.said)

    def _report(self) -> None:
        if self.task.sentence:
            chunk = ActionChunk(1.0, 1.0, 0.05, ("j0",), np.zeros((2, 1)), 1.0, "idle", self.task.id)
            self._chunks.publish(convert.action_chunk_to_msg(chunk))


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    with Bench(tmp_path_factory.mktemp("looks")) as bench:
        bench.start("sim_node", "scene:=bench", f"seed:={SEED}", "camera_rate:=10.0")
        patient = ("look_timeout:=20.0", "planning_timeout:=40.0", "rules.check_s:=30.0")
        bench.start("planner_node", "scene:=bench", "skills:=[all]", *patient)
        listener = bench.listen()
        pictures = Heard(listener, Image, "head/image_raw", qos.IMAGE)
        wait_for(lambda: pictures, listener, 60.0, "the first picture")
        pictures.end()
        yield Talk(listener)


def test_it_says_what_is_there_and_not_what_it_believes(talk):
    boxes = draw_scene(scene_named("bench"), SEED, len(ROBOT.cameras)).boxes
    large = [box.colour for box in boxes if box.size_word == "large"]
    (said,) = talk.say("how many large boxes are there?", "large box")
    assert said == f"I see {len(large)} large boxes.", large


def test_a_step_that_was_not_done_is_tried_again_and_then_given_up(talk):
    said = talk.say("put the red box in the left bin", "I could not")
    assert said[0] == "I will put the red box in the left bin."
    assert said.count("The red box is not in the left bin. I try again.") == 2
    assert said[-1] == "I could not put the red box in the left bin: the red box is not in the left bin."


def test_what_leaves_nothing_to_see_is_believed(talk):
    assert talk.say("point at the red box", "Done.")[-1] == "Done."
