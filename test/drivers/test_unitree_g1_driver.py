"""The driver of Unitree's G1 against a simulated one that answers with the robot's own messages, over loopback."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from fakes import fake_robot

from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import Array
from optimus_nodes.drivers.conformance import DriverConformance, RealTimeRig, hold
from optimus_nodes.drivers.known import make_driver
from optimus_nodes.drivers.unitree_g1_driver import BODY, HANDS, UnitreeG1Driver, UnitreeG1Options

pytest.importorskip("cyclonedds", reason="cyclonedds has no wheel for this processor")
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from optimus_nodes.drivers import unitree_hg
from optimus_nodes.drivers.unitree_g1_driver import _interface

pytestmark = pytest.mark.alone

INERTIA, DRAG, STEP = 0.05, 0.5, 0.002  # kg·m², N·m·s/rad, s
_domains = iter(range(100, 200))


def g1() -> RobotSpec:
    """29 joints and two Dex3 hands, not in the robot's own order."""
    names = (*HANDS["right"], *BODY[::-1], *HANDS["left"])
    robot = fake_robot(len(names))
    kp, kd = np.full(len(names), 40.0), np.full(len(names), 2.0)
    return replace(robot, name="g1", joint_names=names, groups={"all": names}, kp=kp, kd=kd)


class SimulatedG1:
    """Motors that turn, each a flywheel, told and telling what the robot's motors are."""

    def __init__(self, domain: int) -> None:
        self.q = {"body": np.zeros(29), "left": np.zeros(7), "right": np.zeros(7)}
        self.dq = {group: np.zeros_like(q) for group, q in self.q.items()}
        self.told: dict[str, list[unitree_hg.MotorCmd]] = {}
        self.last: unitree_hg.LowCmd | None = None
        self.mode_machine, self.plugged, self.spoiled = 5, True, False
        self._time = time.monotonic()
        self.refused, self.hands = 0, ["left", "right"]
        with _interface("lo"):
            participant = DomainParticipant(domain)
        topics = {"body": ("rt/lowcmd", unitree_hg.LowCmd, "rt/lowstate", unitree_hg.LowState)}
        for side in ("left", "right"):
            names = f"rt/dex3/{side}/cmd", f"rt/dex3/{side}/state"
            topics[side] = (names[0], unitree_hg.HandCmd, names[1], unitree_hg.HandState)
        self._in = {g: DataReader(participant, Topic(participant, t[0], t[1])) for g, t in topics.items()}
        self._out = {g: DataWriter(participant, Topic(participant, t[2], t[3])) for g, t in topics.items()}

    def step(self) -> None:
        for group, reader in self._in.items():
            for command in reader.take(10):
                if not hasattr(command, "motor_cmd"):
                    continue  # a writer has gone
                if group == "body":
                    if unitree_hg.command_crc(command) != command.crc or command.mode_machine != self.mode_machine:
                        self.refused += 1
                        continue
                    self.last = command
                if self.plugged:
                    self.told[group] = command.motor_cmd
        now = time.monotonic()
        while self._time < now:  # in real time, however long messages take
            self._time += STEP
            self._turn()
        if self.plugged:
            self._tell()

    def _turn(self) -> None:
        for group, q in self.q.items():
            if group in self.told:
                m = np.array([(m.q, m.dq, m.tau, m.kp, m.kd) for m in self.told[group][: len(q)]])
                torque = m[:, 3] * (m[:, 0] - q) + m[:, 4] * (m[:, 1] - self.dq[group]) + m[:, 2]
            else:
                torque = np.zeros_like(q)
            self.dq[group] = (self.dq[group] + STEP * torque / INERTIA) / (1.0 + STEP * DRAG / INERTIA)
            self.q[group] = q + STEP * self.dq[group]

    def _tell(self) -> None:
        motors = {
            g: [unitree_hg.MotorState(1, float(q), float(dq)) for q, dq in zip(self.q[g], self.dq[g])] for g in self.q
        }
        state = unitree_hg.LowState(mode_machine=self.mode_machine)
        state.motor_state[: len(motors["body"])] = motors["body"]
        state.crc = unitree_hg.state_crc(state) ^ self.spoiled
        self._out["body"].write(state)
        for side in self.hands:
            self._out[side].write(unitree_hg.HandState(motors[side]))


