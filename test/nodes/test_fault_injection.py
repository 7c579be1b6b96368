"""Faults are off unless they are allowed; a node that hangs is killed and comes back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from optimus_humanoid.srv import InjectFault
from sim_bench import wait_for

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import enter_graph_environment, free_domain
from optimus_nodes.cli.running import RunningGraph, wait_for_nodes
from optimus_nodes.ros.fault_injection import ALLOW, FAULTS


@contextmanager
def running(folder: Path, allow: str) -> Iterator[tuple[RunningGraph, Companion]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ROS_DOMAIN_ID", "ROS_LOG_DIR"):
            patch.setenv(name, os.environ.get(name, ""))  # put back after the tests
        patch.setenv(ALLOW, allow)
        domain = free_domain()
        enter_graph_environment(domain)
        with RunningGraph(folder, domain, ["--only", "planner", "--hang-after", "2"]) as graph:
            wait_for_nodes(graph)
            with Companion() as listener:
                yield graph, listener


def ask(listener: Companion, fault: str) -> InjectFault.Response:
    client = listener.node.create_client(InjectFault, "planner/inject_fault")
    wait_for(client.service_is_ready, listener, 20.0, "start of the planner")
    for _ in range(10):  # who was killed is known for a while, and answers nothing
        future = client.call_async(InjectFault.Request(fault=fault))
        if listener.wait(future.done, 2.0):
            break
    listener.node.destroy_client(client)
    return future.result()


@pytest.mark.promise("P14")
def test_faults_are_refused_unless_they_are_allowed(tmp_path):
    with running(tmp_path, "0") as (_, listener):
        answer = ask(listener, "busy_loop")
        assert not answer.success
        assert answer.message == f"faults are off: start the node with {ALLOW}=1 in its environment to allow them"


@pytest.mark.promise("P28")
def test_a_node_that_hangs_is_killed_and_comes_back(tmp_path):
    with running(tmp_path, "1") as (graph, listener):
        assert ask(listener, "rain").message == f"no fault 'rain'; there are {', '.join(FAULTS)}"
        for fault in ("deadlock", "busy_loop"):
            before = graph.pid("planner")
            assert ask(listener, fault).success
            wait_for(lambda before=before: graph.pid("planner") not in (None, before), listener, 15.0, "a new planner")
