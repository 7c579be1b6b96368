"""`optimus up`, `say` and `status`: what they answer to mistakes, and what they print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimus_nodes.cli.demo_summary import CONTROL, POLICY, stage_figures
from optimus_nodes.cli.environment import free_domain, graph_environment
from optimus_nodes.cli.status import find_state, screen
from optimus_nodes.cli.up import ROBOTS, load_graph, new_run_dir, parse_settings, process_spec, scene_settings, up
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.graph import NodeSpec, select

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[1]


def optimus(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "optimus_nodes.cli.main", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_node_of_the_list_can_be_started() -> None:
    nodes = load_graph()
    for node in nodes:
        assert (ROOT / "optimus_nodes" / f"{node.executable}.py").exists()
        assert process_spec(node).name == node.name
    everything = {"joint_control", "sim", "vla", "planner", "recorder"}
    assert {node.name for node in select(nodes, [ROBOTS["sim"]])} == everything


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"robot": "mars"}, "--robot 'mars': give sim, real, or a robot's name; there is no robot 'mars'"),
        ({"setting": ["sim.seed"]}, "setting 'sim.seed' must look like node.parameter=value"),
        ({"setting": ["moon.seed=1"]}, "no node 'moon' is started; there are joint_control, sim, vla, planner"),
        ({"only": ["moon"]}, "no node 'moon' in the list sim; it has"),
        ({"viewer": True}, "--viewer needs a display"),
        ({"graph": Path("/nowhere/graph.yaml")}, "cannot read the node list /nowhere/graph.yaml: No such file"),
        ({"domain": 400, "only": ["planner"]}, "ROS domain '400' is not a number from 0 to 232"),
    ],
)
def test_up_refuses_a_wrong_option_by_name(
    options: dict[str, Any], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(ConfigError, match=text):
        up(run_dir=tmp_path, **options)


def test_a_graph_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "graph.yaml"
    file.write_text("nodes: [")
    with pytest.raises(ConfigError, match="graph.yaml is not valid YAML"):
        load_graph(file)


def test_a_parameter_file_that_is_missing_is_named_with_its_node() -> None:
    node = NodeSpec("arm", "arm_node", ("sim",), config="arm.yaml")
    with pytest.raises(ConfigError, match=r"node arm in config/graph.yaml wants a parameter file: config/arm.yaml"):
        process_spec(node)


def test_settings_are_read_as_yaml() -> None:
    words = ["sim.seed=7", "sim.viewer=true", "vla.bundle=models/x", "a.b=[1, 2]"]
    assert parse_settings(words) == [("sim.seed", 7), ("sim.viewer", True), ("vla.bundle", "models/x"), ("a.b", [1, 2])]


def test_a_scene_sets_all_nodes_that_care_for_it():
    everything = select(load_graph(), ["sim"])
    assert scene_settings("boxes", everything) == [("sim.scene", "boxes"), ("planner.scene", "boxes")]
    assert ("joint_control.control.touch.max_force", 8.0) in scene_settings("eggs", everything)
    assert {key for key, _ in scene_settings("bench", everything)} == {
        *("sim.scene", "planner.scene", "vla.bundle", "planner.skills")
    }
    assert scene_settings("bench", select(load_graph(), ["sim"], ["sim"])) == [("sim.scene", "bench")]
    real = dict(scene_settings("bench", select(load_graph(), ["robot"])))
    assert "sim.scene" not in real and real["planner.scene"] == "bench"
    with pytest.raises(ConfigError, match="unknown scene 'kitchen'"):
        scene_settings("kitchen", everything)


def test_only_this_machine_is_talked_to_unless_the_user_says_otherwise() -> None:
    assert graph_environment(base={})["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    chosen = graph_environment(5, base={"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_DOMAIN_ID": "9"})
    assert (chosen["ROS_AUTOMATIC_DISCOVERY_RANGE"], chosen["ROS_DOMAIN_ID"]) == ("SUBNET", "5")
    assert Path(graph_environment(base={})["FASTRTPS_DEFAULT_PROFILES_FILE"]).exists()
    assert 0 <= free_domain() <= 101


def test_each_run_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_run_dir("up") != new_run_dir("up")


def test_say_without_a_robot_ends_with_code_2_and_says_how_to_start_one(tmp_path: Path) -> None:
    answer = optimus("say", "go home", "--domain", str(free_domain()), folder=tmp_path)
    assert answer.returncode == 2
    assert "no planner answers" in answer.stderr
    assert "optimus up" in answer.stderr


def test_status_without_a_robot_ends_with_code_1(tmp_path: Path) -> None:
    domain = free_domain()
    answer = optimus("status", "--domain", str(domain), "--seconds", "0.5", folder=tmp_path)
    assert answer.returncode == 1
    assert f"no robot runs in ROS domain {domain}" in answer.stdout


def test_the_status_screen_shows_nodes_figures_stop_and_plan() -> None:
    text = screen(
        {
            "domain": 3,
            "nodes": {"sim": {"state": "running", "pid": 12, "restarts": 1, "rss_mb": 180.5}, "planner": {}},
            "diagnostics": {"sim: simulation": {"real_time_factor": "0.5"}},
            "health": {"sim: simulation": ("warning", "too slow: 0.50 of real time")},
            "emergency_stop": True,
            "plan": {"instruction": "go home", "state": "running", "steps": ["  1. [    now] go home (5 %)"]},
        }
    )
    assert "sim                   running           12         1   180.5" in text
    assert "planner               seen" in text
    assert "sim: simulation: too slow: 0.50 of real time [warning]" in text
    assert "emergency stop: PRESSED" in text
    assert "plan: 'go home' running\n  1. [    now] go home (5 %)" in text


def test_the_state_of_a_supervisor_that_lives_is_found_by_its_domain(tmp_path: Path) -> None:
    for name, pid, domain in (("a", os.getpid(), 4), ("b", 2**22 - 1, 5)):
        folder = tmp_path / name
        folder.mkdir()
        node = {"pid": os.getpid(), "state": "running", "restarts": 0}
        state = {"supervisor": pid, "domain": domain, "nodes": {"sim": node}}
        (folder / "processes.json").write_text(json.dumps(state))
    assert find_state(4, tmp_path)["sim"]["rss_mb"] > 1
    assert find_state(5, tmp_path) == {}
    assert find_state(6, tmp_path) == {}


def test_counters_of_a_stage_begin_with_the_instruction() -> None:
    before = {CONTROL: {"ticks": "1000", "late_ticks": "900", "starved_ticks": "5"}}
    after = {
        CONTROL: {"ticks": "2000", "late_ticks": "910", "starved_ticks": "5", "camera_to_command_p50_ms": ""},
        POLICY: {"policy_id": "pick_place", "inference_p50_ms": "9.5"},
    }
    stages = stage_figures(before, after)
    assert stages["control"]["on_time_percent"] == 99.0
    assert stages["control"]["starved_ticks"] == 0.0
    assert stages["control"]["camera_to_command_p50_ms"] is None
    assert stages["policy"] == {"policy_id": "pick_place", "inference_p50_ms": 9.5}
