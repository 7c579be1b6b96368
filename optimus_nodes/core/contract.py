"""What a policy or a data set was made for, and whether that is what stands before it.

Wrong joint order, other units of time or an edited URDF make a policy fail without a word; here
every difference is found before the first command and named on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ContractError
from .robot import RobotSpec

_KEYS = (
    "robot",
    "urdf_sha256",
    "joint_names",
    "tactile_pads",
    "cameras",
    "step_dt",
    "horizon",
    "history_dt",
)


@dataclass(frozen=True, slots=True)
class PolicyContract:
    """Robot, joints and pads in order, pictures the network takes, and times.

    `cameras`: (name, height, width) of the network's pictures, pixels. `step_dt`: s between two
    steps of a chunk of `horizon` steps. `history_dt`: how long ago the earlier joint positions were, s.
    """

    robot: str
    urdf_sha256: str
    joint_names: tuple[str, ...]
    tactile_pads: tuple[str, ...]
    cameras: tuple[tuple[str, int, int], ...]
    step_dt: float
    horizon: int
    history_dt: float

    def to_mapping(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for YAML or JSON."""
        return {
            "robot": self.robot,
            "urdf_sha256": self.urdf_sha256,
            "joint_names": list(self.joint_names),
            "tactile_pads": list(self.tactile_pads),
            "cameras": {name: [height, width] for name, height, width in self.cameras},
            "step_dt": self.step_dt,
            "horizon": self.horizon,
            "history_dt": self.history_dt,
        }


def contract_from_mapping(raw: Mapping[str, Any], where: str) -> PolicyContract:
    """The contract written in `raw`, read from the file `where`. Raises ContractError naming the bad entry."""
    for key in _KEYS:
        if key not in raw:
            raise ContractError(f"{where} has no entry {key!r}; it must have {', '.join(_KEYS)}")
    try:
        cameras = tuple((str(name), int(size[0]), int(size[1])) for name, size in raw["cameras"].items())
        return PolicyContract(
            robot=str(raw["robot"]),
            urdf_sha256=str(raw["urdf_sha256"]),
            joint_names=tuple(str(n) for n in raw["joint_names"]),
            tactile_pads=tuple(str(n) for n in raw["tactile_pads"]),
            cameras=cameras,
            step_dt=float(raw["step_dt"]),
            horizon=int(raw["horizon"]),
            history_dt=float(raw["history_dt"]),
        )
    except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise ContractError(f"{where} cannot be read as a contract: {error}") from error


def contract_differences(ours: PolicyContract, theirs: PolicyContract, our_name: str, their_name: str) -> list[str]:
    """One line for each thing in which two contracts differ, naming both sides. Empty: they fit."""
    found = _identity(ours, theirs.robot, theirs.urdf_sha256, our_name, their_name)
    found += _order("joint", ours.joint_names, theirs.joint_names, our_name, their_name)
    found += _order("tactile pad", ours.tactile_pads, theirs.tactile_pads, our_name, their_name)
    if ours.cameras != theirs.cameras:
        found.append(
            f"cameras: {our_name} has {_pictures(ours.cameras)}, {their_name} has {_pictures(theirs.cameras)} "
            "(name height x width, in order)"
        )
    for key in ("step_dt", "horizon", "history_dt"):
        mine, other = getattr(ours, key), getattr(theirs, key)
        if mine != other:
            found.append(f"{key}: {our_name} has {mine}, {their_name} has {other}")
    return found


def robot_differences(contract: PolicyContract, robot: RobotSpec, our_name: str) -> list[str]:
    """One line for each reason why `contract` (from `our_name`) does not fit `robot`. Empty: it fits."""
    side = f"robot {robot.name} (config/robots/{robot.name}.yaml)"
    found = _identity(contract, robot.name, robot.urdf_sha256, our_name, side)
    found += _order("joint", contract.joint_names, robot.joint_names, our_name, side)
    found += _order("tactile pad", contract.tactile_pads, robot.tactile_pads, our_name, side)
    cameras = {camera.name: camera for camera in robot.cameras}
    for name, height, width in contract.cameras:
        camera = cameras.get(name)
        if camera is None:
            found.append(f"camera {name!r}: {our_name} needs it, {side} has {sorted(cameras)}")
        elif camera.width * height != camera.height * width:
            found.append(
                f"camera {name!r}: {our_name} takes {width}x{height} pictures, {side} gives "
                f"{camera.width}x{camera.height}, which is another shape"
            )
    return found


def require_fit(differences: Sequence[str], what: str) -> None:
    """Raise ContractError with all `differences`, if any."""
    if differences:
        lines = "\n  ".join(differences)
        raise ContractError(f"{what}:\n  {lines}")


def _identity(ours: PolicyContract, robot: str, sha256: str, our_name: str, their_name: str) -> list[str]:
    found = []
    if ours.robot != robot:
        found.append(f"robot: {our_name} is for {ours.robot!r}, {their_name} is {robot!r}")
    if ours.urdf_sha256 != sha256:
        found.append(
            f"urdf_sha256: {our_name} was made with {ours.urdf_sha256[:12]}, {their_name} has {sha256[:12]}; "
            "the URDF was changed since: collect and train again, or go back to the old URDF"
        )
    return found


def _order(what: str, ours: Sequence[str], theirs: Sequence[str], our_name: str, their_name: str) -> list[str]:
    if tuple(ours) == tuple(theirs):
        return []
    found = []
    missing = [n for n in ours if n not in theirs]
    extra = [n for n in theirs if n not in ours]
    if missing:
        found.append(f"{what}s {missing[:4]} are in {our_name} but not in {their_name}")
    if extra:
        found.append(f"{what}s {extra[:4]} are in {their_name} but not in {our_name}")
    if not found:
        i = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        mine = ours[i] if i < len(ours) else "nothing"
        other = theirs[i] if i < len(theirs) else "nothing"
        found.append(f"{what} order: number {i} is {mine!r} in {our_name} but {other!r} in {their_name}")
    return found


def _pictures(cameras: Sequence[tuple[str, int, int]]) -> str:
    return ", ".join(f"{name} {height}x{width}" for name, height, width in cameras)
