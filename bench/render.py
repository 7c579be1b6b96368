"""Pictures per second of processor: the simulator's cameras beside mujoco.Renderer, and how alike the pictures are.

    python bench/render.py                a table
    python bench/render.py --json         one line of JSON last

plain   mujoco.Renderer on the same model as MuJoCo makes it, with the cheap flags: no shadows, no multisampling
ours    sim/render.py: coarser balls and cylinders, and only what a camera can see is drawn
limit   ours, drawing nothing at all but the background: what no choice of geometry can save

Both draw in one thread (llvmpipe's own threads off) the same postures and scenes of the bench, in turns (ABBA). A
picture is in an array when it counts. SSIM as by Wang et al. 2004, mean of all pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "egl")
os.environ["LP_NUM_THREADS"] = "0"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import mujoco
import numpy as np

from optimus_nodes.core.scene import scene_named
from optimus_nodes.core.values import ImageArray
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim import render
from optimus_nodes.sim.render import SceneRenderer
from optimus_nodes.sim.world import PhysicsSnapshot, SimWorld

CAMERAS = ("head", "wrist_left", "wrist_right", "outside")
Draw = Callable[[str, PhysicsSnapshot], ImageArray]


def postures(world: SimWorld, count: int) -> list[PhysicsSnapshot]:
    """Scenes of the bench with the arms somewhere near home."""
    rng, snapshots = np.random.default_rng(0), []
    arms = [world.model.joint(name) for name in world.robot.joint_names if "leg" not in name]
    for seed in range(count):
        world.reset(seed)
        qpos = world.snapshot().qpos.copy()
        for joint in arms:
            low, high = joint.range
            qpos[joint.qposadr[0]] = np.clip(qpos[joint.qposadr[0]] + rng.normal(0.0, 0.15), low, high)
        snapshots.append(PhysicsSnapshot(0.0, qpos))
    return snapshots


def plain(world: SimWorld) -> Draw:
    """mujoco.Renderer as its documentation uses it."""
    model, data = world.model, mujoco.MjData(world.model)
    ours = [getattr(model.vis.quality, name) for name in ("numslices", "numstacks", "numquads")]
    model.vis.quality.numslices, model.vis.quality.numstacks, model.vis.quality.numquads = 28, 16, 4  # as they come
    sizes = {name: model.cam_resolution[model.camera(name).id] for name in CAMERAS}
    renderers = {name: mujoco.Renderer(model, int(size[1]), int(size[0])) for name, size in sizes.items()}
    model.vis.quality.numslices, model.vis.quality.numstacks, model.vis.quality.numquads = ours

    def draw(camera: str, snapshot: PhysicsSnapshot) -> ImageArray:
        data.qpos[:] = snapshot.qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        option = mujoco.MjvOption()
        option.sitegroup[:] = 0
        renderers[camera].update_scene(data, camera, option)
        pixels: ImageArray = renderers[camera].render()
        return pixels

    return draw


def nothing_but_the_background(world: SimWorld, renderer: SceneRenderer) -> Draw:
    """`renderer` with no geom in view."""

    def draw(camera: str, snapshot: PhysicsSnapshot) -> ImageArray:
        in_view, render._in_view = render._in_view, lambda model, *_: np.zeros(model.ngeom, bool)
        try:
            return renderer.render(camera, snapshot)
        finally:
            render._in_view = in_view

    return draw


def cost(draw: Draw, camera: str, snapshots: list[PhysicsSnapshot]) -> float:
    """Processor s of one picture."""
    draw(camera, snapshots[0])
    began = time.process_time()
    for snapshot in snapshots:
        draw(camera, snapshot)
    return (time.process_time() - began) / len(snapshots)


def ssim(one: ImageArray, other: ImageArray) -> float:
    """Mean structural similarity of two pictures in grey: windows of 11 pixels, sigma 1.5."""
    x, y = (cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64) for pixels in (one, other))

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(np.mean((2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=40, help="of each camera, in each turn")
    parser.add_argument("--turns", type=int, default=3, help="there and back")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    robot, urdf = load_robot("optimus")
    world = SimWorld(robot, urdf, scene=scene_named("bench"))
    snapshots = postures(world, options.pictures)
    peer = plain(world)
    renderer = SceneRenderer(world, CAMERAS)
    ways: dict[str, Draw] = {"plain": peer, "ours": _current(renderer, renderer.render)}
    ways["limit"] = _current(renderer, nothing_but_the_background(world, renderer))
    figures: dict[str, dict[str, float]] = {}
    print("camera         plain ms    ours ms   limit ms     ratio   of limit      SSIM")
    for camera in CAMERAS:
        costs: dict[str, list[float]] = {how: [] for how in ways}
        for _ in range(options.turns):
            for how in (*ways, *reversed(ways)):
                costs[how].append(cost(ways[how], camera, snapshots))
        ms = {how: 1e3 * float(np.median(each)) for how, each in costs.items()}
        spread = {f"{how}_spread_ms": 1e3 * (max(each) - min(each)) for how, each in costs.items()}
        alike = float(np.mean([ssim(peer(camera, s), ways["ours"](camera, s).copy()) for s in snapshots[:10]]))
        ratio, most = ms["plain"] / ms["ours"], ms["plain"] / ms["limit"]
        figures[camera] = {**{f"{how}_ms": each for how, each in ms.items()}, **spread}
        figures[camera] |= {"ratio": ratio, "ratio_limit": most, "ssim": alike}
        print(f"{camera:12}" + "".join(f"{x:11.2f}" for x in (*ms.values(), ratio, most)) + f"{alike:10.3f}")
    total = {how: sum(row[f"{how}_ms"] for row in figures.values()) for how in ways}
    result = {
        "ratio": round(total["plain"] / total["ours"], 2),
        "ratio_limit": round(total["plain"] / total["limit"], 2),
        "ssim": round(min(row["ssim"] for row in figures.values()), 4),
        "frames_per_cpu_second": {how: round(1e3 * len(CAMERAS) / each, 1) for how, each in total.items()},
        "cameras": {name: {key: round(value, 3) for key, value in row.items()} for name, row in figures.items()},
    }
    print("all cameras: {ratio} times as many pictures per second of processor as mujoco.Renderer".format(**result))
    if options.json:
        print(json.dumps(result))


def _current(renderer: SceneRenderer, draw: Draw) -> Draw:
    """Draws in the renderer's own context, whichever was used last."""

    def current(camera: str, snapshot: PhysicsSnapshot) -> ImageArray:
        renderer.make_current()
        return draw(camera, snapshot)

    return current


if __name__ == "__main__":
    main()
