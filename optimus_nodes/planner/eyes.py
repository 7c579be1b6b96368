"""What stands on the bench, from the head camera's picture by colours and outlines. No learned model.

What the scene is made of is known (`core.scene`): the height of the bench, where bins, stations, button and drawer are,
the two sizes of boxes. What is looked for is where boxes are, how large, what is in the hands, whether the drawer is
open. Everything else with a colour of its own is a thing that is not spoken of by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..core.bench_scene import BenchConfig
from ..core.language import COLOURS, SIDES
from ..core.scene import SIZE_WORDS, SceneConfig
from ..core.values import Array
from ..core.view import View
from ..core.world import CLOSED, OPEN, Thing, World
from .silhouette import Mask, Projector, Stance, outline, settle

# (lowest, highest) hue as OpenCV has it (degrees / 2), lowest saturation and value, 0 to 255
_BOXES = {
    "red": ((172, 187), 140, 40),
    "yellow": ((20, 33), 110, 60),
    "green": ((48, 80), 90, 30),
    "blue": ((107, 128), 110, 40),
}
_OTHERS = {
    "orange": ((8, 19), 150, 60),
    "purple": ((132, 160), 80, 30),
    "cyan": ((84, 98), 150, 60),
    "pink": ((161, 179), 60, 120),
}
_LEAST = 60  # pixels of a thing
_FITS, _FITS_WELL = 0.60, 0.88  # of an outline: no box below, no other height is tried above
_CLEARLY = 0.02  # by so much another height must fit better
_NOTHING = Stance(0.0, 0.0, 0.0, 0.0, (0.0, 0.0, 0.0))
_HOLDS = 0.6  # N on a hand that holds something
_ON_TOP = 0.025  # m between the middles of a box and the one below
_NEAR = 0.07  # m from the middle of a grasp
_SLACK = 0.005  # m beyond a region's edge
_HIDDEN, _MOVED = 0.4, 0.08  # share that an arm covers of a box that is not seen; m to another of its colour
_HALF_WIDTHS = (0.055, 0.055, 0.075, 0.075)  # m, of the robot's own limbs, the hand last


@dataclass(frozen=True)
class _Blob:
    colour: str
    mask: Mask
    middle: Array  # (2,) pixels


@dataclass
class _Seen:
    """A box that was found."""

    blob: _Blob
    stance: Stance
    size: str
    held: str = ""
    name: str = ""
    place: str = ""

    @property
    def colour(self) -> str:
        return self.blob.colour


class ColourEyes:
    """The `Eyes` for `scene`. They remember: a box that an arm hides now is still where it was seen last."""

    def __init__(self, scene: SceneConfig) -> None:
        self._scene, self._top = scene, scene.bench_top
        self._sizes = dict(zip(SIZE_WORDS, scene.box_edges, strict=True))
        self._last: list[_Seen] = []

    def look(self, view: View) -> World:
        """The things in sight, where they are and what is in the hands. Boxes of a colour are counted from the left."""
        glance = _Glance(view, self._scene)
        boxes = [box for blob in glance.blobs if (box := self._box(blob, glance)) is not None]
        boxes = [self._lifted(box, boxes, glance) for box in boxes] + self._hidden(boxes, glance)
        self._name(boxes)
        self._last = boxes
        things = [Thing(b.name, "box", b.colour, b.size, b.place, across=round(b.stance.y, 3)) for b in boxes]
        hands = {box.held: box.name for box in boxes if box.held}
        if self._scene.bench is not None:
            things += self._fixtures(self._scene.bench, glance, hands)
            things += self._others(self._scene.bench, glance)
        places = tuple(region.name for region in (*self._scene.bins, *self._scene.stations))
        return World(tuple(things), places, hands.get("left", ""), hands.get("right", ""))

    def _box(self, blob: _Blob, glance: _Glance) -> _Seen | None:
        """The box that a blob of colour shows, None when it is none."""
        held, covered = glance.hand_at(blob), glance.covering(blob)
        best, word = _NOTHING, ""
        for bottom in self._bottoms(glance, held):
            for size, edges in self._sizes.items():
                tried = settle(blob.mask, covered, glance.projector, bottom, edges)
                if tried.fit > best.fit + (_CLEARLY if best.bottom != bottom else 0.0):
                    best, word = tried, size
            if best.fit >= _FITS_WELL:
                break
        if best.fit < _FITS or self._is_button(best):
            return None
        return _Seen(blob, best, word, held)

    def _lifted(self, box: _Seen, boxes: list[_Seen], glance: _Glance) -> _Seen:
        """The same box on top of another one, where that looks nearly as likely: from above both look alike."""
        best = box
        for lower in (one for one in boxes if one is not box and not (one.held or box.held)):
            bottom = lower.stance.bottom + lower.stance.edges[2]
            x, y, _ = glance.projector.on_plane(box.blob.middle, bottom + 0.03)
            near = np.hypot(x - lower.stance.x, y - lower.stance.y) < 2 * _ON_TOP
            for size, edges in self._sizes.items() if near else ():
                tried = settle(box.blob.mask, glance.covering(box.blob), glance.projector, bottom, edges)
                if _apart(tried, lower.stance) < _ON_TOP and tried.fit > best.stance.fit - _CLEARLY:
                    best = replace(box, stance=tried, size=size)
        return best

    def _hidden(self, boxes: list[_Seen], glance: _Glance) -> list[_Seen]:
        """Boxes that were seen last time and may be behind an arm now."""
        found = []
        for colour in COLOURS:
            now, before = ([box for box in some if box.colour == colour] for some in (boxes, self._last))
            gone = [box for box in before if not box.held and glance.hidden(box.stance) >= _HIDDEN]
            gone = [box for box in gone if all(_apart(box.stance, one.stance) > _MOVED for one in now)]
            found += gone[: max(len(before) - len(now), 0)]
        return found

    def _bottoms(self, glance: _Glance, held: str) -> list[float]:
        """Heights at which the underside of a box may be, the likeliest first, m."""
        if held:
            middle = float(glance.view.limbs[held][-1, 2])
            return [middle - share * edges[2] for edges in self._sizes.values() for share in (0.5, 0.8)]
        return [self._top, *(self._top + edges[2] for edges in self._sizes.values())]

    def _is_button(self, stance: Stance) -> bool:
        bench = self._scene.bench
        return bench is not None and bench.button.distance(stance.x, stance.y) < bench.button_edges[0] / 2 + 0.01

    def _name(self, boxes: list[_Seen]) -> None:
        """Names by colour, counted from the left, and what each box stands in or on."""
        for colour in COLOURS:
            alike = sorted((box for box in boxes if box.colour == colour), key=lambda box: -box.stance.y)
            for number, box in enumerate(alike, 1):
                box.name = f"box_{colour}" + (f"_{number}" if len(alike) > 1 else "")
        for box in boxes:
            if not box.held:
                below = [one.name for one in boxes if one is not box and _stands_on(box.stance, one.stance)]
                box.place = below[0] if below else self._region(box.stance.x, box.stance.y)

    def _region(self, x: float, y: float) -> str:
        """The bin or station at the point, "" for none."""
        inside = [region for region in self._scene.bins if region.contains(x, y)]
        near = [region for region in self._scene.stations if region.distance(x, y) <= _SLACK]
        return next((region.name for region in (*inside, *near)), "")

    def _fixtures(self, bench: BenchConfig, glance: _Glance, hands: dict[str, str]) -> Iterator[Thing]:
        """Bar, button and drawer. A hand that feels something and holds no box holds the bar."""
        for side in SIDES:
            if glance.view.touch.get(side, 0.0) >= _HOLDS and side not in hands:
                hands[side] = "bar"
        (x, y), held = bench.bar.centre, "bar" in hands.values()
        grey = glance.share(Stance(x, y, self._top, 0.0, bench.bar_edges), saturation=(0, 45), value=(25, 255))
        if held or grey > 0.35:
            yield Thing("bar", "bar", across=None if held else y)
        yield Thing("button", "button", across=bench.button.centre[1])
        (x, y), bottom = bench.drawer.centre, self._top + bench.handle_bottom
        closed, opened = (
            glance.share(Stance(x - out, y, bottom, 0.0, bench.handle_edges), value=(0, 60))
            for out in (0.0, bench.drawer_ajar)
        )
        yield Thing("drawer", "drawer", state=OPEN if opened > closed else CLOSED, across=y)

    def _others(self, bench: BenchConfig, glance: _Glance) -> Iterator[Thing]:
        """Things in colours that no box has."""
        number = 0
        for blob in (blob for colour, limits in _OTHERS.items() for blob in _blobs(colour, glance.hsv, limits)):
            x, y, _ = glance.projector.on_plane(blob.middle, self._top + 0.02)
            mine = glance.limbs[int(blob.middle[1]), int(blob.middle[0])]
            if not mine and bench.clutter.distance(x, y) < 0.03 and bench.button.distance(x, y) > 0.05:
                place = self._region(float(x), float(y))
                yield Thing(f"distractor_{number}", "distractor", blob.colour, "", place, across=round(float(y), 3))
                number += 1


class _Glance:
    """What is worked out once for a picture: `hsv`, the `blobs` of the boxes' colours, what may cover them."""

    def __init__(self, view: View, scene: SceneConfig) -> None:
        self.view, self.projector = view, Projector(view)
        self.hsv = cv2.cvtColor(view.image, cv2.COLOR_RGB2HSV)
        self.blobs = [blob for colour, limits in _BOXES.items() for blob in _blobs(colour, self.hsv, limits)]
        self.limbs, self._held = self._limbs(), self._touched()
        self._walls = np.zeros_like(self.limbs)
        for wall in _walls(scene):
            self._walls |= outline(wall, self.projector, (0, 0), self._walls.shape)

    def covering(self, blob: _Blob) -> Mask:
        """Pixels where something may hide a part of the blob's thing: limbs, bins' walls, other boxes."""
        covered = self.limbs | self._walls
        for other in self.blobs:
            if other is not blob:
                covered |= other.mask
        return covered

    def hand_at(self, blob: _Blob) -> str:
        """The hand that holds what the blob shows, "" for none."""
        return next((side for side, held in self._held.items() if held is blob), "")

    def hidden(self, stance: Stance) -> float:
        """The share of a box there that the robot's own limbs cover."""
        there = outline(stance, self.projector, (0, 0), self.limbs.shape) > 0
        return float(np.mean(self.limbs[there])) if there.any() else 0.0

    def _touched(self) -> dict[str, _Blob]:
        """For each hand that feels something the blob nearest to the middle of its grasp, if one is near."""
        found = {}
        for side in SIDES:
            if self.view.touch.get(side, 0.0) < _HOLDS or side not in self.view.limbs:
                continue
            hand = self.view.limbs[side][-1]
            at, edge = self.projector.pixels(np.stack([hand, hand + (0.0, _NEAR, 0.0)]))
            ways = [(np.linalg.norm(_nearest(blob.mask, at) - at), k) for k, blob in enumerate(self.blobs)]
            if ways and min(ways)[0] <= np.linalg.norm(edge - at):
                found[side] = self.blobs[min(ways)[1]]
        return found

    def share(
        self, stance: Stance, saturation: tuple[int, int] = (0, 255), value: tuple[int, int] = (0, 255)
    ) -> float:
        """The share of the pixels where a box would be that are of such a colour."""
        there = self.hsv[outline(stance, self.projector, (0, 0), self.limbs.shape) > 0]
        low, high = (saturation[0], value[0]), (saturation[1], value[1])
        return float(np.mean(np.all((there[:, 1:] >= low) & (there[:, 1:] <= high), axis=1))) if len(there) else 0.0

    def _limbs(self) -> Mask:
        """Pixels that the robot's own arms and hands may cover."""
        found = np.zeros(self.view.image.shape[:2], np.uint8)
        for line in self.view.limbs.values():
            pixels = self.projector.pixels(line)
            widths = _HALF_WIDTHS[len(_HALF_WIDTHS) - (len(line) - 1) :]
            for k, half in enumerate(widths if len(line) > 1 else ()):
                edge = self.projector.pixels((line[k + 1] + (0.0, half, 0.0))[None])[0]
                wide = max(2 * int(np.linalg.norm(edge - pixels[k + 1])), 1)
                cv2.line(found, _whole(pixels[k]), _whole(pixels[k + 1]), 1, wide)
        return found


