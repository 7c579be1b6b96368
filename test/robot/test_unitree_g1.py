"""Unitree's G1, whose model an installed package carries: it is whole, and its expert presses the button."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest

from optimus_nodes.core.scene import SCENES
from optimus_nodes.drivers.unitree_g1_driver import BODY, HANDS
from optimus_nodes.learning.evaluate import run_trial
from optimus_nodes.learning.evaluate_controls import ExpertPolicy
from optimus_nodes.learning.rollout import LockStep
from optimus_nodes.robot.load import load_robot

try:
    metadata.version("example-robot-data")
except metadata.PackageNotFoundError:
    pytest.skip("example-robot-data is not installed: it carries the model", allow_module_level=True)

ROBOT, URDF = load_robot("unitree_g1")


def test_it_has_the_joints_that_its_driver_speaks_of() -> None:
    assert set(ROBOT.joint_names) == {*BODY, *HANDS["left"], *HANDS["right"]}
    assert ((ROBOT.lower <= ROBOT.home) & (ROBOT.home <= ROBOT.upper)).all()


def test_its_two_sides_mirror_each_other() -> None:
    left, right = (ROBOT.group(f"{side}_{part}") for side in ("left", "right") for part in ("arm",))
    assert np.abs(ROBOT.home[left]) == pytest.approx(np.abs(ROBOT.home[right]))
    assert ROBOT.kp[left] == pytest.approx(ROBOT.kp[right])


def test_the_bench_stands_nearer_to_it_and_higher() -> None:
    loop = LockStep(ROBOT, URDF, scene=SCENES["bench"])
    scene, usual = loop.world.scene, SCENES["bench"]
    assert scene.bench_top == pytest.approx(usual.bench_top + ROBOT.bench[1])
    assert scene.bench.button.centre[0] == pytest.approx(usual.bench.button.centre[0] - ROBOT.bench[0])
    assert loop.world.scene_state().find("button").position[2] > scene.bench_top


def test_its_expert_presses_the_button() -> None:
    from optimus_nodes.core.suites import trials

    trial = next(t for t in trials("bench", 1, 5000, tasks=ROBOT.tasks) if t.name == "press_button")
    loop = LockStep(ROBOT, URDF, scene=trial.config)
    expert = ExpertPolicy(ROBOT, URDF)
    result = run_trial(loop, expert, trial, expert)
    assert result.done, result.reason
