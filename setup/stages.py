"""The environment and the stages that build it, in order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import builds
import libraries
import torch_build
from progress import Progress

ROS_VARIABLES = ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "PYTHONPATH", "PYTHONHOME")


@dataclass(frozen=True)
class Environment:
    """The project's folder `root` and the environment `.venv` in it.

    With ROS 2 sourced (`ros` is its release) the environment holds no ROS wheels and sees the system's Python.
    """

    root: Path
    ros: str = os.environ.get("ROS_DISTRO", "")
    needed_gb: float = 5.0  # free disk to begin with; uv keeps what it unpacked, in ~/.cache
    compiles: bool = True  # so that it needs a compiler and graphics

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where the environment's libraries lie, whatever Python made it."""
        return next(iter(self.folder.glob("lib/python3.*/site-packages")), self.folder / "lib")

    @property
    def description(self) -> str:
        kind = f"ROS 2 {self.ros} as sourced" if self.ros else "ROS 2 Jazzy as wheels"
        return f"Python {sys.version_info.major}.{sys.version_info.minor}, {kind}"

    def log(self, name: str) -> Path:
        """File that keeps what the commands of stage `name` print."""
        return self.root / ".setup" / f"{name}.log"

    def variables(self) -> dict[str, str]:
        """Environment variables for everything that runs in the environment."""
        values = dict(os.environ, VIRTUAL_ENV=str(self.folder), PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1")
        if not self.ros:
            for name in ROS_VARIABLES:
                values.pop(name, None)
        else:
            values["LD_LIBRARY_PATH"] = _front(self.folder / "lib", values.get("LD_LIBRARY_PATH", ""))
        values["PATH"] = _front(self.folder / "bin", values.get("PATH", os.defpath))
        values["AMENT_PREFIX_PATH"] = _front(self.folder, values.get("AMENT_PREFIX_PATH", ""))
        return values


@dataclass(frozen=True)
class Stage:
    """A step of the set-up: its stamp's `name`, what it says, what it reads and what it builds on.

    `run(environment, progress, interrupted)`; `interrupted` says that an earlier run was cut short.
    """

    name: str
    title: str
    run: Callable[[Environment, Progress, bool], None]
    files: tuple[str, ...] = ()  # patterns below the root
    after: tuple[str, ...] = ()  # stages
    facts: tuple[str, ...] = ()  # other inputs

    def inputs(self, root: Path) -> list[Path]:
        """The files that make the stage out of date when they change."""
        return sorted(path for pattern in self.files for path in root.glob(pattern) if path.is_file())


def stages_for(home: Environment, *extras: str) -> list[Stage]:
    """The stages a job needs, with any of the extras "tools" (tests and lint), "models", "voice" and "training"."""
    locks = ("sourced",) if home.ros else ("base", "ros")
    interfaces = ("package.xml", "CMakeLists.txt", "msg/*.msg", "srv/*.srv", "action/*.action")
    interfaces += (*(f"setup/controller_manager_msgs/{name}" for name in interfaces), "setup/builds.py")
    nodes = _names(home.root / "optimus_nodes", "*_node.py")
    stages = [
        Stage("venv", "virtual environment", libraries.make_venv, facts=(home.ros,)),
        Stage(
            "libraries",
            "libraries, about 400 MB",
            lambda *given: libraries.install(*given, locks=locks),
            files=tuple(f"requirements/{lock}.lock" for lock in locks),
            after=("venv",),
        ),
        Stage(
            "messages",
            "message types",
            builds.build_messages,
            files=interfaces,
            after=("libraries",),
            facts=(nodes, _names(home.root / "launch", "*.launch.py"), home.ros),
        ),
        Stage(
            "project",
            "the project itself",
            builds.install_project,
            files=("setup.py", "setup.cfg"),
            after=("libraries",),
            facts=(nodes,),
        ),
        Stage("graphics", "off-screen graphics", builds.render_a_frame, after=("libraries",)),
    ]
    if "tools" in extras:
        stages.append(_locked("tools", "test tools", ("test",)))
    if "models" in extras:  # a small model too: the only one that lies on the index, and enough to try the wiring
        stages.append(_locked("models", "language models", ("llm", "smollm")))
    if "voice" in extras:
        stages.append(_locked("voice", "speech", ("voice",)))
    if "training" in extras:
        stages.append(_locked("training", "training libraries", ("train",)))
        torch = ("requirements/torch.txt", "setup/torch_build.py")
        stages.append(Stage("torch", "torch, CPU build", torch_build.install_torch, files=torch, after=("training",)))
    return stages


def _names(folder: Path, pattern: str) -> str:
    """The names of files that are installed by name: a new one makes the stage out of date, an edit does not."""
    return ",".join(sorted(file.name for file in folder.glob(pattern)))


def _locked(name: str, title: str, locks: tuple[str, ...]) -> Stage:
    return Stage(
        name,
        title,
        lambda *given: libraries.install(*given, locks=locks),
        files=tuple(f"requirements/{lock}.lock" for lock in locks),
        after=("libraries",),
    )


def _front(folder: Path, paths: str) -> str:
    others = [path for path in paths.split(os.pathsep) if path and path != str(folder)]
    return os.pathsep.join([str(folder), *others])
