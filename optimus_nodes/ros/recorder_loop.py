"""The recorder's own thread: takes messages out of a queue, tells the recorder and the rules, carries out orders."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

from optimus_humanoid.msg import ActionChunk, ControlOwner, Plan, SceneState, TactileArray, Task
from rclpy.serialization import deserialize_message
from std_msgs.msg import Bool, String

from ..core.episode import EpisodeInfo, Outcome
from ..core.errors import CommandError, DeviceError
from ..core.recording import Begin, End, KeepPast, Order, RecordingRules
from ..core.robot import RobotSpec
from ..core.tasks_body import Body
from ..core.values import Array, JointState
from ..dataset.recorder import Recorder
from . import convert, raw
from .pictures import Picture

T = TypeVar("T")
Pose = Callable[[Array], Body]
_MOST_WAITING = 90  # pictures: two seconds of three cameras
_LEAD_S = 60.0  # what was said so long before an episode belongs to it: the question it came from, and its answer
_LEAD = 12  # things that were said


class RecorderLoop:
    """Args: site: goes into every episode. say: told in words what happened. make_pose: called once there is a
    simulator; gives the body at joint positions, for its judge.
    """

    def __init__(
        self,
        recorder: Recorder,
        rules: RecordingRules,
        robot: RobotSpec,
        site: str,
        say: Callable[[str], None],
        make_pose: Callable[[], Pose],
    ) -> None:
        self._recorder, self._rules, self._site, self._say = recorder, rules, site, say
        self._joints, self._applied = (
            raw.JointArrays(robot, "joint_states"),
            raw.JointArrays(robot, "applied_joint_commands"),
        )
        self._make_pose = make_pose
        self._pose: Pose | None = None
        self._position: Array | None = None
        self._seed: int | None = None
        self._now = 0.0
        self.skipped = 0
        self._ended = False
        self._bug: Exception | None = None
        self.message = ""
        self._said: deque[tuple[float, str, str]] = deque(maxlen=_LEAD)  # while nothing was recorded
        self._queue: SimpleQueue[Callable[[], None] | tuple[str, float, bytes]] = SimpleQueue()
        self._handlers: dict[str, Callable[[bytes], None]] = {
            "joint_states": self._on_joints,
            "applied_joint_commands": self._on_applied,
            "tactile/left_hand": self._on_touch,
            "tactile/right_hand": self._on_touch,
            "task": lambda d: recorder.on_task(deserialize_message(d, Task).sentence),
            "plan": self._on_plan,
            "control_owner": self._on_owner,
            "emergency_stop": self._on_stop,
            "emergency_stop latched": self._on_stop,
            "sim/scene": self._on_scene,
            "action_chunk": self._on_chunk,
            "instruction/taken": lambda d: self._on_said("person", d),
            "speech/say": lambda d: self._on_said("robot", d),
        }
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)  # `close` waits for it
        self._thread.start()

    def heard(self, name: str, data: bytes) -> None:
        """A message arrived."""
        self._queue.put((name, time.time(), data))

    def seen(self, camera: str, picture: Picture) -> None:
        """A picture arrived. It is left out, and counted, while too much is waiting."""
        pixels = picture.kept() if self._queue.qsize() <= _MOST_WAITING * 30 else None
        if pixels is None:
            self.skipped += 1
            return
        self._queue.put(lambda: self._recorder.on_picture(camera, picture.stamp, pixels))

    def refuse(self, name: str, error: Exception) -> None:
        """A message arrived that can't be recorded."""
        self._queue.put(lambda: self._drop(name, error))

    def ask(self, question: Callable[[Recorder], T], timeout: float = 10.0) -> T:
        """The answer of the recorder's thread. Raises DeviceError when it does not come in time (a hanging disk)."""
        done = threading.Event()
        answer: list[T] = []

        def work() -> None:
            try:
                answer.append(question(self._recorder))
            finally:
                done.set()

        self._queue.put(work)
        if not done.wait(timeout) or not answer:
            raise DeviceError(f"the recorder did not answer within {timeout:g} s; is the disk hanging?")
        return answer[0]

    def info(self, instruction: str, operator: str, site: str = "") -> EpisodeInfo:
        """What is known about an episode that begins now."""
        return EpisodeInfo(instruction, operator, "", "", site or self._site, self._seed)

    def forget_plan(self) -> None:
        """Somebody else decided about the running episode."""
        self._rules.forget()

    def close(self) -> None:
        """Save what is being recorded and end the thread."""
        self._queue.put(self._end)
        self._thread.join()

    def _end(self) -> None:
        self._recorder.close()
        self._ended = True

    def check(self) -> None:
        """Raise what ended the recorder's thread, if anything did: a bug must be seen."""
        if self._bug is not None:
            raise self._bug

    def _work(self) -> None:
        try:
            while not self._ended:
                try:
                    self._take(self._queue.get(timeout=0.1))
                except Empty:
                    pass
                self._obey(self._rules.tick(self._now))
        except Exception as error:  # handed to the node's own thread, which ends the node
            self._bug = error

    def _take(self, item: Callable[[], None] | tuple[str, float, bytes]) -> None:
        if callable(item):
            item()
            return
        name, arrival, data = item
        try:
            if handler := self._handlers.get(name):
                handler(data)
            if not name.endswith(" latched"):
                self._recorder.on_message(name, arrival, data)
        except (CommandError, DeviceError) as error:
            self._drop(name, error)

    def _drop(self, name: str, error: Exception) -> None:
        self._recorder.dropped += 1
        self._tell(f"{name}: {error}")

    def _on_joints(self, data: bytes) -> None:
        self._now, position, velocity, effort = self._joints.read(data)
        self._position = position
        self._recorder.on_joints(JointState(self._now, position, velocity, effort))

    def _on_applied(self, data: bytes) -> None:
        stamp, position, _, _ = self._applied.read(data)
        self._recorder.on_applied(stamp, position)

    def _on_touch(self, data: bytes) -> None:
        self._recorder.on_touch(*convert.tactile_from_msg(deserialize_message(data, TactileArray)))

    def _on_plan(self, data: bytes) -> None:
        plan = convert.plan_from_msg(deserialize_message(data, Plan))
        self._obey(self._rules.on_plan(plan, self._recorder.recording, self._now))

    def _on_owner(self, data: bytes) -> None:
        message = deserialize_message(data, ControlOwner)
        self._recorder.on_owner(raw.stamp_of(data), message.owner)
        self._obey(self._rules.on_owner(message.owner, self._recorder.recording))

    def _on_stop(self, data: bytes) -> None:
        pressed = deserialize_message(data, Bool).data
        self._obey(self._rules.on_emergency_stop(pressed, self._recorder.recording))

    def _on_scene(self, data: bytes) -> None:
        scene = convert.scene_state_from_msg(deserialize_message(data, SceneState))
        self._seed = scene.seed
        self._pose = self._pose or self._make_pose()
        self._rules.on_scene(scene, None if self._position is None else self._pose(self._position))

    def _on_chunk(self, data: bytes) -> None:
        self._recorder.on_policy(deserialize_message(data, ActionChunk).policy_id)

    def _on_said(self, who: str, data: bytes) -> None:
        text = deserialize_message(data, String).data
        if self._recorder.recording:
            self._recorder.event(who, text)
        else:
            self._said.append((self._now, who, text))

    def _recall(self) -> None:
        """Put what was said just before an episode at its beginning."""
        for stamp, who, text in self._said:
            if 0.0 <= self._now - stamp <= _LEAD_S:
                self._recorder.event(who, text)
        self._said.clear()

    def _obey(self, orders: list[Order]) -> None:
        recorder = self._recorder
        for order in orders:
            if isinstance(order, Begin):
                if problem := recorder.start(self.info(order.instruction, "policy"), patient=True):
                    self._rules.forget()
                    self._tell(f"not recorded: {problem}")
                else:
                    self._tell(f"recording: {order.instruction}")
                    self._recall()
            elif isinstance(order, End):
                self._tell_saved(recorder.stop(order.outcome), order.outcome)
            elif isinstance(order, KeepPast):
                self._tell_saved(
                    recorder.keep_past(self.info(order.instruction, "policy"), order.outcome), order.outcome
                )
            else:
                recorder.event(order.kind, order.text)

    def _tell_saved(self, saved: object, outcome: Outcome) -> None:
        if saved is not None:
            self._tell(describe(self._recorder, outcome))

    def _tell(self, text: str) -> None:
        self.message = text
        self._say(text)


def describe(recorder: Recorder, outcome: Outcome) -> str:
    """In words, what was saved last."""
    saved = recorder.last
    if saved is None:
        return "nothing was saved"
    how = {True: "success", False: f"failure: {outcome.reason}", None: "outcome unknown"}[outcome.success]
    seconds = saved.frames / recorder.store.contract.fps
    return f"episode {saved.episode} saved: {seconds:.1f} s, {how}"
