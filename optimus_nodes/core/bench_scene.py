"""The scene `bench`: besides boxes and bins a bar, a button, a drawer and things that only distract.

Where things are follows from what one hand reaches from above (`ArmKinematics.reach`): x up to 0.50 m, the own side up
to 0.45 m, the other side up to 0.20 m where x is below 0.30 m. So the stations' inner ends are reached by both hands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .errors import ConfigError
from .language import COLOURS
from .scene_parts import BenchDraw, BoxPlacement, Distractor, Region
from .values import Array

SHAPES = ("cylinder", "ball", "disc")
UNSEEN_SHAPES = ("capsule", "egg", "tile")  # evaluation only
PALETTE = ("orange", "purple", "black", "white")
UNSEEN_PALETTE = ("cyan", "pink", "brown")  # evaluation only
CAPS = ("red", "white", "orange")
_SHAPE_EDGES = {  # lowest and highest (width, height), m
    "cylinder": ((0.040, 0.05), (0.055, 0.09)),
    "ball": ((0.045, 0.0), (0.065, 0.0)),
    "disc": ((0.060, 0.012), (0.090, 0.02)),
    "capsule": ((0.036, 0.07), (0.045, 0.10)),
    "egg": ((0.045, 0.06), (0.055, 0.08)),
    "tile": ((0.060, 0.015), (0.080, 0.025)),
}

_BAR = Region("bar", (0.270, 0.0), (0.03, 0.01))
_BUTTON = Region("button", (0.465, -0.310), (0.04, 0.04))
_DRAWER = Region("drawer", (0.510, 0.325), (0.01, 0.03))
_CLUTTER = Region("clutter", (0.445, 0.0), (0.43, 0.86))


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """Bar, button, drawer and distractors: sizes and where they may be. Regions hold middles, not outlines.

    `landings`: spots kept free at the stations' inner ends, where either hand can put a box down.
    `drawer`: where the closed drawer's handle is; it opens towards the robot by up to `drawer_travel`.
    """

    bench_friction: float = 0.5
    bar: Region = _BAR
    bar_edges: tuple[float, float, float] = (0.045, 0.18, 0.045)
    bar_yaw: float = 0.06
    bar_density: float = 200.0
    grip_room: float = 0.14
    button: Region = _BUTTON
    button_edges: tuple[float, float, float] = (0.080, 0.080, 0.030)
    cap_edges: tuple[float, float, float] = (0.050, 0.050, 0.016)
    button_travel: float = 0.010
    button_pressed: float = 0.006
    drawer: Region = _DRAWER
    handle_edges: tuple[float, float, float] = (0.040, 0.045, 0.060)
    handle_bottom: float = 0.014
    drawer_travel: float = 0.12
    drawer_ajar: float = 0.10
    landings: tuple[tuple[float, float], ...] = ((0.26, 0.155), (0.26, -0.155))
    landing_clearance: float = 0.085
    bin_clearance: float = 0.070
    fixture_clearance: float = 0.100
    clutter: Region = _CLUTTER
    clutter_clearance: float = 0.085
    clutter_most: int = 3
    unseen_clutter: bool = False

    def moved(self, x: float) -> BenchConfig:
        """The same, `x` m further ahead."""
        regions = {name: getattr(self, name).moved(x) for name in ("bar", "button", "drawer", "clutter")}
        return replace(self, landings=tuple((a + x, b) for a, b in self.landings), **regions)


def handle_way(config: BenchConfig, drawer: Array) -> Region:
    """All that the handle of the drawer at `drawer` (2,) m ever covers."""
    x, y = (float(v) for v in drawer)
    width, depth, _ = config.handle_edges
    return Region("drawer", (x - config.drawer_travel / 2, y), (width + config.drawer_travel, depth))


def draw_bench(
    rng: np.random.Generator,
    config: BenchConfig,
    stations: Sequence[Region],
    bins: Sequence[Region],
    sizes: Sequence[tuple[str, tuple[float, float, float]]],
    clearance: float,
    margin: float,
    top: float,
    box_yaw: float,
) -> tuple[tuple[BoxPlacement, ...], BenchDraw]:
    """The boxes, one of them of the odd size, and all else that stands on the bench with its top at `top` m.

    Args: sizes: (size word, edges m) of the two sizes. clearance, margin: as in `SceneConfig`.
    Raises: ConfigError when there is no room.
    """
    bar = np.array([*_within(rng, config.bar), top + config.bar_edges[2] / 2, rng.uniform(-1.0, 1.0) * config.bar_yaw])
    button, drawer = _within(rng, config.button), _within(rng, config.drawer)
    way = handle_way(config, drawer)

    def free(x: float, y: float) -> bool:
        return (
            min(region.distance(x, y) for region in bins) >= config.bin_clearance
            and way.distance(x, y) >= config.bin_clearance
            and float(np.hypot(x - button[0], y - button[1])) >= config.fixture_clearance
            and min(float(np.hypot(x - a, y - b)) for a, b in config.landings) >= config.landing_clearance
        )

    colours = [str(colour) for colour in rng.permutation(COLOURS)]
    spots: list[Array] = [np.zeros(2)] * len(colours)
    for number, station in enumerate(stations):
        mine = range(number, len(colours), len(stations))
        for k, spot in zip(mine, _spots(rng, station, len(mine), margin, clearance, free), strict=True):
            spots[k] = spot
    common = int(rng.integers(2))
    odd = int(rng.integers(len(colours)))
    boxes = []
    for k, (colour, spot) in enumerate(zip(colours, spots, strict=True)):
        word, edges = sizes[1 - common if k == odd else common]
        position = np.array([*spot, top + edges[2] / 2])
        boxes.append(BoxPlacement(colour, word, position, float(rng.uniform(-box_yaw, box_yaw)), np.asarray(edges)))
    opened = config.drawer_ajar * float(rng.integers(2))
    cap = str(rng.choice(CAPS))
    taken = [*spots, button, *(np.asarray(spot) for spot in config.landings)]
    grip = config.grip_room  # the open hand's reach round the bar
    round_bar = Region("bar", (float(bar[0]), float(bar[1])), (config.bar_edges[0] + grip, config.bar_edges[1] + 0.06))
    hand = Region("hand", way.centre, (way.edges[0] + 0.06, way.edges[1] + 0.08))
    walls = (*bins, hand, round_bar, drawer_case(config, drawer))
    clutter = _draw_clutter(rng, config, taken, walls, top)
    return tuple(boxes), BenchDraw(bar, button, cap, drawer, opened, clutter)


def drawer_case(config: BenchConfig, drawer: Array) -> Region:
    """The outline of the drawer's case on the bench."""
    return Region("drawer_case", (float(drawer[0]) + 0.15, float(drawer[1])), (0.14, 0.17))


