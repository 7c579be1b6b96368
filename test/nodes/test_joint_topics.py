"""Joint states and commands: by the link between our nodes, as ordinary messages for and from everyone else."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rclpy
from optimus_humanoid.msg import JointCommand as JointCommandMsg
from optimus_humanoid.msg import LocalLink
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState as JointStateMsg
from sim_bench import ALL, ROBOT, Bench, Heard, wait_for

from optimus_nodes.cli.companion import Companion
from optimus_nodes.core.errors import CommandError
from optimus_nodes.core.values import JointCommand, JointState
from optimus_nodes.drivers.processes import this_machine
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.joint_topics import (
    JointSubscription,
    command_publisher,
    record_joints,
    state_publisher,
    subscribe_states,
)
from optimus_nodes.ros.joint_wire import StateWire
from optimus_nodes.ros.one_at_a_time import OneAtATime

J = len(ROBOT.joint_names)
STATE = JointState(3.5, np.arange(J) * 0.01, np.arange(J) * 0.1, np.arange(J) * 1.0)
QUIET = ("cameras:=false",)


class States(list[JointState]):
    """States as they are taken; `threads`: names of the threads that brought them."""

    def __init__(self, listener: Companion, robot=ROBOT) -> None:
        super().__init__()
        self.threads: list[str] = []
        self.refused: list[CommandError] = []
        self.subscription: JointSubscription[JointState] = subscribe_states(
            listener.node, robot, self._take, self.refused.append
        )

    def _take(self, state: JointState) -> None:
        self.append(state)
        self.threads.append(threading.current_thread().name)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as bench:
        yield bench


@pytest.fixture
def listener(bench: Bench) -> Companion:
    return bench.listen()


def by_link(states: States) -> bool:
    return states.threads[-50:] == ["local link"] * 50


def test_the_simulator_tells_our_nodes_by_the_link_and_says_nothing_that_nobody_hears(bench: Bench) -> None:
    bench.start("sim_node", *QUIET)
    listener = bench.listen()
    states = States(listener)
    wait_for(lambda: by_link(states), listener, 20.0, "50 states by the link")
    assert (listener.node.count_publishers("joint_states"), listener.node.count_subscribers("joint_states")) == (1, 0)
    stamps = np.array([state.stamp for state in states[-50:]])
    steps = np.diff(stamps) / 0.004  # a busy machine leaves out what is old
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)
    assert steps.min() > 0.5 and np.median(steps) < 1.5
    states.subscription.close()


def test_who_listens_to_the_ordinary_topic_hears_the_same(bench: Bench) -> None:
    bench.start("sim_node", *QUIET)
    listener = bench.listen()
    states, ordinary = States(listener), Heard(listener, JointStateMsg, "joint_states", ALL)
    wait_for(lambda: by_link(states) and len(ordinary) > 100, listener, 20.0, "states both ways")
    linked = {round(state.stamp, 6): state for state in states}
    both = [(linked.get(round(stamp, 6)), m) for stamp, (_, m) in zip(ordinary.stamps(), ordinary, strict=True)]
    both = [(state, message) for state, message in both if state is not None]
    assert len(both) > 50
    for state, message in both:
        assert tuple(message.name) == ROBOT.joint_names
        np.testing.assert_array_equal(state.position, message.position)
        np.testing.assert_array_equal(state.effort, message.effort)
    states.subscription.close()


def test_a_driver_that_is_killed_and_started_again_is_heard_again(bench: Bench) -> None:
    process = bench.start("sim_node", *QUIET)
    listener = bench.listen()
    states = States(listener)
    wait_for(lambda: by_link(states), listener, 20.0, "50 states by the link")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    listener.spin(0.5)
    heard = len(states)
    listener.spin(0.3)
    assert len(states) == heard, "a dead driver says nothing"
    bench.start("sim_node", *QUIET)
    wait_for(lambda: len(states) > heard + 100, listener, 20.0, "states of the new one")
    wait_for(lambda: by_link(states), listener, 10.0, "states by the link again")
    states.subscription.close()


def test_drivers_of_other_packages_are_heard_even_in_parts(listener: Companion) -> None:
    states = States(listener)
    half = J // 2
    message = convert.joint_state_to_msg(STATE, ROBOT)
    publisher = listener.node.create_publisher(JointStateMsg, "joint_states", qos.STATE)

    parts = itertools.cycle((slice(0, half), slice(half, J)))

    def sent() -> bool:
        part = next(parts)
        piece = JointStateMsg(header=message.header, name=message.name[part])
        piece.position, piece.velocity = STATE.position[part], STATE.velocity[part]
        publisher.publish(piece)
        return bool(states)

    wait_for(sent, listener, 10.0, "a state")
    np.testing.assert_array_equal(states[0].position, STATE.position)
    assert set(states.threads) == {"MainThread"} and states[0].stamp == 3.5


def test_a_second_driver_makes_all_of_them_be_heard(listener: Companion) -> None:
    """Half of the joints come from our node and half from another: the link alone would hide the others."""
    ours = state_publisher(listener.node, ROBOT)
    states = States(listener)

    def linked() -> bool:
        ours.publish(STATE)
        return bool(states)

    wait_for(linked, listener, 10.0, "a state by the link")
    assert states.threads[-1] == "local link"
    other = rclpy.create_node("another_driver")
    publisher = other.create_publisher(JointStateMsg, "joint_states", qos.STATE)
    moved = replace(STATE, stamp=4.5, position=STATE.position + 0.1)

    def both() -> bool:
        publisher.publish(convert.joint_state_to_msg(moved, ROBOT))
        return states[-1].stamp == 4.5

    wait_for(both, listener, 10.0, "a state of the other driver")
    other.destroy_node()
    wait_for(lambda: linked() and states.threads[-1] == "local link", listener, 10.0, "the link again")
    states.subscription.close()
    ours.close()


def test_another_robots_link_is_left_alone_and_its_messages_are_refused_by_name(listener: Companion) -> None:
    names = ("tail_joint", *ROBOT.joint_names[1:])
    ours = state_publisher(listener.node, replace(ROBOT, joint_names=names))
    states = States(listener)

    def refused() -> bool:
        ours.publish(STATE)
        return bool(states.refused)

    wait_for(refused, listener, 10.0, "a refusal")
    assert "tail_joint" in str(states.refused[0]) and not states
    ours.close()


def test_a_link_that_cannot_be_opened_is_made_up_for_by_messages(listener: Companion) -> None:
    """Two containers on one machine may share DDS and no sockets; a subscription heard nothing at all then."""
    here = LocalLink(machine=this_machine(), address="optimus/elsewhere", layout=StateWire(ROBOT).layout)
    where = listener.node.create_publisher(LocalLink, "joint_states/local", qos.LATCHED)
    where.publish(here)
    publisher = listener.node.create_publisher(JointStateMsg, "joint_states", qos.STATE)
    states = States(listener)

    def sent() -> bool:
        publisher.publish(convert.joint_state_to_msg(STATE, ROBOT))
        return bool(states)

    wait_for(sent, listener, 10.0, "a state")
    assert set(states.threads) == {"MainThread"}


def test_a_recording_gets_every_message_as_a_message(listener: Companion) -> None:
    heard: list[bytes] = []
    record = record_joints(listener.node, ROBOT, JointCommandMsg, "applied_joint_commands", qos.STATE, heard.append)
    ours = command_publisher(listener.node, ROBOT, "applied_joint_commands", qos.STATE)
    command = JointCommand(0.0, *[np.arange(J) * 0.1 * k for k in range(5)])

    def heard_once() -> bool:
        ours.publish(command)
        return bool(heard)

    wait_for(heard_once, listener, 10.0, "a reader")
    listener.spin(0.2)
    heard.clear()
    for number in range(100):
        ours.publish(replace(command, stamp=number * 0.004))
        wait_for(lambda number=number: len(heard) > number, listener, 5.0, "a message")
    messages = [deserialize_message(data, JointCommandMsg) for data in heard]
    stamps = [convert.stamp_from_msg(message.header.stamp) for message in messages]
    np.testing.assert_allclose(stamps, np.arange(100) * 0.004, atol=1e-9)
    np.testing.assert_array_equal(messages[-1].kd, command.kd)
    assert tuple(messages[-1].name) == ROBOT.joint_names
    record.close()
    ours.close()


def test_what_shares_something_runs_one_at_a_time() -> None:
    one, inside, most = OneAtATime(), [], []

    @one
    def work() -> None:
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.001)
        inside.pop()

    threads = [threading.Thread(target=lambda: [work() for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 80
