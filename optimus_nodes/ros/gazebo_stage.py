"""Puts the robot's world into files that Gazebo reads, and scenes into the Gazebo that runs."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from ..core.errors import DeviceError
from ..core.gazebo_names import WORLD, Flavour
from ..core.values import Array
from ..drivers import gz_messages
from ..drivers.gz_transport import GzTransport
from ..robot.gazebo_urdf import gazebo_urdf
from ..sim.gazebo_scene import scene_models
from ..sim.gazebo_world import world_sdf
from ..sim.world import SimWorld

_MODEL = 2  # gz.msgs.Entity.MODEL
_REMOVED = 0.3  # s until a name is free again
_HOME, _STILL = 0.2, 0.05  # rad, rad/s


class GazeboStage:
    """The world of one robot. `twin` draws the scenes."""

    def __init__(self, twin: SimWorld, urdf: str, flavour: Flavour, link: GzTransport, folder: Path) -> None:
        self._twin, self._urdf, self._flavour, self._link, self._folder = twin, urdf, flavour, link, folder
        self._laid: list[str] = []

    def write(self, base: str, cameras: bool) -> Path:
        """Write robot.urdf and world.sdf into the folder; where the world is."""
        robot, world = self._folder / "robot.urdf", self._folder / "world.sdf"
        robot.write_text(gazebo_urdf(self._twin.robot, self._urdf, self._flavour, base))
        floor = float(self._twin.model.geom("floor").pos[2])
        world.write_text(world_sdf(robot, self._twin.robot.name, floor, self._flavour, cameras))
        return world

    def is_clear(self, position: Array, velocity: Array) -> bool:
        """Whether the robot, its joints (J,) at rad and rad/s, stands at home: a bench put there hits no arm."""
        home = self._twin.robot.home
        at_home = len(position) == len(home) and float(np.abs(position - home).max()) < _HOME
        return at_home and float(np.abs(velocity).max()) < _STILL

    def lay(self, seed: int) -> None:
        """Put the scene of `seed` in place of the one that is there. The robot stays as it stands.

        Raises: ConfigError on a negative seed, DeviceError when Gazebo refuses it.
        """
        self._twin.reset(seed)
        for name in self._laid:
            entity = gz_messages.make("Entity", name=name, type=_MODEL)
            self._ask("remove", "Entity", entity.SerializeToString())
        if self._laid:
            time.sleep(_REMOVED)
        self._laid = []
        for placed in scene_models(self._twin):
            self._ask("create", "EntityFactory", gz_messages.make("EntityFactory", sdf=placed.sdf).SerializeToString())
            self._laid.append(placed.name)

    def _ask(self, what: str, kind: str, message: bytes) -> None:
        answer = gz_messages.read("Boolean", self._link.request(f"/world/{WORLD}/{what}", (kind, "Boolean"), message))
        if not answer.data:
            raise DeviceError(f"Gazebo has refused to {what} a model of the scene; its log says why")
