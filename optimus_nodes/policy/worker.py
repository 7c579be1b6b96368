"""Runs a policy in a thread of its own; only the newest observation counts.

The next answer begins when the last is given, while the robot still plays that one (`chunking: realtime`), or only
once that one has been played to its end (`naive`, for comparison).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..core.chunk_schedule import ChunkSchedule
from ..core.errors import DeviceError
from ..core.timing import Delays
from ..core.values import Observation, Policy, PolicyOutput

Answer = Callable[[Observation, PolicyOutput, int], None]


class PolicyWorker:
    """`submit` never waits; `answer(observation, output, task_id)` is called in the worker's thread.

    `dropped` counts observations that were replaced before the policy looked at them. While the policy cannot be
    reached (DeviceError) there are no answers and `trouble` says why; any other error ends the worker, and `check`
    raises it to whoever asks next.
    """

    def __init__(self, policy: Policy, answer: Answer, chunking: str = "realtime") -> None:
        self.policy, self._answer = policy, answer
        self._naive, self._schedule, self._newest = chunking == "naive", ChunkSchedule(chunking), 0.0
        self.dropped, self.delays, self.unanswered, self.trouble = 0, Delays(1024), 0, ""
        self._waiting: tuple[Observation, int] | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="policy", daemon=True)
        self._thread.start()

    def submit(self, observation: Observation, task_id: int) -> None:
        """Have the policy answer to `observation` next."""
        with self._condition:
            self._newest = observation.stamp
            if self._naive and not self._schedule.due(observation.stamp):
                return
            self.dropped += self._waiting is not None
            self._waiting = (observation, task_id)
            self._condition.notify()

    def clear(self) -> None:
        """Forget what waits: the task is over."""
        with self._condition:
            self._waiting = None
            self._schedule.begin_anew()

    def figures(self) -> dict[str, object]:
        """What can be told about the policy: its id, its times and what was dropped."""
        return {
            "policy_id": self.policy.policy_id,
            "inference_p50_ms": self.delays.percentile(50) * 1e3,
            "inference_p99_ms": self.delays.percentile(99) * 1e3,
            "delay_p50_steps": self._schedule.delays.percentile(50) / self.policy.step_dt,
            "delay_p99_steps": self._schedule.delays.percentile(99) / self.policy.step_dt,
            "pictures_dropped": self.dropped,
            "unanswered": self.unanswered,
        }

    def check(self) -> None:
        """Raise the error that ended the worker, if one did."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the thread after the answer it is working on."""
        with self._condition:
            self._ended = True
            self._condition.notify()
        self._thread.join(timeout=5.0)

    def _work(self) -> None:
        try:
            while True:
                with self._condition:
                    self._condition.wait_for(lambda: self._waiting is not None or self._ended)
                    if self._ended or self._waiting is None:
                        return
                    observation, task_id = self._waiting
                    self._waiting = None
                    self._schedule.asked(observation.stamp)
                began = time.monotonic()
                try:
                    output = self.policy.infer(observation)
                except DeviceError as error:
                    self.unanswered, self.trouble = self.unanswered + 1, str(error)
                    self._schedule.begin_anew()
                    continue
                self.trouble = ""
                self.delays.add(time.monotonic() - began)
                with self._condition:
                    length = self.policy.step_dt * (len(output.positions) - 1)
                    self._schedule.answered(observation.stamp, max(self._newest, observation.stamp), length)
                self._answer(observation, output, task_id)
        except BaseException as error:  # raised in the node's thread by check()
            self._error = error
