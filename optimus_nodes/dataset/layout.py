"""Where things lie in a data set. LeRobotDataset v3.0, one file of each kind per episode, and what we add beside it.

meta/info.json, stats.json, tasks.parquet, episodes/chunk-000/file-000.parquet     LeRobot's
data/chunk-000/file-000.parquet, videos/<key>/chunk-000/file-000.mp4               LeRobot's
meta/robot.json         which robot, joint order, pads, cameras
meta/checksums.json     of the three files in meta/ that change with every episode
episodes/episode-000000/{episode.json, episode.mcap, sync.npz, sync.png}   outcome, checksums; every stream
recording/<name>/       the running episode: append-only files, repaired at the next start when it was cut short
set_aside/<name>/       what was cancelled or left over, with reason.txt; nothing is ever deleted
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PER_CHUNK = 1000
IMAGES = "observation.images."


def _place(number: int) -> str:
    return f"chunk-{number // PER_CHUNK:03d}/file-{number % PER_CHUNK:03d}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below `root`."""

    root: Path

    @property
    def info(self) -> Path:
        return self.root / "meta" / "info.json"

    @property
    def stats(self) -> Path:
        return self.root / "meta" / "stats.json"

    @property
    def tasks(self) -> Path:
        return self.root / "meta" / "tasks.parquet"

    @property
    def robot(self) -> Path:
        return self.root / "meta" / "robot.json"

    @property
    def checksums(self) -> Path:
        return self.root / "meta" / "checksums.json"

    @property
    def recording(self) -> Path:
        return self.root / "recording"

    @property
    def set_aside(self) -> Path:
        return self.root / "set_aside"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    def meta(self, episode: int) -> Path:
        return self.root / "meta" / "episodes" / f"{_place(episode)}.parquet"

    def data(self, episode: int) -> Path:
        return self.root / "data" / f"{_place(episode)}.parquet"

    def video(self, camera: str, episode: int) -> Path:
        return self.root / "videos" / f"{IMAGES}{camera}" / f"{_place(episode)}.mp4"

    def episode(self, episode: int) -> Path:
        return self.root / "episodes" / f"episode-{episode:06d}"

    def document(self, episode: int) -> Path:
        return self.episode(episode) / "episode.json"

    def mcap(self, episode: int) -> Path:
        return self.episode(episode) / "episode.mcap"

    def relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()
