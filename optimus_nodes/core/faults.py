"""What the robot does about which fault: a table in the configuration, checked before anything moves.

    hold     brake within the limits, then stand stiffly where it is
    crouch   go slowly to the posture `crouch` of config/robots/<name>.yaml; nothing balances the robot on its way
    damp     no stiffness: the joints give way against their damping
    cut      no torque at all
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

import numpy as np

from .errors import ConfigError
from .joint_guard import JointGuard
from .robot import RobotSpec
from .values import Array, JointCommand

HOLD, NEUTRAL, CROUCH, DAMP, CUT = _SEVERITY = ("hold", "neutral", "crouch", "damp", "cut")
REACTIONS = (HOLD, CROUCH, DAMP, CUT)
LIMP = (DAMP, CUT)
DOING = {"": "holding", HOLD: "holding", NEUTRAL: "going home", CROUCH: "crouching", DAMP: "damped", CUT: "limp"}
SLOWLY = 0.3  # rad/s, the fastest joint on its way to a posture that nobody asked for
_SOFTLY = 3.0  # 1/s, its speed there per way that is left
_BLIND = (HOLD, DAMP, CUT)  # what can be done without knowing where the joints are


def _fault(doc: str) -> str:
    return field(default=HOLD, metadata={"doc": f"{doc}: {', '.join(REACTIONS)}."})


@dataclass(frozen=True)
class FaultTable:
    """Parameters `control.faults.*` of joint_control_node. Times are in s."""

    emergency_stop: str = _fault("Button pressed, or the remote stop not heard")
    no_joint_states: str = _fault("No joint state for control.max_state_age (not crouch)")
    overruns: str = _fault("The control loop was late max_overruns times one after the other")
    owner_lost: str = _fault("The policy, the planner or the teleoperator ended or fell silent in the middle of it")
    neutral_after: float = field(default=0.0, metadata={"doc": "owner_lost for so long: slowly home; 0 never, s."})
    crouch_after: float = field(default=0.0, metadata={"doc": "owner_lost for so long: crouch; 0 never, s."})

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type == "float":
                if not (value >= 0.0 and math.isfinite(value)):
                    raise ConfigError(f"joint_control parameter faults.{each.name} is {value}; it must be 0 or more")
                continue
            allowed = _BLIND if each.name == "no_joint_states" else REACTIONS
            if value not in allowed:
                raise ConfigError(
                    f"joint_control parameter faults.{each.name} is {value!r}; allowed: {', '.join(allowed)}"
                )

    def check(self, robot: RobotSpec) -> None:
        """Raises ConfigError when this robot can't do what the table says."""
        reactions = {each.name: getattr(self, each.name) for each in fields(self) if each.type == "str"}
        if self.crouch_after > 0.0:
            reactions["crouch_after"] = CROUCH
        for name, reaction in reactions.items():
            check_reaction(reaction, f"joint_control parameter faults.{name}", robot)


def check_reaction(reaction: str, what: str, robot: RobotSpec) -> None:
    """Raises ConfigError when `what` (a parameter) names a reaction that nobody knows, or that `robot` has not."""
    if reaction not in REACTIONS:
        raise ConfigError(f"{what} is {reaction!r}; allowed: {', '.join(REACTIONS)}")
    if reaction == CROUCH and robot.crouch is None:
        raise ConfigError(f"{what} asks for a crouch, but config/robots/{robot.name}.yaml has no `crouch` posture")


def react(reaction: str, guard: JointGuard, robot: RobotSpec, measured: Array, dt: float) -> None:
    """Move the commanded posture by one step of `dt` s. `measured`: where the joints are, (J,) rad."""
    postures = {NEUTRAL: robot.home, CROUCH: robot.crouch}
    posture = postures.get(reaction)
    if reaction in LIMP:
        guard.restart(measured)
    elif posture is not None:
        guard.approach(posture, dt, _SOFTLY, np.minimum(robot.max_velocity, SLOWLY))
    else:
        guard.stop(dt)


def limp_command(reaction: str, robot: RobotSpec, stamp: float, measured: Array) -> JointCommand:
    """What a damped or cut robot is told: no stiffness, no torque, and no damping either when it is cut."""
    none = np.zeros_like(robot.kp)
    return JointCommand(stamp, measured, none, none, none, none if reaction == CUT else robot.kd)


class FaultWatch:
    """Which fault lasts, and what is done about it. Times are monotonic seconds."""

    def __init__(self, table: FaultTable) -> None:
        self._table = table
        self._event, self._since = "", 0.0
        self.fault = self.reaction = ""

    def happened(self, fault: str, monotonic: float) -> None:
        """`overruns` or `owner_lost`; it lasts until somebody commands the robot anew."""
        if not self._event:
            self._event, self._since = fault, monotonic

    def over(self) -> None:
        """Somebody commands the robot, or was told to stop for another reason."""
        self._event = ""

    def update(self, emergency_stopped: bool, no_joint_states: bool, monotonic: float) -> str:
        """What is to be done now: the severest reaction, empty when nothing is wrong."""
        lasting = {"emergency_stop": emergency_stopped, "no_joint_states": no_joint_states, self._event: self._event}
        found = [(self._does(fault, monotonic), fault) for fault, lasts in lasting.items() if lasts]
        self.reaction, self.fault = max(found, key=lambda each: _SEVERITY.index(each[0]), default=("", ""))
        return self.reaction

    def _does(self, fault: str, monotonic: float) -> str:
        reaction: str = getattr(self._table, fault)
        if fault == "owner_lost":
            lost, table = monotonic - self._since, self._table
            for after, stage in ((table.neutral_after, NEUTRAL), (table.crouch_after, CROUCH)):
                if 0.0 < after <= lost and _SEVERITY.index(stage) > _SEVERITY.index(reaction):
                    reaction = stage
        return reaction
