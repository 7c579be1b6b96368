"""The recorder beside a running robot: instructions and services become episodes, which can be replayed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from optimus_nodes.cli.environment import free_domain, graph_environment
from optimus_nodes.cli.running import RunningGraph
from optimus_nodes.dataset.files import read_sealed
from optimus_nodes.dataset.mcap_reader import topics

TASK = "put the red box in the left bin"
INTERRUPTED = """
from optimus_nodes import recorder_node
from optimus_nodes.ros import recorder_inputs
def stop(*_): raise KeyboardInterrupt
recorder_inputs.listen = stop
recorder_node.main()
"""
DOMAIN = free_domain()


def optimus(*words: str, timeout: float = 90.0) -> subprocess.CompletedProcess[str]:
    """Run a command against the robot of this test."""
    command = [sys.executable, "-m", "optimus_nodes.cli.main", words[0], "--domain", str(DOMAIN), *words[1:]]
    return subprocess.run(command, env=graph_environment(DOMAIN), capture_output=True, text=True, timeout=timeout)


def until_logged(log: Path, words: str) -> None:
    """Wait until the recorder of the graph has written `words`."""
    end = time.monotonic() + 60.0
    while not log.is_file() or words not in log.read_text():
        assert time.monotonic() < end, f"the recorder did not say {words!r}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The data set of a simulated robot that has put one box into a bin, and went on to be recorded by hand."""
    run = tmp_path_factory.mktemp("recorded")
    patient = ["--set", "recorder.store.max_gap=20.0"]  # pictures may wait while commands start on a busy machine
    with RunningGraph(run, DOMAIN, ["--set", "sim.seed=7", *patient]) as graph:
        log = run / "logs" / "recorder.log"
        until_logged(log, "recording into")  # hearing of none for 4 s, `optimus record` starts one of its own
        by_hand = optimus(
            "record", "--seconds", "2", "--instruction", "do nothing", "--failure", "it was lazy", "--json"
        )
        (run / "by_hand.json").write_text(by_hand.stdout or by_hand.stderr)
        said = optimus("say", TASK, "--json", timeout=150.0)
        (run / "said.json").write_text(said.stdout or said.stderr)
        elsewhere = optimus("record", str(run / "elsewhere"), "--seconds", "1")
        (run / "elsewhere.txt").write_text(elsewhere.stderr)
        until_logged(log, "episode 1 saved")
        for _ in range(3):  # where a machine stands still for a moment the robot does too, and a box may slip
            replayed = optimus("replay", str(run / "recording"), "1", "--json")
            if replayed.returncode == 0:
                break
        (run / "replayed.json").write_text(replayed.stdout or replayed.stderr)
        missing = optimus("replay", str(run / "recording"), "9", "--json")
        (run / "missing.txt").write_text(missing.stderr)
        graph.check()
    return run


@pytest.mark.timeout(400)
def test_an_instruction_becomes_an_episode_with_its_steps_and_outcome(folder):
    said = json.loads((folder / "said.json").read_text())
    document = read_sealed(folder / "recording/episodes/episode-000001/episode.json")
    assert document["instruction"] == TASK
    assert document["outcome"]["source"] == "simulator"
    if not said["success"]:  # the policy does not always succeed; a failure must be kept with the planner's reason
        assert said["steps"][0]["reason"] in document["outcome"]["reason"]
    assert document["policy_id"] == "pick_place"
    assert document["scene_seed"] == 7
    steps = [e["text"] for e in document["events"] if e["kind"] == "task"]
    assert steps[0] == f"running: {TASK}"
    assert len(steps) == 2
    spoken = [(e["kind"], e["text"]) for e in document["events"] if e["kind"] in ("person", "robot")]
    assert spoken[0] == ("person", TASK)
    assert any(who == "robot" for who, _ in spoken)
    assert document["frames"] > 60


def test_every_stream_is_in_the_mcap_file(folder):
    names = topics(folder / "recording/episodes/episode-000001/episode.mcap")
    for name in ("joint_states", "applied_joint_commands", "tactile/left_hand", "head/video", "plan", "action_chunk"):
        assert f"/{name}" in names


def test_an_episode_recorded_by_hand_keeps_its_failure_and_why(folder):
    answer = json.loads((folder / "by_hand.json").read_text())
    assert answer["success"] and answer["episode"] == 0
    document = read_sealed(folder / "recording/episodes/episode-000000/episode.json")
    assert document["outcome"] == {"success": False, "reason": "it was lazy", "source": "person"}
    assert document["operator"] == "teleop"


def test_a_replayed_episode_ends_with_the_boxes_where_they_were(folder):
    result = json.loads((folder / "replayed.json").read_text())
    recorded = json.loads((folder / "said.json").read_text())
    assert result["instruction"] == TASK
    assert max(box["began_apart"] for box in result["boxes"].values()) < 0.002
    if recorded["success"]:
        assert result["same"] is True
        assert result["boxes"]["box_red"]["place"] == "left_bin"


def test_a_second_recorder_and_an_episode_that_is_not_there_are_named(folder):
    assert "a recorder is running already and records into" in (folder / "elsewhere.txt").read_text()
    assert "has no episode 9; it has episode-000000 to" in (folder / "missing.txt").read_text()


def test_a_recorder_that_is_stopped_while_it_starts_ends(tmp_path):
    command = [sys.executable, "-c", INTERRUPTED, "--ros-args", "-p", f"folder:={tmp_path}"]
    ended = subprocess.run(command, env=graph_environment(DOMAIN), capture_output=True, text=True, timeout=60.0)
    assert ended.returncode == 0 and "Traceback" not in ended.stderr
