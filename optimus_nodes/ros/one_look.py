"""One picture of the head camera and where it was taken from, fetched when somebody wants to look.

The subscriptions live until everything has come: nobody pays for pictures while nobody looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from optimus_humanoid.msg import TactileArray
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, JointState

from ..core.language import SIDES
from ..core.robot import RobotSpec
from ..core.view import View
from ..robot.viewpoint import Viewpoint
from . import convert, qos
from .pictures import Picture, PictureSubscription

POLL_S = 0.02
CAMERA, PICTURE = "head", "picture"


class OneLook:
    """Calls `then` once: with a view, or with None when not all of it has come within `timeout` s."""

    def __init__(
        self, node: Node, robot: RobotSpec, viewpoint: Viewpoint, then: Callable[[View | None], None], timeout: float
    ) -> None:
        self._node, self._robot, self._viewpoint, self._then = node, robot, viewpoint, then
        self._end = time.monotonic() + timeout
        self._got: dict[str, Any] = {}
        wanted: dict[str, tuple[type, Any]] = {
            f"{CAMERA}/camera_info": (CameraInfo, qos.IMAGE),
            "joint_states": (JointState, qos.STATE),
            **{f"tactile/{side}_hand": (TactileArray, qos.SENSOR) for side in SIDES},
        }
        self._wanted = {PICTURE, *wanted}
        self._subscriptions = [
            node.create_subscription(kind, topic, partial(self._got.__setitem__, topic), profile)
            for topic, (kind, profile) in wanted.items()
        ]
        self._pictures = PictureSubscription(node, CAMERA, self._on_picture)
        self._timer = node.create_timer(POLL_S, self._poll)

    def _poll(self) -> None:
        complete = self._wanted <= set(self._got)
        if not complete and time.monotonic() < self._end:
            return
        self._node.destroy_timer(self._timer)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._pictures.destroy()
        self._then(self._view() if complete else None)

    def _on_picture(self, picture: Picture) -> None:
        pixels = picture.kept()
        if pixels is not None:
            self._got[PICTURE] = pixels

    def _view(self) -> View:
        image = self._got[PICTURE]
        _, K, _ = convert.camera_info_from_msg(self._got[f"{CAMERA}/camera_info"])
        joints = convert.joint_state_from_msg(self._got["joint_states"], self._robot)
        touch = {side: float(convert.tactile_from_msg(self._got[f"tactile/{side}_hand"])[2].sum()) for side in SIDES}
        return self._viewpoint.view(image, K, joints.position, touch)
