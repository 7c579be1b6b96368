"""How a seed becomes a scene of the bench with a bar, a button, a drawer and distractors."""

from dataclasses import replace

import numpy as np
import pytest

from optimus_nodes.core.bench_scene import PALETTE, SHAPES, UNSEEN_PALETTE, UNSEEN_SHAPES, handle_way
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.scene import SCENES, Region, draw_scene

BENCH = SCENES["bench"]
DRAWS = [draw_scene(BENCH, seed, 3) for seed in range(60)]


def test_every_scene_has_one_box_of_the_odd_size():
    for draw in DRAWS:
        words = [box.size_word for box in draw.boxes]
        assert sorted(words.count(word) for word in ("small", "large")) == [1, 3], draw.seed
    assert {next(w for w in ("small", "large") if [b.size_word for b in d.boxes].count(w) == 1) for d in DRAWS} == {
        "small",
        "large",
    }


def test_boxes_stand_on_the_stations_two_on_each_and_apart_from_everything():
    for draw in DRAWS:
        spots = [box.position[:2] for box in draw.boxes]
        for station in BENCH.stations:
            assert sum(station.contains(*spot) for spot in spots) == 2
        way = handle_way(BENCH.bench, draw.bench.drawer)
        for k, spot in enumerate(spots):
            assert min(np.linalg.norm(spot - other) for other in spots[:k] + spots[k + 1 :]) >= BENCH.clearance
            assert min(region.distance(*spot) for region in (*BENCH.bins, way)) >= BENCH.bench.bin_clearance
            assert min(np.linalg.norm(spot - landing) for landing in BENCH.bench.landings) >= 0.085


def test_the_drawer_starts_open_or_closed_as_the_seed_says():
    opened = [draw.bench.drawer_open for draw in DRAWS]
    assert set(opened) == {0.0, 0.10} and 15 < opened.count(0.0) < 45


def test_one_to_three_distractors_stand_clear_of_everything_else():
    assert {len(draw.bench.distractors) for draw in DRAWS} == {1, 2, 3}
    for draw in DRAWS:
        for thing in draw.bench.distractors:
            assert thing.shape in SHAPES and thing.colour in PALETTE
            nearest = min(np.linalg.norm(thing.position[:2] - box.position[:2]) for box in draw.boxes)
            assert nearest >= BENCH.bench.clutter_clearance


def test_distractors_kept_for_evaluation_look_like_none_of_the_others():
    unseen = replace(BENCH, bench=replace(BENCH.bench, unseen_clutter=True))
    for seed in range(10):
        for thing in draw_scene(unseen, seed, 3).bench.distractors:
            assert thing.shape in UNSEEN_SHAPES and thing.colour in UNSEEN_PALETTE


def test_a_station_without_room_is_refused_by_name():
    small = replace(BENCH, stations=(Region("station_a", (0.3, 0.3), (0.09, 0.09)), BENCH.stations[1]))
    with pytest.raises(ConfigError, match=r"no room for 2 boxes with 0.125 m between them on station_a"):
        draw_scene(small, 0, 3)
