"""The messages that Unitree's humanoids speak over DDS (types unitree_hg, as on topics rt/lowcmd and rt/lowstate), and
the checksum of the first two.

The checksum is CRC-32/MPEG-2 over the little-endian words of the message laid out as a C structure, each word
taken from its highest byte on; the last word, which is the checksum itself, is left out.
"""

# Without `from __future__ import annotations`: cyclonedds reads the types themselves.
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from cyclonedds.idl import IdlStruct, types
from cyclonedds.idl.annotations import autoid, final

MOTORS = 35  # places for motors in a message; the G1 uses 29
_COMMAND = struct.Struct("<2B2x" + "B3x5fI" * MOTORS + "4I")
_STATE = struct.Struct("<2I2B2xI" + "13fh2x" + "B3x4f2hf7I" * MOTORS + "40B4I")
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _zeros(count: int) -> Callable[[], list[int]]:
    return lambda: [0] * count


def _floats(count: int) -> Callable[[], list[float]]:
    return lambda: [0.0] * count


@dataclass
@final
@autoid("sequential")
class MotorCmd(IdlStruct, typename="unitree_hg.msg.dds_.MotorCmd_"):
    """torque = kp (q - measured) + kd (dq - measured) + tau, in rad, rad/s and N·m, while `mode` is 1."""

    mode: types.uint8 = 0
    q: types.float32 = 0.0
    dq: types.float32 = 0.0
    tau: types.float32 = 0.0
    kp: types.float32 = 0.0
    kd: types.float32 = 0.0
    reserve: types.uint32 = 0


@dataclass
@final
@autoid("sequential")
class MotorState(IdlStruct, typename="unitree_hg.msg.dds_.MotorState_"):
    """What a motor measures."""

    mode: types.uint8 = 0
    q: types.float32 = 0.0
    dq: types.float32 = 0.0
    ddq: types.float32 = 0.0
    tau_est: types.float32 = 0.0
    temperature: types.array[types.int16, 2] = field(default_factory=_zeros(2))
    vol: types.float32 = 0.0
    sensor: types.array[types.uint32, 2] = field(default_factory=_zeros(2))
    motorstate: types.uint32 = 0
    reserve: types.array[types.uint32, 4] = field(default_factory=_zeros(4))


@dataclass
@final
@autoid("sequential")
class IMUState(IdlStruct, typename="unitree_hg.msg.dds_.IMUState_"):
    """Quaternion (w, x, y, z), rad/s, m/s^2, roll pitch yaw rad, degrees Celsius."""

    quaternion: types.array[types.float32, 4] = field(default_factory=_floats(4))
    gyroscope: types.array[types.float32, 3] = field(default_factory=_floats(3))
    accelerometer: types.array[types.float32, 3] = field(default_factory=_floats(3))
    rpy: types.array[types.float32, 3] = field(default_factory=_floats(3))
    temperature: types.int16 = 0


@dataclass
@final
@autoid("sequential")
class LowCmd(IdlStruct, typename="unitree_hg.msg.dds_.LowCmd_"):
    """On rt/lowcmd. `mode_pr` 0: ankles and waist are told pitch and roll. `mode_machine` is repeated from LowState."""

    mode_pr: types.uint8 = 0
    mode_machine: types.uint8 = 0
    motor_cmd: types.array[MotorCmd, MOTORS] = field(default_factory=lambda: [MotorCmd() for _ in range(MOTORS)])
    reserve: types.array[types.uint32, 4] = field(default_factory=_zeros(4))
    crc: types.uint32 = 0


@dataclass
@final
@autoid("sequential")
class LowState(IdlStruct, typename="unitree_hg.msg.dds_.LowState_"):
    """On rt/lowstate. `tick`: ms since the robot was switched on."""

    version: types.array[types.uint32, 2] = field(default_factory=_zeros(2))
    mode_pr: types.uint8 = 0
    mode_machine: types.uint8 = 0
    tick: types.uint32 = 0
    imu_state: IMUState = field(default_factory=IMUState)
    motor_state: types.array[MotorState, MOTORS] = field(default_factory=lambda: [MotorState() for _ in range(MOTORS)])
    wireless_remote: types.array[types.uint8, 40] = field(default_factory=_zeros(40))
    reserve: types.array[types.uint32, 4] = field(default_factory=_zeros(4))
    crc: types.uint32 = 0


@dataclass
@final
@autoid("sequential")
class PressSensorState(IdlStruct, typename="unitree_hg.msg.dds_.PressSensorState_"):
    """What a fingertip or the palm of a Dex3 hand feels."""

    pressure: types.array[types.float32, 12] = field(default_factory=_floats(12))
    temperature: types.array[types.float32, 12] = field(default_factory=_floats(12))
    lost: types.uint32 = 0
    reserve: types.uint32 = 0


@dataclass
@final
@autoid("sequential")
class HandCmd(IdlStruct, typename="unitree_hg.msg.dds_.HandCmd_"):
    """On rt/dex3/left/cmd and rt/dex3/right/cmd."""

    motor_cmd: types.sequence[MotorCmd] = field(default_factory=list)
    reserve: types.array[types.uint32, 4] = field(default_factory=_zeros(4))


@dataclass
@final
@autoid("sequential")
class HandState(IdlStruct, typename="unitree_hg.msg.dds_.HandState_"):
    """On rt/dex3/left/state and rt/dex3/right/state."""

    motor_state: types.sequence[MotorState] = field(default_factory=list)
    press_sensor_state: types.sequence[PressSensorState] = field(default_factory=list)
    imu_state: IMUState = field(default_factory=IMUState)
    power_v: types.float32 = 0.0
    power_a: types.float32 = 0.0
    system_v: types.float32 = 0.0
    device_v: types.float32 = 0.0
    error: types.array[types.uint32, 2] = field(default_factory=_zeros(2))
    reserve: types.array[types.uint32, 2] = field(default_factory=_zeros(2))


def command_crc(command: LowCmd) -> int:
    """The checksum that belongs into `crc`."""
    values: list[float] = [command.mode_pr, command.mode_machine]
    for m in command.motor_cmd:
        values += (m.mode, m.q, m.dq, m.tau, m.kp, m.kd, m.reserve)
    return _crc(_COMMAND.pack(*values, *command.reserve))


def state_crc(state: LowState) -> int:
    """The checksum that belongs into `crc`."""
    imu = state.imu_state
    values: list[float] = [*state.version, state.mode_pr, state.mode_machine, state.tick]
    values += (*imu.quaternion, *imu.gyroscope, *imu.accelerometer, *imu.rpy, imu.temperature)
    for m in state.motor_state:
        values += (m.mode, m.q, m.dq, m.ddq, m.tau_est, *m.temperature, m.vol, *m.sensor, m.motorstate, *m.reserve)
    return _crc(_STATE.pack(*values, *state.wireless_remote, *state.reserve))


def _crc(packed: bytes) -> int:
    """CRC-32/MPEG-2 by zlib, whose CRC-32 is the same with all bits mirrored and the result inverted."""
    words = np.frombuffer(packed, "<u4")
    data = (words.byteswap() if sys.byteorder == "little" else words).tobytes()
    return int(f"{zlib.crc32(data.translate(_MIRRORED)) ^ 0xFFFFFFFF:032b}"[::-1], 2)
