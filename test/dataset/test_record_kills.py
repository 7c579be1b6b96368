"""A recorder that is killed harms nothing and loses little; bench/record_kills.py does it hundreds of times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from record_cuts import KINDS, cut_episode, cut_file, running_episode
from record_kills import Trial, check_opens, figures


def test_a_recorder_killed_at_random_moments_loses_less_than_a_second_and_harms_nothing(tmp_path):
    trial = Trial(tmp_path / "d", seed=3, longest=2.0)
    for _ in range(4):
        trial.kill()
    found = figures([trial.tally], 4, 0.0)
    assert found["problems"] == []
    assert (found["unreadable"], found["harmed"]) == (0, 0)
    assert found["episodes"] >= 1
    assert found["worst_loss_s"] <= 1.0
    assert check_opens(trial.root, decode=True) == found["episodes"]


def test_what_harms_a_finished_episode_is_noticed(tmp_path):
    trial = Trial(tmp_path / "d", seed=5, shortest=1.0, longest=1.2)
    trial.kill()
    path = tmp_path / "d/videos/observation.images.left/chunk-000/file-000.mp4"
    content = bytearray(path.read_bytes())
    content[-400] ^= 1
    path.write_bytes(content)
    trial.kill()
    assert trial.tally.harmed >= 1
    assert "file-000.mp4" in " ".join(trial.tally.problems)


def test_files_cut_beside_whole_records_give_everything_up_to_there_back(tmp_path):
    folder = running_episode(tmp_path, seconds=1.0)
    for name in KINDS:
        found = cut_file(folder, name, tmp_path, tail=40, stride=4999)
        assert found["problems"] == []
        assert found["cuts"] > 40 and found["whole"] >= 1
    found = cut_episode(folder, "left.mp4", tmp_path, every=2)
    assert found["problems"] == []
    assert found["repairs"] >= 5


def test_a_data_set_with_a_missing_video_does_not_pass_as_readable(tmp_path):
    trial = Trial(tmp_path / "d", seed=5, shortest=1.0, longest=1.2)
    trial.kill()
    (tmp_path / "d/videos/observation.images.left/chunk-000/file-000.mp4").unlink()
    with pytest.raises(OSError, match="file-000.mp4"):
        check_opens(tmp_path / "d")
