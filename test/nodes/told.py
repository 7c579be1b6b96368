"""What the tests and the bench that kill nodes of a robot at work share: who orders, and what the joints do."""

from __future__ import annotations

from typing import Any

import numpy as np
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from sensor_msgs.msg import JointState
from sim_bench import Heard, wait_for
from std_msgs.msg import String

from optimus_nodes.cli.companion import Companion
from optimus_nodes.ros import qos

HOLD = 0.25  # s of robot time after which the drives must be told to hold
SETTLED = 0.5  # s of it after which the joints must be still: damped drives close the last gap in 0.1 s to 1 / e
STILL = 0.08  # rad/s: what counts as not moving
WINDOW = 0.1  # s over which a speed is judged: a finger under load that slips by 3 mrad at once is not motion
MOVED = 0.05  # rad a joint may still settle by


class Told:
    """A person who gives instructions, and what the joints do."""

    def __init__(self, listener: Companion) -> None:
        self.states = Heard(listener, JointState, "joint_states", qos.STATE)
        self.applied = Heard(listener, JointCommandMsg, "applied_joint_commands", qos.STATE)
        self._instruction = listener.node.create_publisher(String, "instruction", qos.EVENT)
        self._listener = listener

    def say(self, sentence: str) -> None:
        self._instruction.publish(String(data=sentence))

    def speed(self) -> float:
        return float(np.abs(self.states[-1][1].velocity).max()) if self.states else 0.0

    def rest(self) -> None:
        """Say stop, put the robot in its home posture and wait until nothing moves; what was heard is forgotten."""
        self.say("stop")
        self._listener.spin(0.5)
        self._listener.reset_scene(7)
        wait_for(lambda: self.states and self.speed() < STILL, self._listener, 10.0, "a robot at rest")
        self.states.clear()
        self.applied.clear()
        wait_for(lambda: self.states, self._listener, 10.0, "a joint state")

    def order(self, sentence: str) -> None:
        """Say it, again when nothing comes of it, as a person would, and wait until the arms are in motion."""
        wait_for(lambda: self._instruction.get_subscription_count(), self._listener, 5.0, "a planner that listens")
        for _ in range(2):
            self.say(sentence)
            if self._listener.wait(lambda: self.speed() > 0.5, 7.0):
                return
        self.say(sentence)
        wait_for(lambda: self.speed() > 0.5, self._listener, 15.0, "motion")


def since(stamp: float, messages: Heard) -> list[tuple[float, Any]]:
    """(robot time after `stamp`, message): a machine that stands still for a moment moves nothing."""
    return [(at - stamp, message) for at, (_, message) in zip(messages.stamps(), messages, strict=True)]


def moving(states: list[tuple[float, JointState]]) -> list[tuple[float, float, str]]:
    """(s, rad/s, joint) wherever the fastest joint covered more than STILL allows in WINDOW."""
    stamps = np.array([m.header.stamp.sec + 1e-9 * m.header.stamp.nanosec for _, m in states])
    positions = np.array([m.position for _, m in states])
    found = []
    for later, earlier in enumerate(np.searchsorted(stamps, stamps - WINDOW, side="right") - 1):
        if earlier < 0:
            continue
        speeds = np.abs(positions[later] - positions[earlier]) / (stamps[later] - stamps[earlier])
        joint = int(speeds.argmax())
        if speeds[joint] > STILL:
            found.append((round(states[later][0], 2), round(float(speeds[joint]), 2), states[later][1].name[joint]))
    return found
