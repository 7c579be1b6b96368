"""kill -9 of each node of the whole graph while the policy moves the arms: held, back, and nothing moves by itself.

The task that was under way ends with it: a person has to ask again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from optimus_humanoid.msg import Task as TaskMsg
from sensor_msgs.msg import JointState
from sim_bench import Heard, wait_for
from told import HOLD, MOVED, SETTLED, Told, moving, since

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.demo import wait_until_ready
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.running import RunningGraph
from optimus_nodes.ros import qos

pytestmark = [pytest.mark.promise("P6"), pytest.mark.promise("P28")]

BACK = 4.0  # s after which the node must be heard again: twice the promise, since a test shares the machine
REPORT = 1.0  # s: a policy is heard of when it first reports on /diagnostics
SIGNS = {
    "joint_control": (JointCommandMsg, "joint_commands", qos.COMMAND, 0.0),
    "sim": (JointState, "joint_states", qos.STATE, 0.0),
    "planner": (TaskMsg, "task", qos.LATCHED, 0.0),
    "vla": (DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS, REPORT),
}


class Running(NamedTuple):
    """A graph, who listens to it, and how many seconds it took to be ready."""

    graph: RunningGraph
    listener: Companion
    told: Told
    start: float


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ROS_DOMAIN_ID", "ROS_LOG_DIR"):
            patch.setenv(name, os.environ.get(name, ""))  # put back after the tests
        domain, began = free_domain(), time.monotonic()
        enter_graph_environment(domain)
        options = ["--set", f"vla.bundle={os.environ.get('OPTIMUS_TEST_BUNDLE', 'pick_place')}"]
        with RunningGraph(tmp_path_factory.mktemp("graph"), domain, options) as graph, Companion() as listener:
            wait_until_ready(listener, graph)
            yield Running(graph, listener, Told(listener), time.monotonic() - began)


@pytest.mark.parametrize("node", list(SIGNS))
def test_the_robot_holds_and_the_node_comes_back(running: Running, node: str) -> None:
    graph, listener, told, first_start = running
    told.rest()
    kind, topic, profile, patience = SIGNS[node]
    signs = Heard(listener, kind, topic, profile)
    told.order("put the red box in the left bin")
    killed = graph.pid(node)
    assert killed is not None
    moment, stamp = time.monotonic(), told.states.stamps()[-1]
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        heard = [message for arrival, message in signs if arrival > moment + 0.15]
        if node == "vla":
            heard = [m for m in heard if m.status[0].name.startswith("vla")]
        return bool(heard) and graph.pid(node) not in (None, killed)

    wait_for(is_back, listener, max(BACK, 3.0 * first_start) + patience, f"return of {node}")
    listener.spin(3.0)
    after = [one for one in since(stamp, told.states) if one[0] > SETTLED]
    assert after, "no joint state came any more"
    if node == "sim":  # what the dead one still sent is over with the longest silence
        silences = [later - earlier for (earlier, _), (later, _) in pairwise([(0.0, None), *after])]
        after = after[int(np.argmax(silences)) :]
    held = after[0][0] if node == "sim" else HOLD
    late = [one for one in since(stamp, told.applied) if one[0] > held]
    pushed = [round(at, 2) for at, m in late if any(m.velocity)]
    assert not pushed, f"after the death of {node} the drives were told to move at {pushed[:5]} ... {pushed[-1]} s"
    settled = 0.5 if node == "sim" else 0.0  # laid out anew
    fast = [one for one in moving(after) if one[0] > after[0][0] + settled]
    assert not fast, f"after the death of {node} joints moved at (s, rad/s, joint) {fast[:5]} ... {fast[-1]}"
    moved = np.abs(np.array(after[-1][1].position) - after[0][1].position).max()
    assert moved < MOVED, f"after the death of {node} a joint moved by {moved:.3f} rad"
    signs.end()
    told.order("put the green box in the right bin")  # asked again, it moves again
