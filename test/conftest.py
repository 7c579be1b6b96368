"""Being here puts this folder on the import path, so that every test can say `from fakes import fake_robot`."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")  # MuJoCo reads it once, when the first test imports it
