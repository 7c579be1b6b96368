"""Drivers are found by name, ours and anyone's."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass

import pytest
from fakes import fake_robot

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.drivers.known import DRIVERS, make_driver

ROBOT = fake_robot(2)


@dataclass(frozen=True)
class Options:
    port: str = "can0"


class Mine:
    def __init__(self, robot: RobotSpec, options: Options) -> None:
        self.robot, self.options = robot, options


class Careless:
    def __init__(self, robot, settings) -> None:
        pass


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_robot")
    module.Mine, module.Careless = Mine, Careless
    monkeypatch.setitem(sys.modules, "my_robot", module)


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_of_ours_can_be_made(name: str) -> None:
    if name == "unitree_g1":
        pytest.importorskip("cyclonedds", reason="cyclonedds has no wheel for this processor")
    assert make_driver(name, [], ROBOT)


def test_a_driver_of_another_package_is_made_with_its_options() -> None:
    driver = make_driver("my_robot:Mine", ["port=can3"], ROBOT)
    assert driver.robot is ROBOT and driver.options == Options("can3")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("moc", "there is no driver 'moc'; give one of mock.*, or yours as package.module:Class"),
        ("nowhere.at_all:Driver", "driver nowhere.at_all:Driver cannot be loaded: No module named 'nowhere'"),
        ("my_robot:Theirs", "driver my_robot:Theirs cannot be loaded: .*Theirs"),
        ("my_robot:Careless", "driver my_robot:Careless must take .robot, options., with a dataclass"),
    ],
)
def test_what_cannot_be_made_is_named(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_driver(name, [], ROBOT)
