"""Camera pictures of a simulated world. One renderer belongs to one thread."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from ..core.errors import ConfigError, DeviceError
from ..core.values import ImageArray
from .world import PhysicsSnapshot, SimWorld

_OUT_OF_VIEW = 5  # a geom group that is not drawn
_UPRIGHT = np.eye(3).ravel()
_EGL_HELP = "install Mesa's software EGL: apt-get install libegl1 libgl1-mesa-dri (or set MUJOCO_GL=osmesa)"


class SceneRenderer:
    """Draws snapshots of one world. Make it, use it and close it in the same thread.

    Raises: DeviceError when no OpenGL context can be made.
    """

    def __init__(
        self, world: SimWorld, cameras: Sequence[str] = ("head", "wrist_left", "wrist_right", "outside")
    ) -> None:
        self._model, self._world = world.model, world
        self._data = mujoco.MjData(world.model)
        self._sizes = {}
        for name in cameras:
            camera = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_CAMERA, name)
            if camera < 0:
                known = [self._model.camera(k).name for k in range(self._model.ncam)]
                raise ConfigError(f"the simulator has no camera {name!r}; it has {known}")
            self._sizes[name] = (camera, *(int(n) for n in self._model.cam_resolution[camera]))
        width, height = (max(size[k] for size in self._sizes.values()) for k in (1, 2))
        try:
            self._gl = mujoco.GLContext(width, height)
            self._gl.make_current()
        except Exception as error:  # whatever the platform's GL raises, the mend is the same
            raise DeviceError(f"cannot make an OpenGL context ({error}); {_EGL_HELP}") from error
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        self._scene = mujoco.MjvScene(self._model, maxgeom=1000)
        self._option = mujoco.MjvOption()
        self._option.sitegroup[:] = 0
        self._option.geomgroup[3:] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._pixels = {
            name: np.empty((height, width, 3), dtype=np.uint8) for name, (_, width, height) in self._sizes.items()
        }
        self._posed: PhysicsSnapshot | None = None
        self._groups = self._model.geom_group.copy()

    def render(self, camera: str, snapshot: PhysicsSnapshot) -> ImageArray:
        """The picture (H, W, 3) uint8 RGB that `camera` takes of `snapshot`, at the camera's own size."""
        if camera not in self._sizes:
            raise ConfigError(f"this renderer has no camera {camera!r}; it has {sorted(self._sizes)}")
        if snapshot is not self._posed:
            self._data.qpos[:] = snapshot.qpos
            mujoco.mj_kinematics(self._model, self._data)
            mujoco.mj_camlight(self._model, self._data)
            self._posed = snapshot
        number, width, height = self._sizes[camera]
        self._camera.fixedcamid = number
        self._compose(number, width / height)
        for centre, half, colour in self._world.look.patches[: self._scene.maxgeom - self._scene.ngeom]:
            geom = self._scene.geoms[self._scene.ngeom]
            mujoco.mjv_initGeom(geom, mujoco.mjtGeom.mjGEOM_BOX, half, centre, _UPRIGHT, np.array([*colour, 1.0], "f4"))
            self._scene.ngeom += 1
        pixels = self._pixels[camera]
        rect = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(rect, self._scene, self._context)
        mujoco.mjr_readPixels(pixels, None, rect, self._context)
        return np.ascontiguousarray(pixels[::-1])

    def make_current(self) -> None:
        """Draw in this renderer's context from now on; needed where a thread has several."""
        self._gl.make_current()

    def _compose(self, camera: int, aspect: float) -> None:
        """Put into the scene what the camera can see: the same pixels for a fraction of the drawing."""
        model, data, groups = self._model, self._data, self._model.geom_group
        groups[:] = np.where(_in_view(model, data, camera, aspect), self._groups, _OUT_OF_VIEW)
        every = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(model, data, self._option, None, self._camera, every, self._scene)
        groups[:] = self._groups

    def close(self) -> None:
        """Free the OpenGL context, and first what lives in it: freed later, it would take down the next renderer's."""
        self._context.free()
        self._gl.free()


def _in_view(model: mujoco.MjModel, data: mujoco.MjData, camera: int, aspect: float) -> np.ndarray:
    """Which geoms (G,) reach into the pyramid that the camera sees; judged by the spheres around them."""
    centre = (data.geom_xpos - data.cam_xpos[camera]) @ data.cam_xmat[camera].reshape(3, 3)
    high = np.tan(np.deg2rad(model.cam_fovy[camera]) / 2.0)
    reach, depth = model.geom_rbound, -centre[:, 2]
    seen: np.ndarray = (depth > -reach) | (reach <= 0.0)  # a plane has no sphere
    for axis, slope in ((0, high * aspect), (1, high)):
        seen &= (np.abs(centre[:, axis]) - slope * depth < reach * np.hypot(1.0, slope)) | (reach <= 0.0)
    return seen