class G1Rig(RealTimeRig):
    settle, together = 0.35, 22
    rate_hz = 80.0  # robot and driver share a process, on a machine that others use

    def __init__(self) -> None:
        self.robot, domain = g1(), next(_domains)
        self.g1 = SimulatedG1(domain)
        self.driver = UnitreeG1Driver(self.robot, UnitreeG1Options("lo", domain, 0.0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended.is_set():
            self.g1.step()
            due = max(due + STEP, time.monotonic() - 0.05)
            time.sleep(max(due - time.monotonic(), 0.0))

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def truth(self) -> Array:
        parts = {**dict(zip(BODY, self.g1.q["body"]))}
        for side in ("left", "right"):
            parts |= dict(zip(HANDS[side], self.g1.q[side]))
        return np.array([parts[name] for name in self.robot.joint_names])

    def unplug(self) -> None:
        self.g1.plugged = False

    def plug(self) -> None:
        self.g1.plugged = True


@pytest.fixture
def rig() -> Iterator[G1Rig]:
    started = G1Rig()
    yield started
    started.end()


class TestUnitreeG1(DriverConformance):
    @pytest.fixture
    def rig(self) -> Iterator[G1Rig]:
        started = G1Rig()
        yield started
        started.end()


def test_the_checksum_is_crc_32_mpeg_2_over_words() -> None:
    """Bit by bit, as the polynomial says."""
    packed = bytes(np.random.default_rng(0).integers(0, 256, 400, dtype=np.uint8))
    crc = 0xFFFFFFFF
    for (word,) in struct.iter_unpack("<I", packed):
        for bit in range(31, -1, -1):
            top = (crc >> 31) ^ (word >> bit & 1)
            crc = (crc << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 * top)
    assert unitree_hg._crc(packed) == crc


def test_stiffness_grows_from_nothing_and_it_ends_damped(rig: G1Rig) -> None:
    now = [0.0]
    driver = UnitreeG1Driver(rig.robot, UnitreeG1Options("lo", rig.driver._options.domain, 2.0), lambda: now[0])
    driver.connect()
    stiff = []
    for seconds in (0.0, 1.0, 2.0, 5.0):
        now[0] = seconds
        driver.write(hold(rig.robot, np.full(43, 0.3)))
        rig.wait(0.05)
        stiff.append(rig.g1.told["body"][0].kp)
    assert stiff == pytest.approx([0.0, 20.0, 40.0, 40.0])
    driver.stop()
    rig.wait(0.05)
    told = rig.g1.told["body"][:29] + rig.g1.told["left"]
    assert all(motor.kp == 0.0 and motor.kd > 0.0 for motor in told)
    assert rig.g1.refused == 0, "a checksum or a mode was wrong"
    assert [motor.mode for motor in rig.g1.told["left"]] == [16 + k for k in range(7)]


def test_a_robot_that_was_switched_is_let_go(rig: G1Rig) -> None:
    rig.driver.connect()
    rig.see()
    rig.g1.mode_machine = 1
    rig.wait(0.1)
    with pytest.raises(DeviceError, match="switched from machine mode 5"):
        rig.driver.read()


def test_a_hand_that_falls_silent_is_noticed(rig: G1Rig) -> None:
    rig.driver.connect()
    rig.see()
    rig.g1.hands.remove("left")
    rig.wait(0.1)
    rig.driver.read()  # takes what was on its way
    rig.wait(0.5)
    with pytest.raises(DeviceError, match="no state of the left hand for 0"):
        rig.driver.read()


def test_a_state_with_a_wrong_checksum_is_none(rig: G1Rig) -> None:
    rig.driver.connect()
    rig.g1.spoiled = True
    rig.wait(0.1)
    rig.driver.read()
    before, stamp = rig.driver.bad_checksums, rig.driver.read().stamp
    rig.wait(0.1)
    assert rig.driver.read().stamp == stamp and rig.driver.bad_checksums > before


def test_without_a_robot_it_says_where_it_looked() -> None:
    driver = make_driver("unitree_g1", ["interface=lo", f"domain={next(_domains)}"], g1())
    with pytest.raises(DeviceError, match=r"no rt/lowstate in DDS domain 1\d\d at lo: is the robot on"):
        driver.connect()
