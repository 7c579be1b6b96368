"""What other threads hand over is done in the executor, the newest of it, and not at all while that hangs."""

from __future__ import annotations

import threading
import time

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from rclpy.task import Future

from optimus_nodes.cli.environment import free_domain
from optimus_nodes.ros.in_executor import InExecutor


@pytest.mark.promise("P6")
@pytest.mark.parametrize("kind", [EventsExecutor, SingleThreadedExecutor])
def test_the_executor_takes_the_newest_and_nothing_while_it_hangs(kind):
    context = Context()
    rclpy.init(context=context, domain_id=free_domain())
    node = rclpy.create_node("sample", context=context)
    taken: list[tuple[int, int]] = []
    hand = InExecutor(node, lambda number: taken.append((number, threading.get_ident())))
    hand(0)  # nobody turns it yet
    executor = kind(context=context)
    executor.add_node(node)
    hangs, go_on = threading.Event(), threading.Event()

    def turn() -> None:
        executor.spin_until_future_complete(Future(executor=executor), timeout_sec=3.0)

    node.create_timer(0.01, lambda: (hangs.set(), go_on.wait(5.0)))
    spinner = threading.Thread(target=turn)
    spinner.start()
    assert hangs.wait(5.0)
    for number in range(1, 4):
        hand(number)
    time.sleep(0.2)
    assert not taken, "who hangs does nothing"
    go_on.set()
    end = time.monotonic() + 3.0
    while not taken and time.monotonic() < end:
        time.sleep(0.01)
    assert taken == [(3, spinner.ident)]
    hand(4)
    while len(taken) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert taken[1:] == [(4, spinner.ident)]
    spinner.join(10.0)
    node.destroy_node()
    rclpy.shutdown(context=context)
