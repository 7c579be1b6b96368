"""Shows a judge what the graph tells: the scene as the simulator knows it, the arms by the measured joints."""

from __future__ import annotations

from collections.abc import Callable

from sensor_msgs.msg import JointState as JointStateMsg

from ..core.errors import DeviceError
from ..core.robot import RobotSpec
from ..core.tasks_body import Body
from ..core.values import SceneState
from ..robot.body_pose import BodyPose
from ..ros import convert, qos
from .companion import Companion

LOOK_EVERY = 0.05  # s of robot time between two looks


class Onlooker:
    """`see(scene, body)`, when set, is called every LOOK_EVERY s with the latest of both."""

    def __init__(self, companion: Companion, robot: RobotSpec, urdf: str) -> None:
        self._companion, self._robot, self._pose = companion, robot, BodyPose(robot, urdf)
        self._last, self._seed = -1.0, -1
        self.body = Body()
        self.see: Callable[[SceneState, Body], None] | None = None
        companion.node.create_subscription(JointStateMsg, "joint_states", self._on_joints, qos.STATE)

    def scene(self, seed: int) -> SceneState:
        """The latest truth about the scene of `seed`, the only one looked at from now on. Raises DeviceError."""
        self._seed = seed
        self._companion.wait(lambda: self._of_now() is not None, 5.0)
        scene = self._of_now()
        if scene is None:
            raise DeviceError(f"the simulator told nothing on sim/scene about the scene of seed {seed} within 5 s")
        return scene

    def _of_now(self) -> SceneState | None:
        scene = self._companion.scene
        return scene if scene is not None and scene.seed == self._seed else None

    def _on_joints(self, message: JointStateMsg) -> None:
        state = convert.joint_state_from_msg(message, self._robot)
        if 0.0 <= state.stamp - self._last < LOOK_EVERY:
            return
        self._last = state.stamp
        self.body = self._pose(state.position)
        scene = self._of_now()
        if self.see is not None and scene is not None:
            self.see(scene, self.body)
