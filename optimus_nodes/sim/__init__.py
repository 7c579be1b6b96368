"""The simulated robot and its bench: MuJoCo, compiled from the robot's one URDF."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")
