"""What the machine itself must have before anything is downloaded."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from problems import SetupProblem

if TYPE_CHECKING:
    from stages import Environment

FFMPEG_VERSIONS = range(58, 64)  # of libavcodec: FFmpeg 4 to 9, which torchcodec is built for


@dataclass(frozen=True)
class Part:
    """Something the system's package manager installs: its name for people and its packages per manager."""

    name: str
    apt: str
    dnf: str
    pacman: str
    zypper: str


VENV = Part("Python's venv module", "python3-venv", "python3", "python", "python3")
COMPILER = Part("a C++ compiler", "build-essential", "gcc-c++", "base-devel", "gcc-c++")
HEADERS = Part("Python's header files", "python3-dev", "python3-devel", "python", "python3-devel")
GRAPHICS = Part(
    "the graphics library EGL",
    "libegl1 libopengl0 libgl1-mesa-dri",
    "mesa-libEGL libglvnd-opengl mesa-dri-drivers",
    "mesa libglvnd",
    "Mesa-libEGL1 libOpenGL0 Mesa-dri",
)
FFMPEG = Part("FFmpeg's libraries (libavcodec and others)", "ffmpeg", "ffmpeg-free", "ffmpeg", "ffmpeg")
MANAGERS = {
    "apt": ("apt-get", "sudo apt-get update && sudo apt-get install -y {}"),
    "dnf": ("dnf", "sudo dnf install -y {}"),
    "pacman": ("pacman", "sudo pacman -S --noconfirm {}"),
    "zypper": ("zypper", "sudo zypper install -y {}"),
}


def check_machine(home: Environment, job: str) -> None:
    """Raise SetupProblem, naming all that is missing at once, when the set-up could not come to its end."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise SetupProblem(
            f"this is {platform.system()} on {platform.machine()}, and the ROS 2 wheels are for Linux on x86_64",
            f"docker run --platform linux/amd64 -it -v .:/work -w /work ros:jazzy make {job}",
        )
    if platform.libc_ver()[0] != "glibc":
        raise SetupProblem(
            "this Linux has no glibc, and the ROS 2 wheels need it",
            f"docker run -it -v .:/work -w /work ros:jazzy make {job}",
        )
    lacking = missing_parts(os.environ.get("PATH", os.defpath)) if home.compiles else missing_for_lerobot()
    if lacking:
        names = ", ".join(part.name for part in lacking)
        raise SetupProblem(f"this machine lacks {names}", install_command(*lacking))
    free = shutil.disk_usage(home.root).free / 1e9
    if free < home.needed_gb and not home.python.exists():
        raise SetupProblem(
            f"{home.root} has {free:.1f} GB free, and the environment needs up to {home.needed_gb} GB",
            "df -h .   (then make room, or clone to another disk)",
        )


def missing_parts(path: str) -> list[Part]:
    """What has to be installed with the system's package manager first; programs are looked for on `path`."""
    lacking = []
    if not _can_make_venv():
        lacking.append(VENV)
    if not _program(path, "CXX", "c++", "g++", "clang++") or not _program(path, "CC", "cc", "gcc", "clang"):
        lacking.append(COMPILER)
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        lacking.append(HEADERS)
    if not _loads("libEGL.so.1") or not (_loads("libOpenGL.so.0") or _loads("libGL.so.1")):
        lacking.append(GRAPHICS)
    return lacking


def missing_for_lerobot() -> list[Part]:
    """The same for the environment with LeRobot, which compiles and draws nothing but opens videos."""
    lacking = [] if _can_make_venv() else [VENV]
    if not any(_loads(f"libavcodec.so.{version}") for version in FFMPEG_VERSIONS):
        lacking.append(FFMPEG)
    return lacking


def install_command(*parts: Part) -> str:
    """The command that installs `parts` with this machine's package manager."""
    for name, (program, command) in MANAGERS.items():
        if shutil.which(program):
            return command.format(" ".join(getattr(part, name) for part in parts))
    return "your package manager: " + " ".join(part.apt for part in parts) + " (Debian's names)"


def _can_make_venv() -> bool:
    return importlib.util.find_spec("venv") is not None and importlib.util.find_spec("ensurepip") is not None


def _program(path: str, variable: str, *names: str) -> bool:
    named = os.environ.get(variable)
    return any(shutil.which(name, path=path) for name in ([named.split()[0]] if named else names))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
