"""The remote stop over real DDS: the robot moves only while somebody far away holds the button."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from optimus_humanoid.msg import ControlOwner
from sim_bench import Bench, Heard, wait_for
from std_msgs.msg import Bool, UInt64

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import graph_environment
from optimus_nodes.ros import qos

pytestmark = pytest.mark.promise("P8")


class Button:
    """`optimus stop-button` at a terminal of its own."""

    def __init__(self, domain: int) -> None:
        self._keys, other = pty.openpty()
        command = [sys.executable, "-m", "optimus_nodes.cli.main", "stop-button"]
        environment = graph_environment(domain)
        self.process = subprocess.Popen(command, stdin=other, stdout=subprocess.PIPE, env=environment)
        os.close(other)

    def press(self, key: str) -> None:
        os.write(self._keys, key.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._keys)


@pytest.fixture
def robot(tmp_path: Path) -> Iterator[tuple[Bench, Companion, Heard, Heard]]:
    with Bench(tmp_path) as bench:
        bench.start("sim_node", "cameras:=false")
        bench.start("joint_control_node")
        bench.start("remote_stop_node")
        listener = bench.listen()
        stops, owners = Heard(listener, Bool, "emergency_stop", qos.LATCHED), Heard(
            listener, ControlOwner, "control_owner", qos.LATCHED
        )
        wait_for(lambda: owners and owner(owners) == "emergency_stop", listener, 20.0, "a robot that is stopped")
        yield bench, listener, stops, owners


def owner(owners: Heard) -> str:
    return str(owners[-1][1].owner)


@pytest.fixture
def held(robot) -> Iterator[Button]:
    bench, listener, stops, owners = robot
    button = Button(bench.domain)
    wait_for(lambda: stops and not stops[-1][1].data, listener, 20.0, "the holding of the button")
    assert owner(owners) == "emergency_stop", "released, it still has to be reset"
    button.press("r")
    wait_for(lambda: owner(owners) == "none", listener, 10.0, "the end of the stop")
    yield button
    button.close()


def test_a_key_stops_the_robot_at_once_and_r_lets_it_go_on(robot, held: Button) -> None:
    _, listener, _, owners = robot
    held.press(" ")
    wait_for(lambda: owner(owners) == "emergency_stop", listener, 5.0, "the stop")
    listener.spin(0.6)
    held.press("r")
    wait_for(lambda: owner(owners) == "none", listener, 10.0, "the end of the stop")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGINT])
def test_the_robot_stops_when_the_button_ends_or_hangs(robot, held: Button, how: signal.Signals) -> None:
    _, listener, _, owners = robot
    moment = time.monotonic()
    held.process.send_signal(how)
    wait_for(lambda: owner(owners) == "emergency_stop", listener, 5.0, f"the stop after {how.name}")
    assert time.monotonic() - moment < 2.0


def test_the_robot_stops_when_the_node_that_asks_ends(robot, held: Button) -> None:
    bench, listener, _, owners = robot
    os.killpg(bench._processes[-1].pid, signal.SIGKILL)
    wait_for(lambda: owner(owners) == "emergency_stop", listener, 5.0, "the stop")


def test_old_answers_do_not_hold_it(robot) -> None:
    """Somebody recorded the answers of a while ago and plays them again."""
    bench, listener, stops, _ = robot
    challenges = Heard(listener, UInt64, "remote_stop/challenge", qos.STATE)
    answer = listener.node.create_publisher(UInt64, "remote_stop/answer", qos.STATE)
    wait_for(lambda: len(challenges) > 2, listener, 10.0, "challenges")
    old = [message.data ^ (2**64 - 1) for _, message in challenges]
    listener.spin(0.8)
    for value in old * 3:
        answer.publish(UInt64(data=value))
        listener.spin(0.05)
    assert all(message.data for _, message in stops)
    assert "an answer to no challenge of the last moments" in bench.log("remote_stop_node")


def test_a_button_without_a_robot_says_what_to_start(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        environment = graph_environment(bench.domain)
        command = [sys.executable, "-m", "optimus_nodes.cli.main", "stop-button"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 2
    assert "no robot asks for a remote stop in this ROS domain (start it: optimus up --remote-stop)" in done.stderr
