"""The scene as Gazebo gets it, and the truth about it as it comes back."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from optimus_nodes.core.gazebo_names import FLAVOURS
from optimus_nodes.core.scene import scene_named
from optimus_nodes.robot.load import load_robot
from optimus_nodes.sim.gazebo_scene import scene_models
from optimus_nodes.sim.gazebo_twin import GazeboTwin
from optimus_nodes.sim.gazebo_world import world_sdf

ROBOT, URDF = load_robot("optimus")
SEED = 3


@pytest.fixture(scope="module")
def twin() -> GazeboTwin:
    return GazeboTwin(ROBOT, URDF, scene=scene_named("bench"), seed=SEED)


@pytest.fixture(scope="module")
def models(twin: GazeboTwin) -> dict[str, ElementTree.Element]:
    return {placed.name: ElementTree.fromstring(placed.sdf).find("model") for placed in scene_models(twin)}


def test_everything_of_the_scene_is_there_and_the_robot_is_not(
    twin: GazeboTwin, models: dict[str, ElementTree.Element]
) -> None:
    names = {thing.name for thing in twin.scene_state().objects if thing.kind not in ("bin", "station")}
    assert names - {"drawer"} <= set(models)
    assert {"bench", "drawer_case"} <= set(models)
    assert "base_link" not in models


def test_a_box_has_its_place_size_and_mass(twin: GazeboTwin, models: dict[str, ElementTree.Element]) -> None:
    box = twin.scene_state().find("box_red")
    link = models["box_red"].find("link")
    assert np.array(link.findtext("pose").split()[:3], float) == pytest.approx(box.position)
    assert np.array(link.findtext("collision/geometry/box/size").split(), float) == pytest.approx(box.size)
    assert float(link.findtext("inertial/mass")) == pytest.approx(twin.model.body("box_red").mass[0])
    assert models["box_red"].findtext("static") is None and models["bench"].findtext("static") == "true"


def test_the_drawer_slides_from_where_it_stands(twin: GazeboTwin, models: dict[str, ElementTree.Element]) -> None:
    joint = next(j for j in models["drawer_case"].findall("joint") if j.get("type") == "prismatic")
    lower, upper = (float(joint.findtext(f"axis/limit/{end}")) for end in ("lower", "upper"))
    opened = twin.scene_state().find("drawer").state
    assert upper - lower == pytest.approx(scene_named("bench").bench.drawer_travel)
    assert -lower == pytest.approx(opened, abs=1e-6)


def test_the_truth_comes_back_from_poses(twin: GazeboTwin) -> None:
    """Moved in Gazebo, moved in what is told: a box in the bin, the drawer out by 5 cm."""
    bin_ = scene_named("bench").bins[0]
    at = np.array([*bin_.centre, scene_named("bench").bench_top + 0.04])
    case = twin.data.xpos[twin.model.body("drawer_case").id].copy()
    poses = {
        "box_red": (at, np.array([1.0, 0.0, 0.0, 0.0])),
        "drawer": (case + np.array([-0.05, 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0])),
    }
    truth = twin.show(7.5, ROBOT.home, poses)
    assert truth.stamp == 7.5
    assert truth.find("box_red").place == bin_.name
    assert truth.find("drawer").state == pytest.approx(0.05)


@pytest.mark.parametrize("name", list(FLAVOURS))
def test_the_world_names_the_robots_file_and_the_systems_of_its_flavour(name: str) -> None:
    flavour = FLAVOURS[name]
    world = ElementTree.fromstring(world_sdf(Path("/tmp/robot.urdf"), "optimus", -0.9, flavour)).find("world")
    assert world.findtext("include/uri") == "file:///tmp/robot.urdf"
    assert all(p.get("filename").startswith(flavour.library) for p in world.findall("plugin"))
    assert world.findtext("plugin/render_engine") == "ogre2"
    bare = ElementTree.fromstring(world_sdf(Path("/tmp/robot.urdf"), "optimus", -0.9, flavour, cameras=False))
    assert len(bare.findall("world/plugin")) == len(world.findall("plugin")) - 1
