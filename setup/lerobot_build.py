"""An environment of its own for LeRobot, `.venv-lerobot`: it opens our data sets and trains on them, unchanged."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from libraries import forget_half_installed, make_venv, pip
from machine import FFMPEG, install_command
from problems import SetupProblem
from progress import CommandFailed, Progress
from stages import Environment, Stage

REQUIREMENTS = "requirements/lerobot.txt"
LAST = "lerobot=="  # installed without its dependencies

OPENS_VIDEOS = "from torchcodec.decoders import VideoDecoder"
STARTS = """
import importlib.metadata
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.policies.factory import make_policy
print("lerobot", importlib.metadata.version("lerobot"))
"""


@dataclass(frozen=True)
class LerobotEnvironment(Environment):
    """`.venv-lerobot` beside `.venv`; it never sees ROS, sourced or not."""

    ros: str = ""
    needed_gb: float = 12.0  # 6.7 stay; pip downloads before it unpacks, and keeps what it downloaded
    compiles: bool = False

    @property
    def folder(self) -> Path:
        return self.root / ".venv-lerobot"

    @property
    def description(self) -> str:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"Python {version}, LeRobot; downloads 3 GB, takes 6.7 GB of disk and about 3 minutes"


def lerobot_stages() -> list[Stage]:
    """The stages that build it. `Stage.after` makes a change of Python or of the requirements run all that follows."""
    files = (REQUIREMENTS,)
    return [
        Stage("venv", "virtual environment", make_venv),
        Stage("torch", "torch and torchcodec, about 5 GB", install_torch, files=files, after=("venv",)),
        Stage("libraries", "LeRobot's libraries, about 1 GB", install_libraries, files=files, after=("torch",)),
        Stage("lerobot", "LeRobot itself", install_lerobot, files=files, after=("libraries",)),
        Stage("start", "does it start", start_lerobot, after=("lerobot",)),
    ]


def requirements(root: Path) -> tuple[list[str], list[str], list[str]]:
    """What the requirements file names, as (torch and its companions, libraries, LeRobot itself)."""
    lines = [line.split("#")[0].strip() for line in (root / REQUIREMENTS).read_text().splitlines()]
    torch = [line for line in lines if line.startswith("torch")]
    last = [line for line in lines if line.startswith(LAST)]
    return torch, [line for line in lines if line and line not in torch + last], last


def install_torch(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Install torch, torchvision and torchcodec."""
    torch, _, _ = requirements(home.root)
    _install(home, progress, interrupted, torch)


def install_libraries(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Install what LeRobot imports when it opens a data set or trains. Torch stays as it is."""
    torch, libraries, _ = requirements(home.root)
    _install(home, progress, interrupted, [*torch, *libraries])


def install_lerobot(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Install LeRobot without its dependencies."""
    _, _, last = requirements(home.root)
    _install(home, progress, interrupted, ["--no-deps", *last])


def start_lerobot(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Import the video decoder, then LeRobot, and say its version. Raises SetupProblem when either does not start."""
    log = home.log("lerobot")
    try:
        progress.run([str(home.python), "-c", OPENS_VIDEOS], log, home.variables())
    except CommandFailed as error:
        raise SetupProblem(
            f"torchcodec cannot load FFmpeg's libraries (libavcodec and others; see {log})", install_command(FFMPEG)
        ) from error
    try:
        said = progress.run([str(home.python), "-c", STARTS], log, home.variables())
    except CommandFailed as error:
        reason = (error.output.strip().splitlines() or ["it said nothing"])[-1]
        raise SetupProblem(f"LeRobot was installed but does not start: {reason}", f"less {log}") from error
    progress.say(f"{said.strip().splitlines()[-1]} starts")


def _install(home: Environment, progress: Progress, interrupted: bool, words: list[str]) -> None:
    if interrupted:
        forget_half_installed(home.site_packages)
    pip(home, progress, ["install", "--no-input", "--only-binary", ":all:", *words], "lerobot")
