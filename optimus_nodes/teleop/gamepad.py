"""What the sticks and buttons of a gamepad mean.

The defaults are those of an Xbox pad, or any other that SDL knows, read by `ros2 run joy game_controller_node`:

    left stick       forward and back, left and right       LB   hold it to move the robot; let go to give it back
    right stick      up and down, turn about the vertical   RB   other hand
    A, X             close, open the hand                   B    emergency stop      Y   reset it

`ros2 run joy joy_node` counts otherwise; for it set `gamepad.up_axis` 4, `gamepad.turn_axis` 3, `gamepad.hold_button` 4
and `gamepad.other_hand_button` 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..core.errors import CommandError, ConfigError
from ..core.values import Array


def _doc(text: str) -> dict[str, str]:
    return {"doc": text}


@dataclass(frozen=True)
class GamepadLayout:
    """Numbers of axes (forward, left, up positive) and buttons in sensor_msgs/Joy, and how fast they move a hand."""

    forward_axis: int = field(default=1, metadata=_doc("Left stick, up and down."))
    left_axis: int = field(default=0, metadata=_doc("Left stick, left and right."))
    up_axis: int = field(default=3, metadata=_doc("Right stick, up and down."))
    turn_axis: int = field(default=2, metadata=_doc("Right stick, left and right: turns the hand about the vertical."))
    hold_button: int = field(
        default=9, metadata=_doc("LB, the dead-man button: the robot moves only while it is held.")
    )
    other_hand_button: int = field(default=10, metadata=_doc("RB: move the other hand."))
    close_button: int = field(default=0, metadata=_doc("A: close the hand while it is pressed."))
    open_button: int = field(default=2, metadata=_doc("X: open the hand while it is pressed."))
    stop_button: int = field(default=1, metadata=_doc("B: emergency stop, whether the dead-man button is held or not."))
    reset_button: int = field(default=3, metadata=_doc("Y: end the emergency stop."))
    deadzone: float = field(default=0.1, metadata=_doc("Stick travel that counts as none, 0 to 0.5."))
    speed: float = field(default=0.2, metadata=_doc("Hand speed at full travel, m/s. Up to 0.5."))
    turn_speed: float = field(default=0.8, metadata=_doc("Turning speed at full travel, rad/s. Up to 2."))

    def __post_init__(self) -> None:
        numbers = {name: value for name, value in vars(self).items() if name.endswith(("_axis", "_button"))}
        for name, value in numbers.items():
            if value < 0:
                raise ConfigError(f"gamepad.{name} is {value}; it must be 0 or more")
            twice = [other for other, same in numbers.items() if same == value and other.split("_")[-1] == _kind(name)]
            if len(twice) > 1:
                raise ConfigError(f"gamepad.{twice[0]} and gamepad.{twice[1]} are both {value}")
        for name, value, most in (("deadzone", self.deadzone, 0.5), ("speed", self.speed, 0.5)):
            if not 0.0 <= value <= most:
                raise ConfigError(f"gamepad.{name} is {value}; allowed is 0 to {most}")
        if not 0.0 <= self.turn_speed <= 2.0:
            raise ConfigError(f"gamepad.turn_speed is {self.turn_speed} rad/s; allowed is 0 to 2")


@dataclass(frozen=True)
class Pad:
    """A gamepad at one moment. `velocity`: of the hand (3,) m/s. `turn`: rad/s. `grip`: 1 closes, -1 opens."""

    hold: bool = False
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn: float = 0.0
    grip: int = 0
    other_hand: bool = False
    stop: bool = False
    reset: bool = False


def read_pad(layout: GamepadLayout, axes: Array, buttons: tuple[bool, ...]) -> Pad:
    """What `axes` (A,), -1 to 1, and `buttons` say. Raises CommandError `length` or `not_finite`."""
    for name, number in vars(layout).items():
        given = {"axis": len(axes), "button": len(buttons)}.get(_kind(name))
        if given is not None and number >= given:
            kind = "axes" if _kind(name) == "axis" else "buttons"
            raise CommandError(
                "length",
                f"joy has {given} {kind}, but {name.replace('_', ' ')} is number {number} counted from 0 "
                f"(parameter gamepad.{name} of teleop_node)",
            )
    if not np.isfinite(axes).all():
        bad = int(np.flatnonzero(~np.isfinite(axes))[0])
        raise CommandError("not_finite", f"joy axis {bad} is {axes[bad]}; it must be a number from -1 to 1")

    def travel(axis: int) -> float:
        value = float(np.clip(axes[axis], -1.0, 1.0))
        return float(np.sign(value)) * max(abs(value) - layout.deadzone, 0.0) / (1.0 - layout.deadzone)

    forward, left, up = (layout.speed * travel(a) for a in (layout.forward_axis, layout.left_axis, layout.up_axis))
    return Pad(
        hold=buttons[layout.hold_button],
        velocity=(forward, left, up),
        turn=layout.turn_speed * travel(layout.turn_axis),
        grip=int(buttons[layout.close_button]) - int(buttons[layout.open_button]),
        other_hand=buttons[layout.other_hand_button],
        stop=buttons[layout.stop_button],
        reset=buttons[layout.reset_button],
    )


def _kind(name: str) -> str:
    return name.rsplit("_", 1)[-1]
