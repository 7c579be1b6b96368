"""The simulated world as a driver needs it: its clock can be set and it can carry its own weight."""

from __future__ import annotations

from typing import Any

from ..core.values import Array
from .world import SimWorld


class DrivenWorld(SimWorld):
    """A SimWorld that runs in real time beside other processes."""

    def set_time(self, seconds: float) -> None:
        """Robot time becomes `seconds`."""
        self.data.time = seconds

    def hold_effort(self) -> Array:
        """Torques, (J,) N·m, that hold the robot in the posture of the last step: gravity and Coriolis."""
        dof = [int(self.model.joint(name).dofadr[0]) for name in self.robot.joint_names]
        return self.data.qfrc_bias[dof]  # type: ignore[no-any-return]

    def open_window(self) -> Any:
        """MuJoCo's viewer in a window of its own; call its `sync()` about 30 times a second, and `close()`."""
        import mujoco.viewer

        return mujoco.viewer.launch_passive(self.model, self.data)
