"""Rounds of playing, correcting and training: only what is better stays, and a stopped improvement goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.learning.evaluation import success_of
from optimus_nodes.learning.improve import ImproveConfig, Improvement, publish


class Commands:
    """Stands for collect, train and eval: writes what they would and gives one success rate after another."""

    def __init__(self, *successes: int, fails: str = "") -> None:
        self.successes, self.fails = list(successes), fails
        self.calls: list[list[str]] = []

    def __call__(self, words: Sequence[str]) -> str:
        told = list(words[3:])
        self.calls.append(told)
        if told[0] == self.fails:
            self.fails = ""
            raise ConfigError("the power went")
        if told[0] == "train":
            for path in (Path(_after(told, "--out")) / "policy.onnx", Path(_after(told, "--work")) / "state.json"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(" ".join(told))
            (Path(_after(told, "--work")) / "checkpoint.safetensors").touch()
        return json.dumps({"successes": self.successes.pop(0), "episodes": 10}) if told[0] == "eval" else ""

    @property
    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


def _after(words: Sequence[str], option: str) -> str:
    return words[words.index(option) + 1]


def improvement(folder: Path, run: Commands, **options: object) -> Improvement:
    (folder / "start").mkdir(exist_ok=True)
    values = {"data": ("demonstrations:2",), "model": str(folder / "start"), "work": str(folder / "work"), "rounds": 2}
    return Improvement(ImproveConfig(**(values | options)), lambda text: None, run)  # type: ignore[arg-type]


def test_every_round_plays_the_best_policy_and_trains_on_all_data(tmp_path: Path) -> None:
    run = Commands(3, 5, 8)
    best = improvement(tmp_path, run).improve()
    assert best == tmp_path / "work" / "round-2" / "bundle"
    assert run.names == ["eval", "collect", "train", "eval", "collect", "train", "eval"]
    _, first, _, _, second, train, _ = run.calls
    assert _after(first, "--policy") == str(tmp_path / "start") and _after(first, "--beta") == "0.2"
    assert _after(second, "--policy") == str(tmp_path / "work" / "round-1" / "bundle")
    assert _after(second, "--beta") == "0.1" and _after(first, "--seed") != _after(second, "--seed")
    sets = ["demonstrations:2", *(f"{tmp_path}/work/round-{k}/data" for k in (1, 2))]
    assert train[1:4] == sets and _after(train, "--init") == str(tmp_path / "work" / "round-1" / "train")


def test_a_policy_that_is_not_better_is_not_kept(tmp_path: Path) -> None:
    run = Commands(6, 6, 5)
    one = improvement(tmp_path, run)
    assert one.improve() == tmp_path / "start" and one.best[1] == 0.6
    assert _after(run.calls[5], "--init") == str(tmp_path / "start")  # the next round begins with the best again


@pytest.mark.parametrize("stopped", ["collect", "train", "eval"])
def test_a_stopped_improvement_goes_on_without_doing_anything_twice(tmp_path: Path, stopped: str) -> None:
    run = Commands(3, 5, 8, fails=stopped)
    with pytest.raises(ConfigError, match="the power went"):
        improvement(tmp_path, run).improve()
    improvement(tmp_path, run).improve()
    whole = ["eval", "collect", "train", "eval", "collect", "train", "eval"]
    at = whole.index(stopped)
    assert run.names == [*whole[: at + 1], *whole[at:]]
    improvement(tmp_path, run).improve()
    assert len(run.names) == len(whole) + 1  # nothing is left to do


def test_a_training_that_was_cut_short_is_resumed(tmp_path: Path) -> None:
    begun = tmp_path / "work" / "round-1" / "train"
    begun.mkdir(parents=True)
    (begun / "checkpoint.safetensors").touch()
    run = Commands(3, 5)
    improvement(tmp_path, run, rounds=1).improve()
    assert "--resume" in run.calls[2] and "--init" not in run.calls[2]


def test_more_rounds_may_be_asked_for_but_nothing_else_may_change(tmp_path: Path) -> None:
    improvement(tmp_path, Commands(3, 5), rounds=1).improve()
    run = Commands(8)
    improvement(tmp_path, run, rounds=2).improve()
    assert run.names == ["collect", "train", "eval"]
    with pytest.raises(ConfigError, match=r"improve.json was begun with episodes = 300, now it is 50; give the same"):
        improvement(tmp_path, Commands(), episodes=50)


def test_an_improvement_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rounds is 0, episodes 300, minutes 30.0; all must be above 0"):
        improvement(tmp_path, Commands(), rounds=0)


def test_a_bundle_is_published_whole(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "policy.onnx").write_text("weights")
    publish(tmp_path / "a", tmp_path / "b" / "c")
    assert (tmp_path / "b" / "c" / "policy.onnx").read_text() == "weights"


def test_an_evaluation_without_a_result_is_told() -> None:
    assert success_of('noise\n{"successes": 3, "episodes": 4}\n')["success"] == 0.75
    with pytest.raises(ConfigError, match="`optimus eval` gave no result: out of memory"):
        success_of("out of memory")
