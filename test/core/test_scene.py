"""How a seed becomes a scene."""

from hashlib import sha256

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import COLOURS
from optimus_nodes.core.scene import SCENES, Region, SceneConfig, draw_scene, scene_named


def test_the_same_seed_draws_the_same_scene():
    one, two = (draw_scene(SceneConfig(), 5, 3) for _ in range(2))
    assert [box.name for box in one.boxes] == [box.name for box in two.boxes]
    assert all(np.array_equal(a.position, b.position) for a, b in zip(one.boxes, two.boxes))
    assert np.array_equal(one.camera_offset, two.camera_offset)


def test_another_seed_draws_another_scene():
    one, two = (draw_scene(SceneConfig(), seed, 3) for seed in (5, 6))
    assert not np.array_equal(one.boxes[0].position, two.boxes[0].position)


@pytest.mark.parametrize("seed", range(40))
def test_every_colour_stands_once_inside_a_station_and_apart_from_the_others(seed):
    config = SceneConfig()
    boxes = draw_scene(config, seed, 3).boxes
    assert sorted(box.colour for box in boxes) == sorted(COLOURS)
    for box in boxes:
        assert any(station.contains(*box.position[:2]) for station in config.stations)
        assert box.position[2] == pytest.approx(config.bench_top + box.edges[2] / 2)
    spots = np.array([box.position[:2] for box in boxes])
    gaps = np.linalg.norm(spots[:, None] - spots[None], axis=-1) + np.eye(4)
    assert gaps.min() >= config.clearance


def test_a_negative_seed_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"scene seed -1 is below 0"):
        draw_scene(SceneConfig(), -1, 3)


def test_stations_too_small_for_the_boxes_are_refused():
    small = SceneConfig(stations=(Region("station_a", (0.3, 0.0), (0.09, 0.09)),))
    with pytest.raises(ConfigError, match="no room for 4 boxes with 0.105 m between them"):
        draw_scene(small, 0, 3)


def digest(draw):
    boxes = [(box.colour, box.size_word, box.position.tobytes(), box.yaw) for box in draw.boxes]
    return sha256(repr((boxes, draw.light.tobytes(), draw.camera_offset.tobytes())).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("seed", "known"), [(0, "852602c76d0cf88f"), (7, "23fa375fb6e04478"), (1234, "7e9363e32e296ca4")]
)
def test_the_scene_of_boxes_stays_what_policies_were_trained_in(seed, known):
    assert digest(draw_scene(SCENES["boxes"], seed, 3)) == known


def test_an_unknown_scene_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="unknown scene 'moon'; the scenes are boxes, bench"):
        scene_named("moon")
