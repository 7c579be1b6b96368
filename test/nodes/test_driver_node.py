"""driver_node with a driver without a robot, and the joint controller above it, as processes over real DDS."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from optimus_humanoid.msg import JointCommand
from sensor_msgs.msg import JointState
from sim_bench import ELBOW, ROBOT, Bench, Heard, Mover, stop, wait_for
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory

from optimus_nodes.cli.companion import Companion
from optimus_nodes.ros import convert, qos

pytestmark = pytest.mark.promise("P6")

JOINT = ROBOT.joint_names.index(ELBOW)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as started:
        yield started


class Joints:
    """The measured joints."""

    def __init__(self, listener: Companion) -> None:
        self._listener, self._heard = listener, Heard(listener, JointState, "joint_states", qos.STATE)
        wait_for(lambda: self._heard, listener, 20.0, "first joint state")

    def elbow(self) -> float:
        """Where the left elbow is now, rad."""
        self._heard.clear()
        wait_for(lambda: self._heard, self._listener, 5.0, "a joint state")
        return float(self._heard[-1][1].position[JOINT])

    def moves(self, seconds: float) -> bool:
        before = self.elbow()
        self._listener.spin(seconds)
        return abs(self.elbow() - before) > 1e-6


def test_what_is_commanded_is_done_and_silence_holds_it(bench: Bench) -> None:
    bench.start("driver_node", "driver:=mock")
    listener = bench.listen()
    joints, mover = Joints(listener), Mover(listener)
    applied = Heard(listener, JointCommand, "applied_joint_commands", qos.STATE)
    before = joints.elbow()
    mover.move(0.4)
    assert abs(joints.elbow() - before) > 0.1
    listener.spin(0.3)
    assert not joints.moves(0.3)
    assert applied and applied[-1][1].position[JOINT] == pytest.approx(joints.elbow(), abs=1e-3)


def test_the_emergency_stop_works_here_too_whatever_is_commanded(bench: Bench) -> None:
    bench.start("driver_node", "driver:=mock")
    listener = bench.listen()
    joints, mover = Joints(listener), Mover(listener)
    button = listener.node.create_publisher(Bool, "emergency_stop", 1)  # volatile, as `ros2 topic pub` sends it
    wait_for(button.get_subscription_count, listener, 5.0, "a driver that hears the button")
    mover.move(0.2)
    button.publish(Bool(data=True))
    listener.spin(0.3)
    held = joints.elbow()
    mover.move(0.3)
    assert abs(joints.elbow() - held) < 1e-6
    button.publish(Bool(data=False))
    listener.spin(0.2)
    mover.move(0.3)
    assert joints.moves(0.0) or abs(joints.elbow() - held) > 1e-3


def test_the_joint_controller_moves_it_and_its_death_leaves_it_held(bench: Bench) -> None:
    bench.start("driver_node", "driver:=mock")
    controller = bench.start("joint_control_node")
    listener = bench.listen()
    joints = Joints(listener)
    targets = listener.node.create_publisher(JointTrajectory, "teleop/joint_trajectory", qos.COMMAND)
    wait_for(targets.get_subscription_count, listener, 20.0, "a joint controller")
    start = joints.elbow()

    def bend() -> bool:
        targets.publish(convert.joint_target_to_msg((ELBOW,), np.array([start - 1.0])))
        listener.spin(0.02)
        return joints.elbow() < start - 0.1

    wait_for(bend, listener, 10.0, "the elbow to move")
    controller.send_signal(signal.SIGKILL)
    listener.spin(0.4)
    assert not joints.moves(0.3)


def test_its_health_says_what_it_is_connected_to_and_ctrl_c_ends_it(bench: Bench) -> None:
    process = bench.start("driver_node", "driver:=mock", "options:=['rate_hz=100.0']")
    listener = bench.listen()
    Joints(listener)
    told = Heard(listener, DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)

    def said(text: str) -> bool:
        return any(s.name == "driver: driver" and text in s.message for _, m in told for s in m.status)

    wait_for(lambda: said("no commands: the watchdog holds the joints"), listener, 5.0, "its health")
    Mover(listener).move(2.0)
    assert said("mock is connected")
    values = {v.key: v.value for _, m in told for s in m.status if s.name == "driver: driver" for v in s.values}
    assert 50.0 < float(values["states_hz"]) < 110.0
    assert stop(process) == 0


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (["driver:=moc"], "there is no driver 'moc'; give one of mock"),
        (["options:=['speed=3']"], "driver mock has no option 'speed=3'; it takes rate_hz=250.0"),
        (["loop.on_emergency:=jump"], "parameter on_emergency is 'jump'; allowed: hold, crouch, damp, cut"),
    ],
)
def test_what_it_cannot_do_is_said_at_the_start(bench: Bench, parameters: list[str], text: str) -> None:
    process = bench.start("driver_node", *parameters)
    assert process.wait(30.0) == 2
    assert text in bench.log("driver_node")
