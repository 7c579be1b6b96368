"""Whoever watches a part of the robot learns that it is gone, also when another has taken its place already."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from optimus_nodes.cli.environment import free_domain
from optimus_nodes.ros import lease

A_PART = """
import rclpy, sys
from optimus_nodes.ros import lease
rclpy.init()
node = rclpy.create_node("arm")
lease.announce(node, lease.PRESENCE_S, float(sys.argv[1]))
rclpy.spin(node)
"""


class Watcher:
    """Starts parts called `arm`, and what who watches them hears of it."""

    def __init__(self) -> None:
        self.domain, self.context = free_domain(), rclpy.Context()
        rclpy.init(context=self.context, domain_id=self.domain)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.lost = self.signs = 0
        self.parts: list[subprocess.Popen[bytes]] = []
        self.node = rclpy.create_node("watcher", context=self.context)
        self.executor.add_node(self.node)
        lease.watch_part(self.node, "arm", self._on_lost, lease.PRESENCE_S, self._on_sign)

    def part(self, repeat_s: float = 0.0) -> subprocess.Popen[bytes]:
        heard, environment = self.signs, {**os.environ, "ROS_DOMAIN_ID": str(self.domain)}
        self.parts.append(subprocess.Popen([sys.executable, "-c", A_PART, str(repeat_s)], env=environment))
        self.until(lambda: self.signs > heard)
        return self.parts[-1]

    def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self.executor.spin_once(timeout_sec=0.02)

    def end(self) -> None:
        for part in self.parts:
            part.kill()
            part.wait()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    def _on_lost(self) -> None:
        self.lost += 1

    def _on_sign(self, _: object) -> None:
        self.signs += 1


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    one = Watcher()
    yield one
    one.end()


def test_a_part_that_was_killed_is_missed_though_the_next_one_is_there(watcher):
    first, _ = watcher.part(), watcher.part()
    before = watcher.lost
    first.kill()
    watcher.until(lambda: watcher.lost > before)


def test_a_part_may_say_again_and_again_that_it_is_there(watcher):
    watcher.part(0.02)
    watcher.until(lambda: watcher.signs > 10)
