"""A policy meets a robot only when everything that matters is equal; each difference is named on both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import fake_robot

from optimus_nodes.core.contract import (
    PolicyContract,
    contract_differences,
    contract_from_mapping,
    require_fit,
    robot_differences,
)
from optimus_nodes.core.errors import ContractError
from optimus_nodes.core.robot import CameraSpec

pytestmark = pytest.mark.promise("P13")

HEAD = CameraSpec("head", "head_optical_frame", 640, 480, 20.0, 60.0)
ROBOT = replace(
    fake_robot(2),
    name="twin",
    joint_names=("a", "b"),
    cameras=(HEAD,),
    tactile_pads=("tip",),
    urdf_sha256="a" * 64,
)
FITS = PolicyContract("twin", "a" * 64, ("a", "b"), ("tip",), (("head", 96, 128),), 0.05, 16, 0.1)


def test_a_contract_made_for_the_robot_fits() -> None:
    assert robot_differences(FITS, ROBOT, "bundle") == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"robot": "other"}, "robot: bundle is for 'other', robot twin (config/robots/twin.yaml) is 'twin'"),
        ({"urdf_sha256": "b" * 64}, "urdf_sha256: bundle was made with bbbbbbbbbbbb, robot twin"),
        ({"joint_names": ("b", "a")}, "joint order: number 0 is 'b' in bundle but 'a' in robot twin"),
        ({"joint_names": ("a", "c")}, "joints ['c'] are in bundle but not in robot twin"),
        ({"joint_names": ("a",)}, "joints ['b'] are in robot twin (config/robots/twin.yaml) but not in bundle"),
        ({"tactile_pads": ("palm",)}, "tactile pads ['palm'] are in bundle but not in robot twin"),
        ({"cameras": (("wrist", 60, 80),)}, "camera 'wrist': bundle needs it, robot twin"),
        ({"cameras": (("head", 96, 96),)}, "camera 'head': bundle takes 96x96 pictures, robot twin"),
    ],
)
def test_every_difference_from_the_robot_is_named_on_both_sides(change: dict[str, object], text: str) -> None:
    found = robot_differences(replace(FITS, **change), ROBOT, "bundle")  # type: ignore[arg-type]
    assert any(line.startswith(text) for line in found), found


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"step_dt": 0.1}, "step_dt: old has 0.05, new has 0.1"),
        ({"horizon": 8}, "horizon: old has 16, new has 8"),
        ({"history_dt": 0.2}, "history_dt: old has 0.1, new has 0.2"),
        ({"cameras": (("head", 48, 64),)}, "cameras: old has head 96x128, new has head 48x64"),
    ],
)
def test_every_difference_between_two_data_sets_is_named(change: dict[str, object], text: str) -> None:
    found = contract_differences(FITS, replace(FITS, **change), "old", "new")  # type: ignore[arg-type]
    assert len(found) == 1 and found[0].startswith(text)


def test_all_differences_are_told_at_once() -> None:
    with pytest.raises(ContractError, match=r"policy x does not fit:\n  one\n  two"):
        require_fit(["one", "two"], "policy x does not fit")
    require_fit([], "never raised")


def test_a_contract_survives_being_written_and_read() -> None:
    assert contract_from_mapping(FITS.to_mapping(), "policy.yaml") == FITS


def test_a_missing_or_bad_entry_is_named_with_its_file() -> None:
    raw = FITS.to_mapping()
    with pytest.raises(ContractError, match="meta.json has no entry 'joint_names'"):
        contract_from_mapping({k: v for k, v in raw.items() if k != "joint_names"}, "meta.json")
    with pytest.raises(ContractError, match="meta.json cannot be read as a contract"):
        contract_from_mapping({**raw, "horizon": "many"}, "meta.json")
