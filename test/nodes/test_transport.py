"""A process that starts after a crash listens where nobody sends to the dead one any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from optimus_nodes.cli.environment import free_domain, graph_environment
from optimus_nodes.ros.transport import transport_settings

pytestmark = pytest.mark.promise("P28")

LISTEN = """
import sys, time
import rclpy
from std_msgs.msg import Empty
from optimus_nodes.ros.transport import enter_transport
enter_transport()
rclpy.init()
node = rclpy.create_node("listener")
node.create_subscription(Empty, "news", print, 10)
print("ready", flush=True)
time.sleep(60.0)
"""


def ports(pid: int) -> set[str]:
    """The shared memory a process gets messages through."""
    maps = Path(f"/proc/{pid}/maps").read_text().split()
    # port 700x is a number that every process takes for itself, not an address
    return {word for word in maps if "fastrtps_port" in word and "fastrtps_port700" not in word}


def test_who_comes_after_a_crash_does_not_listen_where_the_dead_one_did() -> None:
    command, environment, taken = [sys.executable, "-c", LISTEN], graph_environment(free_domain()), set()
    numbers = set()
    for _ in range(4):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as one:
            try:
                assert one.stdout is not None and one.stdout.readline() == "ready\n"
                mine = ports(one.pid)
            finally:
                one.kill()
        assert mine, "the profile gives no shared memory"
        taken |= mine
        numbers.add(one.pid % 100)  # by which ports are chosen
    assert len(taken) == len(numbers) > 1


def test_a_profile_of_the_user_stays_and_other_programs_get_the_standard_port() -> None:
    assert transport_settings({"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"}) == {
        "FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml",
        "OPTIMUS_DATA_PORT": "11",
    }
    assert graph_environment(base={"OPTIMUS_DATA_PORT": "77"})["OPTIMUS_DATA_PORT"] == "11"
