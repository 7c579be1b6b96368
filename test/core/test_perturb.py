"""Scenes that are different from those of training."""

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.perturb import Perturbation, perturbation
from optimus_nodes.core.scene import SCENES, draw_scene

BENCH = SCENES["bench"]


def drawn(kind, seed=5000):
    changed = perturbation([kind])
    config = changed.scene(BENCH, seed)
    return config, changed.draw(draw_scene(config, seed, 3)), changed.look(config, seed)


def test_no_perturbation_changes_nothing():
    none, draw = Perturbation(), draw_scene(BENCH, 7, 3)
    assert none.scene(BENCH, 7) is BENCH and none.name == "clean"
    same = none.draw(draw)
    assert np.array_equal(same.light, draw.light) and np.array_equal(same.camera_offset, draw.camera_offset)
    assert none.look(BENCH, 7).patches == ()


def test_the_seed_alone_decides():
    for kind in ("layout", "light", "texture", "camera"):
        (one, first, look), (two, second, same) = drawn(kind), drawn(kind)
        assert one == two and np.array_equal(first.light, second.light)
        assert np.array_equal(first.camera_offset, second.camera_offset) and len(look.patches) == len(same.patches)


def test_a_moved_layout_puts_boxes_where_training_never_does_and_keeps_all_within_reach():
    for seed in range(5000, 5010):
        config, draw, _ = drawn("layout", seed)
        beyond = 0
        for box in draw.boxes:
            x, y = box.position[:2]
            beyond += all(
                abs(x - s.centre[0]) > s.edges[0] / 2 - BENCH.margin
                or abs(y - s.centre[1]) > s.edges[1] / 2 - BENCH.margin
                for s in BENCH.stations
            )
            assert 0.15 < x < 0.45 and abs(y) < 0.45
        assert beyond >= 2
        assert draw.bench.button[0] < 0.50 and draw.bench.drawer[0] < 0.52
        for old, new in zip(BENCH.stations, config.stations, strict=True):
            assert 0.03 <= np.hypot(*np.subtract(new.centre, old.centre)) <= 0.05


def test_cameras_are_off_by_up_to_two_centimetres_and_two_degrees():
    offsets = np.array([drawn("camera", seed)[1].camera_offset for seed in range(5000, 5040)])
    assert 0.015 < np.abs(offsets[..., :3]).max() <= 0.02
    assert np.deg2rad(1.5) < np.abs(offsets[..., 3:]).max() <= np.deg2rad(2.0)


def test_light_is_darker_or_brighter_than_in_training():
    for seed in range(5000, 5020):
        _, draw, look = drawn("light", seed)
        level = float(np.mean(draw.light[1]))
        assert level < 0.36 or level > 0.64
        assert look.ambient != 1.0


def test_a_texture_covers_the_bench_below_the_marks_of_the_stations():
    _, _, look = drawn("texture")
    assert 20 < len(look.patches) < 800 and look.bench.shape == look.floor.shape == (3,)
    for centre, half, _ in look.patches:
        assert half[2] < 0.001 and centre[2] == BENCH.bench_top


def test_unseen_distractors_need_a_bench_that_has_some():
    assert drawn("distractors")[0].bench.unseen_clutter
    with pytest.raises(ConfigError, match="--perturb distractors needs things on the bench; use --suite bench"):
        perturbation(["distractors"]).scene(SCENES["boxes"], 0)


def test_an_unknown_perturbation_is_refused_with_those_that_exist():
    with pytest.raises(ConfigError, match="unknown perturbation 'rain'; allowed: layout, distractors, light, texture"):
        perturbation(["rain"])


def test_a_latency_nobody_measures_is_refused():
    with pytest.raises(ConfigError, match="latency is 2 s; it must be from 0 to 1.5 s"):
        perturbation([], latency=2)


def test_perturbations_are_combined_and_named():
    both = perturbation(["light", "camera"], ["head"], 0.5)
    assert both.name == "light, camera, without head, 0.5 s later"
