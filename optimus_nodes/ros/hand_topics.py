"""Postures and forces of the hands, wired to a joint controller: `teleop/hand_command`, `hand_command` and touch.

Touch is listened to from the first moment on that a force is limited: until then nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from optimus_humanoid.msg import HandCommand, TactileArray
from rclpy.node import Node

from ..core.errors import CommandError
from ..core.joint_controller import JointController
from ..core.robot import RobotSpec
from . import convert, qos
from .one_at_a_time import OneAtATime

Do = Callable[[Callable[[float, float], None]], None]


class HandTopics:
    """Args: do: calls what it is given with robot time and monotonic time, and reports a CommandError."""

    def __init__(self, node: Node, robot: RobotSpec, controller: JointController, one: OneAtATime, do: Do) -> None:
        self._node, self._controller, self._one, self._do = node, controller, one, do
        half = len(robot.tactile_pads) // 2
        self._pads = {"left": robot.tactile_pads[:half], "right": robot.tactile_pads[half:]}
        self._listens = False
        for topic, source in (("teleop/hand_command", "teleop"), ("hand_command", "planner")):
            node.create_subscription(HandCommand, topic, one(partial(self._on_command, source)), qos.EVENT)
        self._listen()

    def _on_command(self, source: str, message: HandCommand) -> None:
        command = convert.hand_command_from_msg(message)
        lease = convert.lease_from_msg(message.header)
        self._do(lambda now, monotonic: self._controller.on_hand(command, source, now, monotonic, lease))
        self._listen()

    def _listen(self) -> None:
        if self._controller.hands.limited and not self._listens:
            self._listens = True
            for side in self._pads:
                heard = self._one(partial(self._on_touch, side))
                self._node.create_subscription(TactileArray, f"tactile/{side}_hand", heard, qos.SENSOR)

    def _on_touch(self, side: str, message: TactileArray) -> None:
        self._do(lambda now, monotonic: self._feel(side, message, now))

    def _feel(self, side: str, message: TactileArray, now: float) -> None:
        _, names, force = convert.tactile_from_msg(message)
        shear = convert.shear_from_msg(message)
        if set(names) != set(self._pads[side]):
            raise CommandError("names", f"tactile/{side}_hand has pads {', '.join(names)}, not the {side} hand's")
        if names != self._pads[side]:
            order = np.array([names.index(pad) for pad in self._pads[side]])
            force, shear = force[order], None if shear is None else shear[order]
        self._controller.hands.on_touch(side, now, force, shear)
