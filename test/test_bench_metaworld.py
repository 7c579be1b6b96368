"""bench/metaworld.py: how results are judged and chunks played, and one small run of every step where it can run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"


def load(name: str) -> ModuleType:
    """A script of bench/ as a module; not by its own name, which is a package's too."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[f"bench_{name}"] = module
    sys.path.append(str(BENCH))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCH))
    return module


bench, parts = load("metaworld"), load("metaworld_parts")


def demonstrations(folder: Path, lengths: list[int]) -> None:
    """Files as `collect` leaves them, where action k of all is (k, k, k, k) and the position its negative."""
    count = 0
    for task in ("reach", "push"):
        numbers = np.arange(count, count + sum(lengths), dtype=np.float32)
        count += sum(lengths)
        arrays = {"images": np.zeros((len(numbers), 2, 2, 2, 3), np.uint8), "truth": np.zeros((len(numbers), 1))}
        actions = np.repeat(numbers[:, None], 4, axis=1)
        np.savez(folder / f"{task}.npz", lengths=lengths, action=actions, position=-actions, **arrays)


def test_a_chunk_stays_within_its_episode(tmp_path):
    demonstrations(tmp_path, [3, 2])
    data = parts.read_demonstrations(tmp_path, ("reach", "push"))
    chunk, repeats = data.chunks(np.array([1, 5, 9]), 4)
    assert chunk[:, :, 0].tolist() == [[1, 2, 2, 2], [5, 6, 7, 7], [9, 9, 9, 9]]
    assert repeats.sum(axis=1).tolist() == [2, 1, 3]


def test_what_was_before_an_episodes_first_frame_is_that_frame(tmp_path):
    demonstrations(tmp_path, [3, 2])
    data = parts.read_demonstrations(tmp_path, ("reach", "push"))
    assert (-data.previous[:, 0]).tolist() == [0, 0, 1, 3, 3, 5, 5, 6, 8, 8]
    assert data.progress.tolist() == [0, 0.5, 1, 0, 1] * 2
    assert data.task.tolist() == [0] * 5 + [1] * 5


def test_overlapping_chunks_are_averaged_and_the_newest_counts_most():
    player = parts.Player(every=2, keep=0.5)
    assert player.due()
    player.give(np.full((3, 4), 0.0))
    player.action()
    assert not player.due()
    player.action()
    assert player.due()
    player.give(np.full((3, 4), 3.0))
    assert player.action() == pytest.approx(np.full(4, 2.0))
    assert player.action() == pytest.approx(np.full(4, 3.0)), "the first chunk is over"


def test_wilsons_interval_is_the_published_one():
    assert parts.wilson(16, 20) == pytest.approx((0.584, 0.919), abs=1e-3)
    assert parts.wilson(0, 20) == pytest.approx((0.0, 0.161), abs=1e-3)
    assert parts.wilson(0, 0) == (0.0, 1.0)


def test_every_task_has_an_expert_and_a_sentence():
    assert len(parts.TASKS) == 10
    assert parts.EXPERTS["button-press-topdown"] == "SawyerButtonPressTopdownV3Policy"
    assert all(parts.SENTENCES[task] for task in parts.EXPERTS)


def test_ours_is_compared_with_the_best_of_acts():
    won, lost = [10, 20, 30, 40], [None, None, None, 5]
    found = {
        "ours": bench.summary(dict.fromkeys(parts.TASKS, won)),
        "act 1e-05": bench.summary(dict.fromkeys(parts.TASKS, lost)),
        "act-ensembled 1e-05": bench.summary(dict.fromkeys(parts.TASKS, [None] * 4)),
    }
    assert found["ours"]["mean"] == 1.0
    assert found["ours"]["tasks"]["reach"]["median_steps"] == 25
    assert found["act 1e-05"]["won"] == 10
    assert bench.ratio(found) == 4.0
    assert bench.ratio({"ours": found["ours"]}) is None


def test_without_lerobots_environment_it_says_how_to_make_one(tmp_path):
    found = bench.missing(tmp_path / "python")
    assert "make env-lerobot" in found
    assert "pip install metaworld==3.1.1" in found


@pytest.mark.skipif(bool(bench.missing()), reason=bench.missing())
def test_demonstrations_training_and_evaluation_follow_each_other(tmp_path):
    def step(*words: object) -> None:
        line = [bench.PYTHON, bench.STEP, *words, "--folder", tmp_path, "--tasks", "drawer-close", "--episodes", 1]
        subprocess.run([str(word) for word in line], check=True, capture_output=True, timeout=100)

    step("collect")
    data = parts.read_demonstrations(tmp_path / "demonstrations", ("drawer-close",))
    assert data.images.shape[1:] == (2, 96, 96, 3)
    assert np.abs(data.action).max() <= 1.0
    step("train", "--work", tmp_path, "--policy", "ours", "--minutes", 0.02)
    step("evaluate", "--work", tmp_path, "--policy", "ours")
    (result,) = tmp_path.glob("ours-drawer-close-*.json")
    assert len(json.loads(result.read_text())) == 1
