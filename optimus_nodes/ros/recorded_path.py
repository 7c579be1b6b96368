"""What an episode did, as a path for the joint controller, and where its scene began and ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from optimus_humanoid.msg import SceneState as SceneStateMsg
from rclpy.serialization import deserialize_message

from ..core.errors import ContractError
from ..core.robot import RobotSpec
from ..core.values import Array, SceneState
from ..dataset import mcap_reader
from ..dataset.files import DatasetError, read_sealed
from ..dataset.layout import Layout
from . import convert, raw

STEP = 0.02  # s between two rows of a replayed path
_RAMP_SPEED = 0.5  # rad/s on average, on the way to where the episode begins


@dataclass(frozen=True, eq=False)
class RecordedPath:
    """`positions` (T, J) rad every STEP s: what the driver applied. `begin`, `end`: the scene, None on a real robot."""

    instruction: str
    positions: Array
    seed: int | None
    begin: SceneState | None
    end: SceneState | None

    @property
    def duration(self) -> float:
        """s."""
        return len(self.positions) * STEP


def read_path(root: Path, episode: int, robot: RobotSpec) -> RecordedPath:
    """The path of an episode. Raises DatasetError when it can't be read, ContractError when it is another robot's."""
    layout = Layout(root)
    if not layout.document(episode).exists():
        known = sorted(path.name for path in (root / "episodes").glob("episode-*")) or ["none"]
        raise DatasetError(f"{root} has no episode {episode}; it has {known[0]} to {known[-1]}")
    document, theirs = read_sealed(layout.document(episode)), read_sealed(layout.robot)
    if theirs["robot"] != robot.name or tuple(theirs["joint_names"]) != robot.joint_names:
        raise ContractError(f"{root} was recorded with robot {theirs['robot']!r}; this one is {robot.name!r}")
    if theirs["urdf_sha256"] != robot.urdf_sha256:
        raise ContractError(f"{root} was recorded with another URDF of {robot.name}; limits and links may differ")
    path = layout.mcap(episode)

    names = mcap_reader.topics(path)
    applied, scenes = _ending(names, "applied_joint_commands"), _ending(names, "sim/scene")
    reader, times, rows, seen = raw.JointArrays(robot, applied), [], [], []
    for topic, data in mcap_reader.messages(path, [t for t in (applied, scenes) if t]):
        if topic == applied:
            stamp, position, _, _ = reader.read(data)
            times.append(stamp)
            rows.append(position)
        else:
            seen.append(convert.scene_state_from_msg(deserialize_message(data, SceneStateMsg)))
    if len(rows) < 2:
        raise DatasetError(f"{path} holds no applied_joint_commands; there is nothing to replay")
    return RecordedPath(
        instruction=document["instruction"],
        positions=_resampled(np.array(times), np.array(rows)),
        seed=document["scene_seed"],
        begin=seen[0] if seen else None,
        end=seen[-1] if seen else None,
    )


def ramp(start: Array, goal: Array) -> Array:
    """Rows (T, J) rad from `start` to `goal`, without a jerk at either end (fifth-order smooth step)."""
    steps = max(int(max(float(np.abs(goal - start).max()) / _RAMP_SPEED, 1.0) / STEP), 1)
    s = np.linspace(0.0, 1.0, steps)[:, None]
    return np.asarray(start + (goal - start) * (s**3 * (10.0 - 15.0 * s + 6.0 * s**2)))


def _ending(names: list[str], end: str) -> str:
    return next((name for name in names if name.endswith("/" + end)), "")


def _resampled(times: Array, rows: Array) -> Array:
    at = np.arange(times[0], times[-1], STEP)
    return np.stack([np.interp(at, times, rows[:, joint]) for joint in range(rows.shape[1])], axis=1)
