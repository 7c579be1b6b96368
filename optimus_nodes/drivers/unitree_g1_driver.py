"""Unitree G1, with or without Dex3 hands, over its own DDS messages (topics rt/lowcmd, rt/lowstate, rt/dex3/...).

`optimus up --robot NAME --driver unitree_g1 --set driver.options="[interface=eth0]"`. The robot must have been put into
its debug mode, in which no program of its own moves it. The first command only damps the joints; stiffness and torque
grow from nothing over `ramp` s, and when it is stopped the joints are damped. A change of `mode_machine` ends the
connection: someone switched the robot; so does a hand that falls silent. Needs `pip install cyclonedds`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.driver import DriverDescription
from ..core.errors import ConfigError, DeviceError
from ..core.robot import RobotSpec
from ..core.values import Array, JointCommand, JointState

if TYPE_CHECKING:
    from .unitree_hg import HandState, LowState

_LEG = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
_ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_roll", "wrist_pitch", "wrist_yaw")
_DEX3 = ("thumb_0", "thumb_1", "thumb_2", "middle_0", "middle_1", "index_0", "index_1")
SIDES = ("left", "right")
# In the order of the motors: of the body, and of each hand.
BODY = (
    *(f"{side}_{joint}_joint" for side in SIDES for joint in _LEG),
    *(f"waist_{axis}_joint" for axis in ("yaw", "roll", "pitch")),
    *(f"{side}_{joint}_joint" for side in SIDES for joint in _ARM),
)
HANDS = {side: tuple(f"{side}_hand_{joint}_joint" for joint in _DEX3) for side in SIDES}
_DAMPING = 2.0  # N·m·s/rad of every motor of a robot that is not commanded
_FIRST = 3.0  # s to wait for the first state
_SILENT = 0.25  # s without a state of a hand
_PITCH_ROLL, _ON = 0, 1


@dataclass(frozen=True)
class UnitreeG1Options:
    """`interface`: network interface the robot is at, empty for DDS's own choice. `ramp`: s to full stiffness."""

    interface: str = ""
    domain: int = 0
    ramp: float = 2.0


