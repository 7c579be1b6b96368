"""`optimus wiggle`: moves every joint a little, through the joint controller, and says which one did not follow."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
import typer
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from ..core.errors import CommandError, ConfigError, DeviceError
from ..core.robot import RobotSpec
from ..core.values import Array
from ..robot.load import load_robot
from ..ros import convert, qos
from .companion import Companion
from .environment import enter_graph_environment

FOLLOWED, LAGGED = 0, 1
_EVERY = 0.02  # s between targets
_SILENT = 1.0  # s
_NEAR = 0.2  # share of the way that may be missing


@dataclass(frozen=True)
class Wiggled:
    """What became of a joint: how far it was told to go and went, rad, how long that took, s, and what slowed it."""

    joint: str
    told: float
    went: float
    seconds: float
    slowed_by: str = ""

    @property
    def followed(self) -> bool:
        return abs(self.told - self.went) <= _NEAR * abs(self.told)


def wiggle(
    robot: Annotated[str, typer.Option(help="Robot in config/robots/ that is running.")] = "optimus",
    joint: Annotated[list[str] | None, typer.Option(help="Only this joint; may be repeated.")] = None,
    way: Annotated[float, typer.Option(help="How far each joint is moved, rad. 0.01 to 0.3.")] = 0.1,
    patience: Annotated[float, typer.Option(help="How long a joint may take to get there, s.")] = 2.0,
    domain: Annotated[int | None, typer.Option(help="ROS domain of the robot; default: ROS_DOMAIN_ID or 0.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON instead.")] = False,
) -> int:
    """Move every joint of a running robot a little and back. Exit code 0: all followed, 1: not all, 2: no robot.

    Ctrl-C gives the robot back at once.
    """
    if not 0.01 <= way <= 0.3:
        raise ConfigError(f"--way is {way}; allowed are 0.01 to 0.3 rad")
    spec, _ = load_robot(robot)
    chosen = spec.index(joint) if joint else np.arange(len(spec.joint_names))
    enter_graph_environment(domain)
    found = []
    with Companion() as companion:
        mover = _Mover(companion, spec)
        try:
            for number, k in enumerate(chosen.tolist(), start=1):
                found.append(mover.wiggle(k, way, patience))
                if not as_json:
                    print(f"{number:3}/{len(chosen)} {_line(found[-1])}", flush=True)
        except KeyboardInterrupt:
            print("stopped by Ctrl-C")
        finally:
            mover.let_go()
    late = [each.joint for each in found if not each.followed]
    if as_json:
        print(json.dumps({"joints": [asdict(each) for each in found], "did_not_follow": late}))
    else:
        lagging = f"; not {', '.join(late)}" if late else ""
        print(f"{len(found) - len(late)} of {len(chosen)} joints followed{lagging}")
    return FOLLOWED if len(found) - len(late) == len(chosen) else LAGGED


def _line(one: Wiggled) -> str:
    mark = "ok      " if one.followed else "LAGS    "
    why = "" if one.followed or not one.slowed_by else f": {one.slowed_by}"
    return f"{mark} {one.joint:<34} {one.went:+.3f} of {one.told:+.3f} rad in {one.seconds:.1f} s{why}"


class _Mover:
    """Sends targets and listens to the joints."""

    def __init__(self, companion: Companion, robot: RobotSpec) -> None:
        self._companion, self._robot = companion, robot
        self._reader, self._position = convert.JointStateReader(robot), robot.home
        self._heard, self._problem = 0.0, ""
        node = companion.node
        self._targets = node.create_publisher(JointTrajectory, "teleop/joint_trajectory", qos.COMMAND)
        node.create_subscription(JointState, "joint_states", self._on_state, qos.STATE)
        if not companion.wait(lambda: self._heard or self._problem, 5.0):
            raise DeviceError("no joint_states in this ROS domain (start the robot: optimus up)")
        if self._problem:
            raise ConfigError(f"the robot that is running is not {robot.name}: {self._problem}; say which by --robot")
        if not companion.wait(self._targets.get_subscription_count, 5.0):
            raise DeviceError("no joint controller listens to teleop/joint_trajectory (start it: optimus up)")

    def wiggle(self, k: int, way: float, patience: float) -> Wiggled:
        """Move joint `k` by `way` rad and back: to the side where there is more room, or to the other if it lags."""
        room = self._robot.upper[k] - self._position[k] >= self._position[k] - self._robot.lower[k]
        first = self._there_and_back(k, way if room else -way, patience)
        if first.followed:
            return first
        second = self._there_and_back(k, -first.told, patience)
        return second if second.followed else first

    def _there_and_back(self, k: int, told: float, patience: float) -> Wiggled:
        start, began = float(self._position[k]), time.monotonic()
        self._go(k, start + told, patience)
        went, seconds = float(self._position[k]) - start, time.monotonic() - began
        slowed = self._companion.diagnostics.get("joint_control: control", {}).get("slowed_by", "")
        self._go(k, start, patience)
        return Wiggled(self._robot.joint_names[k], told, went, seconds, slowed)

    def let_go(self) -> None:
        """Give the robot back."""
        self._targets.publish(convert.joint_target_to_msg((), np.zeros(0)))
        self._companion.spin(0.1)

    def _go(self, k: int, goal: float, patience: float) -> None:
        end, name = time.monotonic() + patience, (self._robot.joint_names[k],)
        while time.monotonic() < end and abs(self._position[k] - goal) > 0.005:
            self._targets.publish(convert.joint_target_to_msg(name, np.array([goal])))
            self._companion.spin(_EVERY)
            if time.monotonic() - self._heard > _SILENT:
                raise DeviceError(f"no joint_states for {_SILENT:g} s, in the middle of moving {name[0]}")

    def _on_state(self, message: JointState) -> None:
        try:
            state = self._reader.read(message)
        except CommandError as error:
            self._problem = str(error)
            return
        if state is not None:
            position: Array = state.position
            self._position, self._heard = position, time.monotonic()
