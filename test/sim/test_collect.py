"""Collected demonstrations are a LeRobot data set with the expert's advice, and a stopped collection goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from optimus_nodes.cli import collect as command
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.scene import draw_scene, scene_named
from optimus_nodes.dataset.check import check
from optimus_nodes.dataset.reader import DataSet
from optimus_nodes.learning import demonstrated, demonstrations, frames
from optimus_nodes.learning.collect import CollectJob, collect
from optimus_nodes.learning.data import read_data_set
from optimus_nodes.learning.programmes import draw_programme
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim import expert

ROBOT, _ = load_robot("optimus")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collected") / "d"
    counts = list(collect(CollectJob(str(folder), 1, noise=0.0), workers=1))
    assert counts[0]["episodes"] == 1 and counts[0]["frames"] > 20
    return folder


def test_a_collected_data_set_is_whole(collected: Path) -> None:
    found = DataSet.open(collected)
    assert check(collected, deep=True) == []
    assert found.fps == 10 and found.contract.robot == ROBOT.name
    assert found.document(0)["scene_seed"] == 100_000 and found.document(0)["outcome"]["success"]


def test_the_last_frame_of_a_success_says_so(collected: Path) -> None:
    success = DataSet.open(collected).columns(0, ["next.success"])["next.success"]
    assert success[-1] == 1.0 and not success[:-1].any()


def test_training_reads_the_advice_and_the_small_pictures(collected: Path, tmp_path: Path) -> None:
    data = read_data_set(str(collected), tmp_path)
    (shard,) = data.shards
    count = len(shard)
    assert shard.rows["action"].shape == (count, expert.HORIZON, 72)
    assert shard.rows["aux"].shape == (count, len(demonstrations.AUX)) and data.aux == tuple(demonstrations.AUX)
    for name, size in demonstrations.SIZES.items():
        assert shard.images[name].shape == (count, *size, 3), name


def test_what_was_applied_follows_the_advice(collected: Path) -> None:
    """The chunk's target 0.1 s ahead comes 0.06 s late (the latency), so the two are near, not equal."""
    table = DataSet.open(collected).columns(0, ["action", "expert.chunk", "observation.state"])
    arms = ROBOT.group("right_arm")
    advice = table["expert.chunk"].reshape(-1, expert.HORIZON, 72)[:, 1, arms]
    off = np.abs(table["action"][:, arms] - advice).mean()
    assert off < 0.06
    still = np.abs(table["action"][:-1, arms] - table["observation.state"][1:, arms]).mean()
    assert still < 0.03  # and the arm is where it was sent by the next frame


def test_a_collection_goes_on_where_it_stopped(collected: Path) -> None:
    before = (collected / "data" / "chunk-000" / "file-000.parquet").stat().st_mtime_ns
    assert list(collect(CollectJob(str(collected), 1), workers=1)) == [{"episodes": 1}]
    more = list(collect(CollectJob(str(collected), 2), workers=1))
    assert more[0] == {"episodes": 1} and more[1]["frames"] > 20
    seeds = {DataSet.open(collected).document(one.number)["scene_seed"] for one in DataSet.open(collected).episodes}
    assert seeds == {100_000, 100_001}
    assert (collected / "data" / "chunk-000" / "file-000.parquet").stat().st_mtime_ns == before


def test_a_collection_stops_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ended: list[int] = []

    def scenes(*_: object) -> Iterator[dict[str, int]]:
        played = 0
        try:
            while played < 5:
                played += 1
                yield {"episodes": 1, "frames": 30, "stored": 1, "pick_done": 1}
        finally:
            ended.append(played)

    monkeypatch.setattr(command, "collect", scenes)
    command.run(tmp_path, episodes=5)
    command.run(tmp_path, episodes=5, minutes=1e-9)
    assert ended == [5, 1]
    with pytest.raises(ConfigError, match=r"minutes is -1; it must be 0 or more \(--minutes\)"):
        command.run(tmp_path, minutes=-1.0)


def test_seeds_kept_for_evaluation_cannot_be_trained_on() -> None:
    with pytest.raises(ConfigError, match="seed 1000 is kept for evaluation; use one from 10000 up"):
        CollectJob("x", 1, seed=1000)


def test_an_unknown_scene_is_refused_naming_those_there_are() -> None:
    with pytest.raises(ConfigError, match="unknown scene 'kitchen'; the scenes are boxes, bench"):
        CollectJob("x", 1, scene="kitchen")


def test_training_and_the_expert_mean_the_same_steps() -> None:
    assert (frames.STEP_DT, frames.HORIZON) == (expert.STEP_DT, expert.HORIZON)
    assert frames.PICTURES == demonstrations.SIZES
    assert (frames.CHUNK, frames.PROGRESS, frames.TARGETS) == (
        demonstrated.CHUNK,
        demonstrated.PROGRESS,
        demonstrated.TARGETS,
    )


def test_a_task_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown task 'juggle'; the tasks are pick_colour, .* \(--task\)"):
        CollectJob("x", 1, scene="bench", tasks=("juggle",))
    with pytest.raises(ConfigError, match=r"tasks are chosen on the bench only; the scene is boxes \(--scene bench\)"):
        CollectJob("x", 1, tasks=("push",))


def test_scenes_begin_with_the_tasks_that_were_chosen() -> None:
    scene = scene_named("bench")
    for seed in range(100_000, 100_010):
        rng, draw = np.random.default_rng(seed), draw_scene(scene, seed, 3)
        first = draw_programme(rng, scene, draw, seed, ("hand_over", "sort"))[0]
        assert first.skill == ("hand_over", "sort")[seed % 2]


def test_nothing_is_asked_twice_in_a_row() -> None:
    scene = scene_named("bench")
    for seed in range(100_000, 100_250):
        rng, draw = np.random.default_rng(seed), draw_scene(scene, seed, 3)
        asked = draw_programme(rng, scene, draw, seed)
        assert len(set(asked)) == len(asked), f"scene {seed}: {asked}"