class UnitreeG1Driver:
    """One G1. Motors that the robot's description does not name are damped."""

    def __init__(
        self, robot: RobotSpec, options: UnitreeG1Options, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._robot, self._options, self._clock = robot, options, clock
        try:
            from . import unitree_hg
        except ImportError as error:
            raise ConfigError(f"driver unitree_g1 needs CycloneDDS: pip install cyclonedds ({error})") from error
        self._messages = unitree_hg
        order = {name: k for k, name in enumerate(robot.joint_names)}
        groups = {"body": BODY, **HANDS}
        self._known = {  # places in our order, and numbers of the motors, of each group that the description names
            group: (np.array([order[n] for n in names if n in order]), [k for k, n in enumerate(names) if n in order])
            for group, names in groups.items()
        }
        self._sides = [side for side in SIDES if self._known[side][1]]
        self._links: _Links | None = None
        self._mode, self._begun = 0, -1.0
        self._seen: dict[str, Any] = {}
        self._heard: dict[str, float] = {}
        self._stamp = 0.0
        self.bad_checksums = 0

    def connect(self) -> DriverDescription:
        """Wait for the robot's first state."""
        self.close()
        self._links = _Links(self._options, self._sides, self._messages)
        self._seen, self._heard, self._begun = {}, {}, -1.0
        end = time.monotonic() + _FIRST
        while not self._look() and time.monotonic() < end:
            time.sleep(0.01)
        if "body" not in self._seen:
            where = f"domain {self._options.domain}" + f" at {self._options.interface}" * bool(self._options.interface)
            raise DeviceError(f"no rt/lowstate in DDS {where}: is the robot on, and this the interface it is at?")
        self._mode = self._seen["body"].mode_machine
        names = [name for name in BODY if name in self._robot.joint_names]
        names += [name for side in self._sides if side in self._seen for name in HANDS[side]]
        return DriverDescription(f"Unitree G1, machine mode {self._mode}", tuple(names))

    def read(self) -> JointState | None:
        """The newest state of the body, and of the hands."""
        if not self._look():
            return None
        if self._seen["body"].mode_machine != self._mode:
            raise DeviceError(f"the robot was switched from machine mode {self._mode} to another one")
        for side, heard in self._heard.items():
            if self._clock() - heard > _SILENT:
                raise DeviceError(f"no state of the {side} hand for {self._clock() - heard:.2f} s")
        rows = np.zeros((3, len(self._robot.joint_names)))
        for group, (places, motors) in self._known.items():
            if motors and group in self._seen:
                states = self._seen[group].motor_state
                rows[:, places] = np.array([(states[k].q, states[k].dq, states[k].tau_est) for k in motors]).T
        return JointState(self._stamp, rows[0], rows[1], rows[2])

    def write(self, command: JointCommand) -> None:
        """Take a command, at first with little of its stiffness."""
        now = self._clock()
        if self._begun < 0.0:
            self._begun = now
        share = min(1.0, (now - self._begun) / self._options.ramp) if self._options.ramp > 0.0 else 1.0
        damping = np.maximum(command.kd, (1.0 - share) * _DAMPING)
        values = (command.position, command.velocity, share * command.effort, share * command.kp, damping)
        self._send(np.stack(values, axis=1))

    def stop(self) -> None:
        """Damp every joint."""
        if self._links is not None and "body" in self._seen:
            row = np.zeros((len(self._robot.joint_names), 5))
            row[:, 4] = _DAMPING
            self._send(row)

    def close(self) -> None:
        """Leave the robot's network."""
        self._links = None

    def _look(self) -> bool:
        """Take what has come. Whether body and hands have all been heard since the robot was connected."""
        if self._links is None:
            return False
        for state in self._links.states():
            if self._messages.state_crc(state) != state.crc:
                self.bad_checksums += 1
                continue
            self._seen["body"], self._stamp = state, self._clock()
        for side in self._sides:
            for hand in self._links.hands(side):
                self._seen[side], self._heard[side] = hand, self._clock()
        return "body" in self._seen and all(side in self._seen for side in self._sides)

    def _send(self, rows: Array) -> None:
        """Rows (J, 5) of q, dq, tau, kp, kd, to the motors of body and hands."""
        if self._links is None:
            raise DeviceError("the robot is not connected")
        command = self._messages.LowCmd(_PITCH_ROLL, self._mode)
        self._fill(command.motor_cmd, len(BODY), "body", rows)
        command.crc = self._messages.command_crc(command)
        self._links.commands.write(command)
        for side in self._sides:
            fingers = [self._messages.MotorCmd() for _ in HANDS[side]]
            self._fill(fingers, len(fingers), side, rows)
            for number, finger in enumerate(fingers):
                finger.mode = number | _ON << 4  # the lower four bits say which motor
            self._links.fingers[side].write(self._messages.HandCmd(fingers))

    def _fill(self, motors: list[Any], count: int, group: str, rows: Array) -> None:
        for motor in motors[:count]:
            motor.mode, motor.kd = _ON, _DAMPING
        places, numbers = self._known[group]
        for number, (q, dq, tau, kp, kd) in zip(numbers, rows[places].tolist()):
            motor = motors[number]
            motor.q, motor.dq, motor.tau, motor.kp, motor.kd = q, dq, tau, kp, kd


class _Links:
    """Readers and writers of one robot's topics; they end when nothing holds them any more."""

    def __init__(self, options: UnitreeG1Options, sides: list[str], messages: Any) -> None:
        from cyclonedds.domain import DomainParticipant
        from cyclonedds.pub import DataWriter
        from cyclonedds.qos import Policy, Qos
        from cyclonedds.sub import DataReader
        from cyclonedds.topic import Topic

        newest = Qos(Policy.History.KeepLast(1))
        with _interface(options.interface):
            participant = DomainParticipant(options.domain)

        def topic(name: str, kind: type[Any]) -> Any:
            return Topic(participant, name, kind)

        self.commands = DataWriter(participant, topic("rt/lowcmd", messages.LowCmd), newest)
        self._states = DataReader(participant, topic("rt/lowstate", messages.LowState), newest)
        hand = {"cmd": messages.HandCmd, "state": messages.HandState}
        topics = {(side, what): topic(f"rt/dex3/{side}/{what}", kind) for side in sides for what, kind in hand.items()}
        self.fingers = {side: DataWriter(participant, topics[side, "cmd"], newest) for side in sides}
        self._hands = {side: DataReader(participant, topics[side, "state"], newest) for side in sides}

    def states(self) -> list[LowState]:
        """Of the body, since the last call."""
        return [sample for sample in self._states.take(4) if hasattr(sample, "crc")]

    def hands(self, side: str) -> list[HandState]:
        """Of a hand, since the last call."""
        return [sample for sample in self._hands[side].take(4) if hasattr(sample, "motor_state")]


@contextlib.contextmanager
def _interface(name: str) -> Any:
    """CycloneDDS reads from the environment which network interface to use."""
    before = os.environ.get("CYCLONEDDS_URI")
    if name:
        os.environ["CYCLONEDDS_URI"] = (
            f'<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="{name}"/>'
            "</Interfaces></General></Domain></CycloneDDS>"
        )
    try:
        yield
    finally:
        if name:
            os.environ.pop("CYCLONEDDS_URI")
            if before is not None:
                os.environ["CYCLONEDDS_URI"] = before
