"""The factory bench: where things stand, what they are called, and how a seed makes one scene.

All positions are in the base frame (`base_link`, x forward, y left, z up), metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .bench_scene import BenchConfig, draw_bench
from .errors import ConfigError
from .language import COLOURS
from .scene_parts import BenchDraw, BoxPlacement, Region
from .values import Array

__all__ = ["SCENES", "BoxPlacement", "Region", "SceneConfig", "SceneDraw", "draw_scene", "scene_named"]

SIZE_WORDS = ("small", "large")


@dataclass(frozen=True, slots=True)
class SceneConfig:
    """The fixed part of a scene and the ranges its random part is drawn from. `bench`: what "bench" has besides.

    `shape`: of the loose things, "box" or "egg" (an ellipsoid, hard to roll). `breaks`: the force (N) between
    two plates at which one of them breaks. `held_with`: what hands squeeze with at most here, N; 0: any.
    """

    bench_top: float = -0.10
    bench_centre: tuple[float, float] = (0.47, 0.0)
    bench_edges: tuple[float, float] = (0.56, 1.30)
    stations: tuple[Region, ...] = (
        Region("station_a", (0.34, 0.295), (0.20, 0.23)),
        Region("station_b", (0.34, -0.295), (0.20, 0.23)),
    )
    bins: tuple[Region, ...] = (
        Region("left_bin", (0.41, 0.092), (0.17, 0.16)),
        Region("right_bin", (0.41, -0.092), (0.17, 0.16)),
    )
    bin_height: float = 0.05
    bin_wall: float = 0.006
    box_edges: tuple[tuple[float, float, float], ...] = ((0.045, 0.045, 0.06), (0.056, 0.056, 0.075))
    box_density: float = 300.0
    box_yaw: float = 0.25
    shape: str = "box"
    breaks: float = math.inf
    held_with: float = 0.0
    clearance: float = 0.105
    margin: float = 0.035
    light_jitter: float = 0.25
    camera_jitter_m: float = 0.004
    camera_jitter_deg: float = 0.4
    bench: BenchConfig | None = None

    def moved(self, nearer: float, higher: float) -> SceneConfig:
        """The same scene nearer to the robot and higher, m."""
        if nearer == higher == 0.0:
            return self
        x, y = self.bench_centre
        return replace(
            self,
            bench_top=self.bench_top + higher,
            bench_centre=(x - nearer, y),
            stations=tuple(region.moved(-nearer) for region in self.stations),
            bins=tuple(region.moved(-nearer) for region in self.bins),
            bench=None if self.bench is None else self.bench.moved(-nearer),
        )


# The bins stand further back than in "boxes", so that the stations reach in where both hands can go.
SCENES = {
    "boxes": SceneConfig(),
    "bench": SceneConfig(
        stations=(
            Region("station_a", (0.285, 0.26), (0.19, 0.28)),
            Region("station_b", (0.285, -0.26), (0.19, 0.28)),
        ),
        bins=(
            Region("left_bin", (0.475, 0.092), (0.17, 0.16)),
            Region("right_bin", (0.475, -0.092), (0.17, 0.16)),
        ),
        clearance=0.125,
        bench=BenchConfig(),
    ),
    # As large as a goose's egg, lying on its side; its shell stands less than what a hand squeezes a box with.
    "eggs": SceneConfig(
        box_edges=((0.050, 0.066, 0.050), (0.056, 0.076, 0.056)),
        box_density=1050.0,
        shape="egg",
        breaks=12.0,
        held_with=8.0,
        clearance=0.125,
    ),
}


def scene_named(name: str) -> SceneConfig:
    """The scene called `name`. Raises ConfigError when there is none."""
    if name not in SCENES:
        raise ConfigError(f"unknown scene {name!r}; the scenes are {', '.join(SCENES)} (optimus_nodes/core/scene.py)")
    return SCENES[name]


def scene_or_none(name: str) -> SceneConfig | None:
    """The scene called `name`; None for `none`, a robot alone over a floor. Raises ConfigError when there is none."""
    return None if name == "none" else scene_named(name)


@dataclass(frozen=True, slots=True)
class SceneDraw:
    """Everything about a scene that the seed decides.

    `light` (2, 3): offset of the light's position m, and its diffuse colour 0-1. `camera_offset` (C, 6): for each
    camera of the robot an offset m and a small rotation rad. `bench_shade` scales the bench's colour.
    """

    seed: int
    boxes: tuple[BoxPlacement, ...]
    light: Array
    camera_offset: Array
    bench_shade: float
    bench: BenchDraw | None = None


def draw_scene(config: SceneConfig, seed: int, cameras: int) -> SceneDraw:
    """Draw the scene of `seed` for a robot with `cameras` cameras. The same seed gives the same scene.

    Raises: ConfigError when the seed is negative or the stations are too small for the boxes.
    """
    if seed < 0:
        raise ConfigError(f"scene seed {seed} is below 0; give a whole number from 0 up")
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x0B0C5]))
    bench: BenchDraw | None = None
    if config.bench is None:
        boxes = tuple(_draw_boxes(rng, config))
    else:
        sizes = tuple(zip(SIZE_WORDS, config.box_edges, strict=True))
        room = (config.stations, config.bins, sizes, config.clearance, config.margin, config.bench_top, config.box_yaw)
        boxes, bench = draw_bench(rng, config.bench, *room)
    shade = rng.uniform(1.0 - config.light_jitter, 1.0 + config.light_jitter)
    light = np.stack([rng.uniform(-0.4, 0.4, 3), np.full(3, 0.55 * shade) + rng.uniform(-0.04, 0.04, 3)])
    turn = np.deg2rad(config.camera_jitter_deg)
    offset = np.concatenate(
        [
            rng.uniform(-config.camera_jitter_m, config.camera_jitter_m, (cameras, 3)),
            rng.uniform(-turn, turn, (cameras, 3)),
        ],
        axis=1,
    )
    return SceneDraw(seed, boxes, light, offset, float(rng.uniform(0.85, 1.1)), bench)


def _draw_boxes(rng: np.random.Generator, config: SceneConfig) -> list[BoxPlacement]:
    """One box of each colour, in turn on the stations, none closer than `clearance` to another."""
    colours = [str(colour) for colour in rng.permutation(COLOURS)]
    stations = [config.stations[k % len(config.stations)] for k in range(len(colours))]
    for _ in range(20_000):
        spots = np.array([_spot(rng, config, station) for station in stations])
        apart = np.linalg.norm(spots[:, None] - spots[None], axis=-1) + 10.0 * np.eye(len(spots))
        if apart.min() >= config.clearance:
            break
    else:
        raise ConfigError(
            f"no room for {len(colours)} boxes with {config.clearance} m between them on stations of "
            f"{config.stations[0].edges} m; enlarge SceneConfig.stations or lower SceneConfig.clearance"
        )
    boxes = []
    for colour, spot in zip(colours, spots, strict=True):
        size = int(rng.integers(len(SIZE_WORDS)))
        edges = np.asarray(config.box_edges[size])
        position = np.array([*spot, config.bench_top + edges[2] / 2])
        yaw = float(rng.uniform(-config.box_yaw, config.box_yaw))
        boxes.append(BoxPlacement(colour, SIZE_WORDS[size], position, yaw, edges))
    return boxes


def _spot(rng: np.random.Generator, config: SceneConfig, station: Region) -> Array:
    half = np.asarray(station.edges) / 2 - config.margin
    return np.asarray(station.centre + rng.uniform(-half, half), dtype=np.float64)
