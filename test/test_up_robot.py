"""`optimus up --robot NAME`: a robot without a policy of its own gets what moves it, over a bare floor."""

from __future__ import annotations

import pytest

from optimus_nodes.cli import up
from optimus_nodes.core.errors import ConfigError


def chosen(monkeypatch: pytest.MonkeyPatch, **options: object) -> dict[str, dict[str, object]]:
    """The nodes that would be started, with their parameters."""
    started: dict[str, dict[str, object]] = {}

    def run_graph(nodes, run_dir, domain, hang_after, spares) -> int:
        started.update({node.name: dict(node.parameters) for node in nodes})
        return 0

    monkeypatch.setattr(up, "run_graph", run_graph)
    values = {"robot": "sim", "driver": None, "teleop": False, "voice": False, "remote_stop": False, "viewer": False}
    values["gazebo"] = False
    values |= {"domain": None, "scene": None, "only": None, "setting": None, "graph": None}
    assert up.up(**{**values, **options}) == 0
    return started


@pytest.fixture(autouse=True)
def another_robot(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    known = up.load_robot
    monkeypatch.setattr(up, "load_robot", lambda name: known("optimus" if name == "talos" else name))
    monkeypatch.chdir(tmp_path)


def test_another_robot_is_simulated_over_a_bare_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    started = chosen(monkeypatch, robot="talos")
    assert started == {"joint_control": {"robot": "talos"}, "sim": {"robot": "talos", "scene": "none"}}


def test_its_driver_takes_the_place_of_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    started = chosen(monkeypatch, robot="talos", driver="mock", setting=["driver.options=[rate_hz=100]"])
    assert set(started) == {"joint_control", "driver"}
    assert started["driver"] == {"robot": "talos", "driver": "mock", "options": ["rate_hz=100"]}


def test_gazebo_takes_the_simulators_place(monkeypatch: pytest.MonkeyPatch) -> None:
    started = chosen(monkeypatch, gazebo=True, scene="bench")
    assert {"gazebo", "driver", "joint_control", "head_camera", "vla", "planner"} <= set(started)
    assert "sim" not in started
    assert started["gazebo"]["world"] == "bench" and started["driver"]["driver"] == "gazebo"
    own = chosen(monkeypatch, robot="talos", gazebo=True)
    assert set(own) == {"joint_control", "gazebo", "driver"}
    assert own["gazebo"] == {"robot": "talos", "world": "none"} and own["driver"]["robot"] == "talos"


def test_gazebo_is_no_real_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--gazebo is a simulation: leave out --driver and --robot real"):
        chosen(monkeypatch, gazebo=True, driver="mock")


def test_the_robot_of_this_repository_has_its_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"sim", "joint_control", "vla", "planner"} <= set(chosen(monkeypatch, robot="optimus"))
    assert {"driver", "joint_control", "vla", "planner"} <= set(chosen(monkeypatch, driver="mock"))


def test_a_robot_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--robot 'nobody': give sim, real, or a robot's name; there is no robot"):
        chosen(monkeypatch, robot="nobody")