def _draw_clutter(
    rng: np.random.Generator, config: BenchConfig, taken: list[Array], walls: Sequence[Region], top: float
) -> tuple[Distractor, ...]:
    shapes, palette = (UNSEEN_SHAPES, UNSEEN_PALETTE) if config.unseen_clutter else (SHAPES, PALETTE)
    colours, taken, found = rng.permutation(palette), list(taken), []
    for number in range(int(rng.integers(1, config.clutter_most + 1))):
        shape = str(rng.choice(shapes))
        low, high = _SHAPE_EDGES[shape]
        width, height = rng.uniform(low, high)
        height = height or width

        spots = (_within(rng, config.clutter) for _ in range(400))
        spot = next(
            (spot for spot in spots if _is_clear(spot, width / 2, taken, walls, config.clutter_clearance)), None
        )
        if spot is None:
            break
        taken.append(spot)
        edges = np.array([width, width, height])
        found.append(Distractor(shape, str(colours[number]), np.array([*spot, top + height / 2]), edges))
    return tuple(found)


def _is_clear(spot: Array, radius: float, taken: Sequence[Array], walls: Sequence[Region], clearance: float) -> bool:
    """True when a round thing at `spot` leaves `clearance` to the middles of the others and 2 cm to all walls."""
    return (
        min(float(np.linalg.norm(spot - np.asarray(other))) for other in taken) >= clearance + radius
        and min(wall.distance(*spot) for wall in walls) >= 0.02 + radius
    )


def _spots(
    rng: np.random.Generator,
    station: Region,
    count: int,
    margin: float,
    clearance: float,
    free: Callable[[float, float], bool],
) -> list[Array]:
    """`count` free spots on a station, none closer than `clearance` to another."""
    inner = Region(station.name, station.centre, (station.edges[0] - 2 * margin, station.edges[1] - 2 * margin))
    for _ in range(20_000):
        spots = [_within(rng, inner) for _ in range(count)]
        apart = [float(np.hypot(*(a - b))) for k, a in enumerate(spots) for b in spots[:k]]
        if min(apart, default=np.inf) >= clearance and all(free(*spot) for spot in spots):
            return spots
    raise ConfigError(
        f"no room for {count} boxes with {clearance} m between them on {station.name}; enlarge "
        "SceneConfig.stations or lower SceneConfig.clearance (optimus_nodes/core/scene.py)"
    )


def _within(rng: np.random.Generator, region: Region) -> Array:
    half = np.asarray(region.edges) / 2
    return np.asarray(region.centre + rng.uniform(-half, half), dtype=np.float64)
