"""What it costs to tell another process the state of 72 joints 1,000 times a second: ours beside rclpy, in one run.

    .venv/bin/python bench/joint_hop.py            a table
    .venv/bin/python bench/joint_hop.py --json     one line of JSON last

single     rclpy's SingleThreadedExecutor, sensor_msgs/JointState, arrays in, arrays out
events     the same with EventsExecutor, the fastest that rclpy has
ours       ros/joint_topics.py, as our nodes do it
ours_dds   the same subscription while the ordinary topic is all there is: serialised without Python objects
floor      the same numbers through a socket of two processes that do nothing else: no ROS, no checks, no threads

The sender's clock, which wakes 1,000 times a second, counts in every row, the floor too. `cpu_ratio_floor`: how much
cheaper than `single` the floor is.
Age: from just before a state is published until another process has its positions in an array. CPU: user and system
time of both processes for a message. Everyone has two turns in each round, there and back (ABBA).
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Callable

import numpy as np
import rclpy
from hops import READY, Ages, send_on_time, show, spin_until_done, there_and_back, turn
from rclpy.executors import SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMsg

from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import JointState
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.joint_topics import state_publisher, subscribe_states
from optimus_nodes.ros.joint_wire import StateWire

HOW = ("single", "events", "ours", "ours_dds", "floor")
PERIOD, WARM_UP = 1e-3, 300


def meeting_place() -> str:
    """Where the two processes of a turn without ROS meet: their parent is the same."""
    return f"\0joint_hop/{os.getppid()}"


def read_bare(ages: Ages) -> None:
    """The reader of the floor."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(meeting_place())
        door.listen()
        print(READY, flush=True)
        sender, _ = door.accept()
        while not ages.done:
            ages.add(np.frombuffer(sender.recv(4096), "<f8").item(0))


def send_bare(robot: RobotSpec) -> Callable[[JointState], object]:
    """The sender of the floor."""
    reader, wire = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET), StateWire(robot)
    while reader.connect_ex(meeting_place()):  # it does not listen yet
        time.sleep(0.05)
    return lambda state: reader.send(wire.pack(state))


def read(how: str, messages: int) -> None:
    """Take states until there are enough."""
    ages = Ages(messages, WARM_UP)
    if how == "floor":
        read_bare(ages)
        return
    rclpy.init()
    node = Node("reader")
    robot, _ = load_robot("optimus")

    def heard(message: JointStateMsg) -> None:
        np.array(message.position), np.array(message.velocity), np.array(message.effort)
        ages.add(convert.stamp_from_msg(message.header.stamp))

    if how.startswith("ours"):
        subscribe_states(node, robot, lambda state: ages.add(state.stamp), lambda error: print(error, file=sys.stderr))
    else:
        node.create_subscription(JointStateMsg, "joint_states", heard, qos.STATE)
    spin_until_done(node, SingleThreadedExecutor() if how == "single" else EventsExecutor(), ages)


def sender(how: str) -> Callable[[float, int], object]:
    """What publishes a state."""
    robot, _ = load_robot("optimus")
    position = np.linspace(-1.0, 1.0, len(robot.joint_names))

    def states(publish: Callable[[JointState], object]) -> Callable[[float, int], object]:
        return lambda stamp, number: publish(JointState(stamp, position, position, position))

    if how == "floor":
        return states(send_bare(robot))
    rclpy.init()
    node = Node("sender")
    if how == "ours":
        return states(state_publisher(node, robot).publish)
    publisher = node.create_publisher(JointStateMsg, "joint_states", qos.STATE)
    if how == "ours_dds":
        wire = StateWire(robot)
        return states(lambda state: publisher.publish(wire.write(state)))
    names = list(robot.joint_names)

    def send(stamp: float, number: int) -> None:
        message = JointStateMsg(name=names, position=position, velocity=position, effort=position)
        message.header.stamp = convert.stamp_to_msg(stamp)
        publisher.publish(message)

    return send


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=4000, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3, help="of two turns each")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--role", choices=("read", "send"), help=argparse.SUPPRESS)
    parser.add_argument("--how", choices=HOW, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "read":
        read(options.how, options.messages)
    elif options.role == "send":
        send_on_time(sender(options.how), PERIOD, WARM_UP, report=100)
    else:
        command = [sys.executable, __file__, "--messages", str(options.messages), "--how"]
        figures = there_and_back(HOW, lambda how: turn([*command, how], {}), "joint states", options.rounds)
        show("72 joints at 1 kHz", figures)
        ours = figures["ours"]
        result = {
            "cpu_ratio_single": round(figures["single"]["cpu_ms"] / ours["cpu_ms"], 2),
            "cpu_ratio_events": round(figures["events"]["cpu_ms"] / ours["cpu_ms"], 2),
            "cpu_ratio_floor": round(figures["single"]["cpu_ms"] / figures["floor"]["cpu_ms"], 2),
            "p50_share_of_events": round(ours["p50_ms"] / figures["events"]["p50_ms"], 3),
        }
        print(", ".join(f"{name} {value}" for name, value in result.items()))
        if options.json:
            print(json.dumps({**result, **figures}))


if __name__ == "__main__":
    main()
