"""What is built here: the message types, the project itself, and one picture to see whether graphics work."""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from libraries import pip
from machine import GRAPHICS, install_command
from problems import SetupProblem
from progress import CommandFailed, Progress

if TYPE_CHECKING:
    from stages import Environment

# The wheels' CMake files name the folders of the machine that built them, one for each version of Python.
FOREIGN_INCLUDE = re.compile(r"/opt/python/cp3\d+-cp3\d+/include/python3\.\d+")
FOREIGN_SITE = re.compile(r"/opt/python/cp3\d+-cp3\d+/lib/python3\.\d+/site-packages")

RENDER = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><light pos="0 0 2"/><geom size="1"/></worldbody></mujoco>')
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 48, 64) as renderer:
    renderer.update_scene(data)
    assert renderer.render().max() > 0, "the picture is black"
"""


def build_messages(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Compile msg/, srv/ and action/ and install them, with the launch files' folders, into the environment.

    Where ROS is not installed, what else the nodes speak and no Python index has is compiled too.
    """
    if not home.ros:
        mend_cmake_files(home.folder, home.site_packages, python_include(home))
    _build(home, progress, interrupted, home.root, home.folder / "build")
    if not home.ros:
        for source in sorted(file.parent for file in (home.root / "setup").glob("*/package.xml")):
            _build(home, progress, interrupted, source, home.folder / f"build-{source.name}")


def _build(home: Environment, progress: Progress, interrupted: bool, source: Path, build: Path) -> None:
    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_INSTALL_PREFIX": str(home.folder),
        "Python3_EXECUTABLE": str(home.python),
        "Python3_FIND_VIRTUALENV": "ONLY",
        "BUILD_TESTING": "OFF",
        "OPTIMUS_LIVE": "ON",
    }
    if not home.ros:
        settings["CMAKE_PREFIX_PATH"] = str(home.folder)
    cmake = str(home.folder / "bin" / "cmake")
    ninja = f"-DCMAKE_MAKE_PROGRAM={home.folder / 'bin' / 'ninja'}"
    configure = [cmake, "-G", "Ninja", ninja, "-S", str(source), "-B", str(build)]
    configure += [f"-D{name}={value}" for name, value in settings.items()]
    if interrupted:
        configure.append("--fresh")
    log, variables = home.log("messages"), home.variables()
    try:
        progress.run(configure, log, variables)
        progress.run([cmake, "--build", str(build), "--parallel", str(os.cpu_count() or 1)], log, variables)
        progress.run([cmake, "--install", str(build)], log, variables)
    except CommandFailed as error:
        raise SetupProblem(f"the messages do not compile: {first_error(error.output)}", f"less {error.log}") from error


def first_error(output: str) -> str:
    """The first error in what CMake or a compiler printed, with the two lines after it, as one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    start = next((number for number, line in enumerate(lines) if "error" in line.lower()), len(lines) - 1)
    return " ".join(lines[max(start, 0) : start + 3]) or "no reason was given"


def python_include(home: Environment) -> str:
    """Folder of Python.h for the environment's Python; it is the base Python's."""
    version = home.site_packages.parent.name
    include = sysconfig.get_path("include")
    return include if Path(include).name == version else f"/usr/include/{version}"


def mend_cmake_files(prefix: Path, site_packages: Path, include: str) -> int:
    """Point the wheels' CMake files below `prefix`/share to this environment; returns how many were changed."""
    changed = 0
    for file in prefix.glob("share/**/*.cmake"):
        text = file.read_text()
        mended = FOREIGN_SITE.sub(str(site_packages), FOREIGN_INCLUDE.sub(include, text))
        if mended != text:
            file.write_text(mended)
            changed += 1
    return changed


def install_project(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Make optimus_nodes importable from where it lies, and its commands callable."""
    words = ["install", "--no-build-isolation", "--no-deps", "--no-input", "--editable", str(home.root)]
    pip(home, progress, words, "project")


def render_a_frame(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Draw one picture without a display. Raises SetupProblem when it cannot be done."""
    variables = dict(home.variables(), MUJOCO_GL="egl")
    try:
        progress.run([str(home.python), "-c", RENDER], home.log("graphics"), variables)
    except CommandFailed as error:
        raise SetupProblem(
            f"no picture can be drawn without a display: EGL does not work (see {error.log})", install_command(GRAPHICS)
        ) from error
