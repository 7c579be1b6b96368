"""Opens whatever policy is named: a bundle, another machine that serves one, or a folder of LeRobot's.

Each kind is imported when it is named: none needs the libraries of the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..core.contract import PolicyContract
from ..core.robot import RobotSpec
from ..core.values import Observation, PolicyOutput
from .vla_params import VlaParams


class OpenPolicy(Protocol):
    """A `core.values.Policy` that says what it was made for."""

    policy_id: str
    step_dt: float

    @property
    def contract(self) -> PolicyContract: ...

    def reset(self) -> None: ...

    def infer(self, observation: Observation) -> PolicyOutput: ...


def open_policy(folder: Path | str, robot: RobotSpec, params: VlaParams) -> OpenPolicy:
    """The policy of `params`, from `folder` where it runs here. Raises ContractError with all that does not fit."""
    if params.remote:
        from .remote import RemotePolicy

        return RemotePolicy(params.remote, robot, jpeg=params.jpeg)
    if (Path(folder) / "config.json").is_file():
        from .lerobot_policy import load_lerobot

        return load_lerobot(folder, robot, params.threads)
    from .runtime import load_policy

    return load_policy(folder, robot, params.threads, params.engine)
