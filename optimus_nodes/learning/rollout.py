"""The whole robot in one loop without ROS: simulator, joint controller and policy in lock-step.

The objects are those that run inside the nodes. Nothing reads a clock, so the same seed gives the same
episode bit for bit, as fast as the machine allows. A chunk arrives `latency` s after its picture was
taken, as it does on a real graph.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ..core.errors import CommandError
from ..core.joint_control_config import JointControlConfig
from ..core.perturb import Perturbation
from ..core.robot import RobotSpec
from ..core.scene import SceneConfig
from ..core.touch import TouchConfig
from ..core.values import ActionChunk, Array, JointCommand, Observation, SceneState
from ..robot.controller import joint_controller
from ..sim.render import SceneRenderer
from ..sim.world import SimWorld

TICK_STEPS = 2  # physics steps of 2 ms per control tick: 250 Hz
FRAME_DT = 0.05
LATENCY = 0.06  # s from a picture to the chunk that was decided on it


class LockStep:
    """A simulated robot that is handed one action chunk per camera frame."""

    def __init__(
        self,
        robot: RobotSpec,
        urdf: str,
        *,
        cameras: Sequence[str] = (),
        scene: SceneConfig | None = None,
        latency: float = LATENCY,
        seed: int = 0,
    ) -> None:
        self.robot = robot
        self.world = SimWorld(robot, urdf, scene=scene or SceneConfig(), seed=seed)
        touch = TouchConfig(max_force=self.world.scene.held_with if self.world.scene else 0.0)
        self.controller = joint_controller(robot, urdf, JointControlConfig(touch=touch))
        self._renderer = SceneRenderer(self.world, cameras) if cameras else None
        self._cameras = tuple(cameras)
        self._latency = latency
        self._waiting: deque[tuple[float, ActionChunk]] = deque()
        self._ticks = self._frames = 0
        self.command: JointCommand | None = None  # the last one

    def reset(self, seed: int, home: Array | None = None, perturbation: Perturbation | None = None) -> SceneState:
        """Lay out the scene of `seed`, forget all motion. `home` (J,) rad: start in that posture instead.

        `perturbation`: light, looks, cameras and latency; what it moves must be in the loop's `scene` already.
        """
        if perturbation is not None:
            self.world.perturbation, self._latency = perturbation, LATENCY + perturbation.latency
        self._waiting.clear()
        self._ticks = self._frames = 0
        self.world.reset(seed, time=0.0)  # rounding depends on the time, so an episode begins at 0
        if home is not None:
            self.world.pose(home)
        self.controller.restart()
        self._tick()
        return self.world.scene_state()

    def observe(self, sentence: str, cameras: Sequence[str] | None = None) -> Observation:
        """What the policy may know now. `cameras`: those to render; None: the robot's own three."""
        wanted = [c.name for c in self.robot.cameras] if cameras is None else cameras
        snapshot = self.world.snapshot()
        images = {name: self._renderer.render(name, snapshot) for name in wanted} if self._renderer else {}
        state = self.world.joint_state()
        return Observation(state.stamp, images, state.position, state.velocity, self.world.tactile(), sentence)

    def picture(self, camera: str) -> Array:
        """A picture for people, (H, W, 3) uint8 RGB."""
        assert self._renderer is not None
        return self._renderer.render(camera, self.world.snapshot())  # type: ignore[return-value]

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()

    def advance(self, positions: Array, progress: float, step_dt: float, policy_id: str, task_id: int = 0) -> None:
        """Hand over the chunk decided on the present observation and let one camera frame pass."""
        now = self.world.time
        names = self.robot.joint_names
        chunk = ActionChunk(now, now, step_dt, names, positions, progress, policy_id, task_id)
        self._waiting.append((now + self._latency, chunk))
        self.wait()

    def wait(self) -> None:
        """Let one camera frame pass without a new chunk."""
        self._frames += 1
        while self._ticks < round(self._frames * FRAME_DT / (TICK_STEPS * 0.002)):
            self._tick()

    def _tick(self) -> None:
        now = self.world.time
        while self._waiting and self._waiting[0][0] <= now + 1e-9:
            try:
                self.controller.on_chunk(self._waiting.popleft()[1], now, now)
            except CommandError:
                pass  # counted by the controller, which plays on without it, as it does in the node
        if self.controller.hands.limited:
            self._feel(now)
        self.command = self.controller.tick(now, now, self.world.joint_state())
        self.world.apply(self.command)
        self.world.step(TICK_STEPS)
        self._ticks += 1

    def _feel(self, now: float) -> None:
        """What the pads feel, 125 times a second."""
        if self._ticks % 2:
            return
        force, shear = self.world.tactile(), self.world.shear()
        half = len(force) // 2
        for side, pads in (("left", slice(0, half)), ("right", slice(half, None))):
            self.controller.hands.on_touch(side, now, force[pads], shear[pads])
