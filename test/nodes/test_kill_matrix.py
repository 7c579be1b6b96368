"""kill -9 of each node while the arm moves: the joints hold, the node comes back, nothing moves by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from optimus_humanoid.msg import ActionChunk as ActionChunkMsg
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from sensor_msgs.msg import JointState
from sim_bench import ROBOT, Heard, columns, wait_for

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.running import RunningGraph, wait_for_nodes
from optimus_nodes.core.values import ActionChunk
from optimus_nodes.ros import convert, qos

pytestmark = [pytest.mark.promise("P1"), pytest.mark.promise("P6"), pytest.mark.promise("P28")]

ELBOW = "left_elbow_joint"
HOLD = 0.25  # s of robot time after which the joints must be still: a machine that stands still moves nothing
BACK = 4.0  # s after which the node must be heard again: twice the promise, since a test shares the machine
STILL = 0.06  # rad/s: what counts as not moving
JOINTS = len(ROBOT.joint_names)


class Scripted:
    """A policy that bends the left elbow back and forth, one chunk on every call of `send`."""

    def __init__(self, listener: Companion) -> None:
        self.states = Heard(listener, JointState, "joint_states", qos.STATE)
        self._publisher = listener.node.create_publisher(ActionChunkMsg, "action_chunk", qos.COMMAND)
        self._listener, self._elbow = listener, ROBOT.joint_names.index(ELBOW)
        self.first_start = 0.0  # s

    def send(self) -> None:
        now = self.states.stamps()[-1]
        times = now + 0.05 * np.arange(16)
        positions = np.tile(ROBOT.home, (16, 1))
        positions[:, self._elbow] -= 0.35 + 0.35 * np.sin(3.0 * times)
        chunk = ActionChunk(now, now, 0.05, ROBOT.joint_names, positions, 0.1, "scripted", 1)
        self._publisher.publish(convert.action_chunk_to_msg(chunk))

    def move(self) -> None:
        """Send chunks until the elbow is in full swing."""
        end = time.monotonic() + 15.0
        while time.monotonic() < end:
            self._listener.spin(0.045)
            if self.states:
                self.send()
                if abs(columns(self.states[-1:], ELBOW)[2][0]) > 0.6:
                    return
                del self.states[:-1]
        raise AssertionError("the elbow never moved")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningGraph, Companion, Scripted]]:
    before, domain = dict(os.environ), free_domain()
    enter_graph_environment(domain)
    options = ["--only", "sim", "--only", "joint_control", "--set", "sim.cameras=false"]
    began = time.monotonic()
    with RunningGraph(tmp_path_factory.mktemp("kill"), domain, options) as graph:
        wait_for_nodes(graph)
        with Companion() as listener:
            scripted = Scripted(listener)
            commands = Heard(listener, JointCommandMsg, "joint_commands", qos.COMMAND)
            wait_for(lambda: scripted.states and commands, listener, 30.0, "start of the graph")
            scripted.first_start = time.monotonic() - began
            yield graph, listener, scripted
    os.environ.clear()
    os.environ.update(before)


def speeds_after(states: Heard, stamp: float) -> list[float]:
    """The fastest joint's speed in every state stamped after `stamp` (robot time, s), rad/s."""
    fastest = [float(np.abs(message.velocity).max()) for _, message in states]
    return [speed for speed, at in zip(fastest, states.stamps(), strict=True) if at > stamp]


def begin(states: list[JointState]) -> float:
    """Stamp of the first state, s."""
    return float(convert.stamp_from_msg(states[0].header.stamp))


@pytest.mark.parametrize("node", ["joint_control", "sim"])
def test_a_killed_node_leaves_the_robot_held_and_comes_back_still(
    running: tuple[RunningGraph, Companion, Scripted], node: str
) -> None:
    graph, listener, scripted = running
    commands = Heard(listener, JointCommandMsg, "joint_commands", qos.COMMAND)
    scripted.move()
    killed = graph.pid(node)
    assert killed is not None
    moment, stamp = time.monotonic(), scripted.states.stamps()[-1]
    os.kill(killed, signal.SIGKILL)
    work = commands if node == "joint_control" else scripted.states
    back = max(BACK, 3.0 * scripted.first_start)
    wait_for(lambda: work and work[-1][0] > moment + 0.1, listener, back, f"return of {node}")
    assert graph.pid(node) not in (None, killed)
    listener.spin(3.0)
    after = [m for (_, m), at in zip(scripted.states, scripted.states.stamps(), strict=True) if at > stamp + HOLD]
    moved = max(np.abs(np.array(message.position) - after[0].position).max() for message in after)
    assert moved < 0.04, f"after the death of {node} a joint moved by {moved:.3f} rad"
    settled = 0.5 if node == "sim" else 0.0  # laid out anew, the robot first sinks into its springs
    still = [np.abs(m.velocity).max() for m in after if convert.stamp_from_msg(m.header.stamp) > begin(after) + settled]
    assert max(still) < STILL, f"after the death of {node} a joint moved at {max(still):.2f} rad/s"
    assert graph.process.poll() is None
    scripted.move()  # a new command moves the robot again


def test_a_policy_that_dies_leaves_the_robot_held(running: tuple[RunningGraph, Companion, Scripted]) -> None:
    _, listener, scripted = running
    scripted.move()
    stamp = scripted.states.stamps()[-1]  # no chunk is sent from here on
    listener.spin(2.0)
    still = speeds_after(scripted.states, stamp + 0.1 + HOLD)
    assert still
    assert max(still) < STILL


def test_the_simulator_comes_back_in_its_home_posture(running: tuple[RunningGraph, Companion, Scripted]) -> None:
    graph, listener, scripted = running
    killed = graph.pid("sim")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    listener.spin(0.3)  # what the dead one still sent
    scripted.states.clear()
    back = max(10.0, 3.0 * scripted.first_start)
    wait_for(lambda: scripted.states, listener, back, "return of the simulator")
    listener.spin(0.5)
    assert np.allclose(scripted.states[-1][1].position, ROBOT.home, atol=0.1)
    assert Path(graph.run_dir, "logs", "sim.log").read_text().count("--- start") >= 2