def _walls(scene: SceneConfig) -> Iterator[Stance]:
    """The walls of the bins."""
    thick = 2 * scene.bin_wall
    for region in scene.bins:
        (x, y), (ex, ey) = region.centre, region.edges
        for side in (-0.5, 0.5):
            yield Stance(x + side * ex, y, scene.bench_top, 0.0, (thick, ey, scene.bin_height))
            yield Stance(x, y + side * ey, scene.bench_top, 0.0, (ex, thick, scene.bin_height))


def _apart(one: Stance, other: Stance) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))


def _nearest(mask: Mask, pixel: Array) -> Array:
    """The pixel (x, y) of the mask nearest to `pixel`."""
    rows, columns = np.nonzero(mask)
    k = int(np.argmin((columns - pixel[0]) ** 2 + (rows - pixel[1]) ** 2))
    return np.array([columns[k], rows[k]], dtype=np.float64)


def _stands_on(upper: Stance, lower: Stance) -> bool:
    step = upper.bottom - lower.bottom - lower.edges[2]
    return bool(_apart(upper, lower) < 0.75 * lower.edges[0] and abs(step) < 0.02)


def _blobs(colour: str, hsv: Mask, limits: tuple[tuple[int, int], int, int]) -> Iterator[_Blob]:
    """Connected pixels of a colour, the largest first."""
    (low, high), saturation, value = limits
    hue = hsv[..., 0].astype(np.int16)
    inside = ((hue >= low) & (hue <= high)) | (hue + 180 <= high)
    mask = (inside & (hsv[..., 1] >= saturation) & (hsv[..., 2] >= value)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    number, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
    for k in sorted(range(1, number), key=lambda k: -int(stats[k, cv2.CC_STAT_AREA])):
        if stats[k, cv2.CC_STAT_AREA] < _LEAST:
            return
        yield _Blob(colour, (labels == k).astype(np.uint8), middles[k])


def _whole(pixel: Array) -> tuple[int, int]:
    return int(np.clip(pixel[0], -2000, 4000)), int(np.clip(pixel[1], -2000, 4000))
