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
import sys
from collections.abc import Callable

import numpy as np
import rclpy
from hops import Ages, packet_sender, packets, send_on_time, show, spin, there_and_back, turn
from rclpy.executors import SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMsg

from optimus_nodes.core.values import JointState
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos
from optimus_nodes.ros.joint_topics import state_publisher, subscribe_states
from optimus_nodes.ros.joint_wire import StateWire

HOW = ("single", "events", "ours", "ours_dds", "floor")
PERIOD, WARM_UP = 1e-3, 300


def read(how: str, messages: int) -> None:
    """Take states, and tell when there are enough, until SIGTERM."""
    ages = Ages(messages, WARM_UP)
    if how == "floor":
        for data in packets():
            ages.add(np.frombuffer(data, "<f8").item(0))
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
    spin(node, SingleThreadedExecutor() if how == "single" else EventsExecutor())


def sender(how: str) -> Callable[[float, int], object]:
    """What publishes a state."""
    robot, _ = load_robot("optimus")
    position = np.linspace(-1.0, 1.0, len(robot.joint_names))

    def states(publish: Callable[[JointState], object]) -> Callable[[float, int], object]:
        return lambda stamp, number: publish(JointState(stamp, position, position, position))

    wire = StateWire(robot)
    if how == "floor":
        send_packet = packet_sender()
        return states(lambda state: send_packet(wire.pack(state)))
    rclpy.init()
    node = Node("sender")
    if how == "ours":
        return states(state_publisher(node, robot).publish)
    publisher = node.create_publisher(JointStateMsg, "joint_states", qos.STATE)
    if how == "ours_dds":
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
