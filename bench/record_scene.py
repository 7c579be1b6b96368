"""Pictures and joints of the simulated robot at work, made before a measurement and shared by all who are measured.

A loop of some seconds goes forwards and backwards again without a jump: 3 cameras of 640x480 at 30 Hz. The sensor's
noise is part of them unless it is switched off: real cameras have some grey levels of it even in good light, and it is
what an encoder of a real robot spends its time and bytes on; a rendered scene without it flatters every encoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optimus_nodes.core.language import Instruction
from optimus_nodes.core.scene import SceneConfig
from optimus_nodes.learning.rollout import LockStep
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.expert import STEP_DT, Expert, ExpertStyle, ExpertView
from optimus_nodes.sim.grasp import Grasp
from optimus_nodes.sim.render import SceneRenderer
from optimus_nodes.sim.world import PhysicsSnapshot

FPS, JOINTS = 30, 72
CAMERAS = ("head", "wrist_left", "wrist_right")
SIZE = (480, 640)


class _Watched(LockStep):
    """Notes where everything is, 30 times a second."""

    def _tick(self) -> None:
        super()._tick()
        if not hasattr(self, "seen"):
            self.seen: list[tuple[PhysicsSnapshot, NDArray[np.float64]]] = []
        if self.world.time >= len(self.seen) / FPS:
            self.seen.append((self.world.snapshot(), self.world.joint_state().position))


def make_scene(
    folder: Path, seconds: float, noise: float, size: tuple[int, int] = SIZE, seed: int = 1, told: Callable = print
) -> None:
    """Write `pictures.npy`, (F, cameras, H, W, 3) uint8 RGB, and `joints.npy`, (F, 72) rad, of `seconds` of work.

    noise: standard deviation of the sensor's noise, grey levels, per pixel and colour. told: (done, all) frames.
    """
    frames = max(2, round(seconds * FPS))
    seen, world = _play(frames, seed, size)
    pictures = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, (frames, len(CAMERAS), *size, 3))
    chance = np.random.default_rng(seed)
    renderer = SceneRenderer(world, CAMERAS)
    for number, (snapshot, _) in enumerate(seen):
        for place, camera in enumerate(CAMERAS):
            pixels = renderer.render(camera, snapshot).astype(np.float32)
            if noise:
                pixels += noise * chance.standard_normal(pixels.shape, np.float32)
            pictures[number, place] = np.clip(np.rint(pixels), 0, 255)
        told(number + 1, frames)
    renderer.close()
    joints = np.zeros((frames, JOINTS))
    positions = np.array([position for _, position in seen])
    joints[:, : positions.shape[1]] = positions[:, :JOINTS]
    np.save(folder / "joints.npy", joints)
    (folder / "scene.json").write_text(json.dumps({"cameras": CAMERAS}))


def back_and_forth(frames: int) -> Iterator[int]:
    """Numbers of the pictures to show, for ever: 0 ... F-1 ... 0 ... without showing one twice in a row."""
    while True:
        yield from range(frames)
        yield from range(frames - 2, 0, -1)


def _play(frames: int, seed: int, size: tuple[int, int]):  # type: ignore[no-untyped-def]
    """Boxes are put into bins until there are enough frames."""
    robot, urdf = load_robot("optimus")
    scene = SceneConfig()
    loop = _Watched(robot, urdf, scene=scene)
    expert = Expert(robot, urdf, scene, Grasp.of(robot))
    loop.reset(seed)

    def view() -> ExpertView:
        world = loop.world
        return ExpertView(world.joint_state().position, world.tactile(), world.scene_state())

    colours = ("red", "green", "blue")
    turn = 0
    while len(loop.seen) < frames:
        if turn % 160 == 0:
            expert.begin(
                Instruction("place", colours[turn // 160 % 3], ("left", "right")[turn // 160 % 2]),
                view(),
                ExpertStyle(),
            )
        advice = expert.advise(view())
        loop.advance(advice.positions, advice.progress, STEP_DT, "expert")
        turn += 1
    model = loop.world.model
    for camera in CAMERAS:
        model.cam_resolution[model.camera(camera).id] = (size[1], size[0])
    return loop.seen[:frames], loop.world
