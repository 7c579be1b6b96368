"""Changes to a scene that no policy was trained on, drawn by the scene's seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .errors import ConfigError
from .scene import SceneConfig, SceneDraw, draw_scene
from .scene_parts import Region
from .values import Array

KINDS = ("layout", "distractors", "light", "texture", "camera")
LATENCY_MOST = 1.5  # s
_SHIFT = (0.03, 0.05)  # m by which a station is moved
_GROWN = 0.03  # m by which its edges grow
_FIXTURE = 0.03  # m by which bar, button and drawer are moved at most
_MOVED_LEAST = 2  # boxes that a layout puts where training never does
_TRIES = 60


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of bench and floor (3,) 0-1, `ambient` light as a factor, and flat `patches` on the bench.

    A patch is its centre (3,) m, its half edges (3,) m and its colour (3,).
    """

    bench: Array | None = None
    floor: Array | None = None
    ambient: float = 1.0
    patches: tuple[tuple[Array, Array, Array], ...] = ()


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What is different from training; any of it can be combined.

    `layout`: stations, bar, button and drawer are elsewhere. `distractors`: shapes and colours kept for evaluation.
    `light`, `texture`: lamp; bench and floor. `camera`: each off by up to 2 cm and 2 degrees. `blackout`: cameras whose
    pictures are black. `latency`: s that every chunk comes later than usual.
    """

    layout: bool = False
    distractors: bool = False
    light: bool = False
    texture: bool = False
    camera: bool = False
    blackout: tuple[str, ...] = ()
    latency: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.latency <= LATENCY_MOST:
            raise ConfigError(f"latency is {self.latency} s; it must be from 0 to {LATENCY_MOST} s (--latency)")

    @property
    def name(self) -> str:
        """What is changed, for people; "clean" when nothing is."""
        parts = [kind for kind in KINDS if getattr(self, kind)]
        parts += [f"without {' and '.join(self.blackout)}"] if self.blackout else []
        parts += [f"{self.latency:g} s later"] if self.latency else []
        return ", ".join(parts) or "clean"

    def scene(self, config: SceneConfig, seed: int) -> SceneConfig:
        """`config` with what `seed` moves. Raises ConfigError when it has no distractors, or no room."""
        if self.distractors:
            if config.bench is None:
                raise ConfigError("--perturb distractors needs things on the bench; use --suite bench")
            config = replace(config, bench=replace(config.bench, unseen_clutter=True))
        return _moved(config, seed) if self.layout else config

    def draw(self, draw: SceneDraw) -> SceneDraw:
        """The scene that a seed drew, under other light and with cameras that are off."""
        rng = np.random.default_rng([draw.seed, 0x9E27])
        light, camera = draw.light, draw.camera_offset
        if self.light:
            shade = rng.uniform(0.12, 0.28) if rng.random() < 0.5 else rng.uniform(0.85, 1.0)
            offset = rng.uniform((-1.2, -1.2, -0.6), (1.2, 1.2, 0.2))
            light = np.stack([offset, np.clip(shade * rng.uniform(0.75, 1.25, 3), 0.0, 1.0)])
        if self.camera:
            turn = np.deg2rad(2.0)
            camera = rng.uniform([-0.02] * 3 + [-turn] * 3, [0.02] * 3 + [turn] * 3, (len(camera), 6))
        return replace(draw, light=light, camera_offset=camera)

    def look(self, config: SceneConfig, seed: int) -> Look:
        """How bench and floor look, and the light from everywhere."""
        rng = np.random.default_rng([seed, 0x100C])
        ambient = float(rng.choice([0.6, 0.75, 1.25, 1.4])) if self.light else 1.0
        if not self.texture:
            return Look(ambient=ambient)
        bench, second, floor = (_dull(rng) for _ in range(3))
        return Look(bench, floor, ambient, _pattern(rng, config, second))


def perturbation(kinds: Iterable[str], blackout: Sequence[str] = (), latency: float = 0.0) -> Perturbation:
    """The perturbation of the `kinds` named. Raises ConfigError on an unknown one."""
    chosen = list(kinds)
    for kind in chosen:
        if kind not in KINDS:
            raise ConfigError(f"unknown perturbation {kind!r}; allowed: {', '.join(KINDS)} (--perturb)")
    layout, distractors, light, texture, camera = (kind in chosen for kind in KINDS)
    return Perturbation(layout, distractors, light, texture, camera, tuple(blackout), latency)


def _moved(config: SceneConfig, seed: int) -> SceneConfig:
    """Stations shifted and grown until at least two boxes stand where training never puts one."""
    for number in range(_TRIES):
        rng = np.random.default_rng([seed, 0x1A07, number])
        stations = tuple(_shifted(rng, station) for station in config.stations)
        moved = replace(config, stations=stations)
        if config.bench is not None:
            bench = config.bench
            bar, button, drawer = (_nearer(rng, region) for region in (bench.bar, bench.button, bench.drawer))
            moved = replace(moved, bench=replace(bench, bar=bar, button=button, drawer=drawer))
        try:
            boxes = draw_scene(moved, seed, 0).boxes
        except ConfigError:
            continue
        inner = [_inner(station, config.margin) for station in config.stations]
        outside = [box for box in boxes if not any(r.contains(*map(float, box.position[:2])) for r in inner)]
        if len(outside) >= _MOVED_LEAST:
            return moved
    raise ConfigError(f"no moved layout of scene {seed} has room for the boxes (optimus_nodes/core/perturb.py)")


def _shifted(rng: np.random.Generator, region: Region) -> Region:
    """Mostly sideways, and never back, where the head camera does not look."""
    far, angle = rng.uniform(*_SHIFT), rng.uniform(np.pi / 3, np.pi / 2) * float(rng.choice([-1.0, 1.0]))
    x, y = region.centre[0] + far * np.cos(angle), region.centre[1] + far * np.sin(angle)
    return Region(region.name, (float(x), float(y)), (region.edges[0] + _GROWN, region.edges[1] + _GROWN))


def _nearer(rng: np.random.Generator, region: Region) -> Region:
    """Moved sideways, and a little towards the robot; further away the hands do not reach."""
    x, y = rng.uniform(-0.01, 0.0), _FIXTURE * float(rng.choice([-1.0, 1.0])) * rng.uniform(0.6, 1.0)
    return replace(region, centre=(region.centre[0] + float(x), region.centre[1] + float(y)))


def _inner(region: Region, margin: float) -> Region:
    return replace(region, edges=(region.edges[0] - 2 * margin, region.edges[1] - 2 * margin))


def _dull(rng: np.random.Generator) -> Array:
    """A colour that no box has: any hue, but pale or dark."""
    grey = rng.uniform(0.15, 0.9)
    return np.clip(grey + rng.uniform(-0.14, 0.14, 3), 0.0, 1.0)


def _pattern(rng: np.random.Generator, config: SceneConfig, colour: Array) -> tuple[tuple[Array, Array, Array], ...]:
    """Stripes or checks over the whole bench; thinner than the stations' marks, which stay in sight."""
    checks, pitch = bool(rng.random() < 0.5), float(rng.uniform(0.04, 0.09))
    across = bool(rng.random() < 0.5)
    low = np.array(config.bench_centre) - np.array(config.bench_edges) / 2
    rows, columns = (int(np.ceil(edge / pitch)) for edge in config.bench_edges)
    patches = []
    for row in range(rows):
        for column in range(columns):
            if (row + column) % 2 if checks else (row if across else column) % 2:
                continue
            start = low + pitch * np.array([row, column])
            end = np.minimum(start + pitch, low + np.array(config.bench_edges))
            middle, half = (start + end) / 2, (end - start) / 2
            patches.append((np.array([*middle, config.bench_top]), np.array([*half, 0.0004]), colour))
    return tuple(patches)
