"""The virtual environment and the libraries in it, from lock files with hashes."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fast_pip import install_locked
from problems import SetupProblem
from progress import CommandFailed, Progress

if TYPE_CHECKING:
    from stages import Environment

NO_NETWORK = (
    "NameResolutionError",
    "NewConnectionError",
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "Name or service not known",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Read timed out",
    "ProxyError",
    "Network is unreachable",
    "Connection refused",
)

# A lock is complete, so dependencies need not be looked up again. What comes as source is built with the locked
# setuptools: pip would otherwise fetch the newest one, whose hash nobody checked.
SOURCE_ONLY = "empy"
LOCKED = ("--require-hashes", "--no-deps", "--no-build-isolation", "--only-binary", ":all:", "--no-binary", SOURCE_ONLY)
PIP_OPTIONS = (*LOCKED, "--no-input", "--no-compile")


def make_venv(home: Environment, progress: Progress, interrupted: bool) -> None:
    """Make the environment's folder, or keep one that works and has the same Python."""
    if not interrupted and _works(home):
        return
    command = [sys.executable, "-m", "venv", "--clear", *(["--system-site-packages"] if home.ros else [])]
    try:
        progress.run([*command, str(home.folder)], home.log("venv"), home.variables())
    except CommandFailed as error:
        raise SetupProblem(
            f"the virtual environment could not be made (see {error.log})",
            "sudo apt-get install -y python3-venv",
        ) from error


def install(home: Environment, progress: Progress, interrupted: bool, *, locks: tuple[str, ...]) -> None:
    """Install what the lock files name; nothing without a known hash gets in. Raises SetupProblem.

    uv does it, which the environment gets first; where uv can't, pip does, and says why when it can't either.
    """
    if interrupted:
        forget_half_installed(home.site_packages)
    for lock in ("installer", *locks):  # there is no uv yet the first time: pip brings it
        file = home.root / "requirements" / f"{lock}.lock"
        try:
            install_locked(home, progress, LOCKED, file)
        except (CommandFailed, OSError):
            pip(home, progress, ["install", *PIP_OPTIONS, "-r", str(file)], "libraries")


def pip(home: Environment, progress: Progress, words: list[str], log: str) -> str:
    """Run pip of the environment and return what it printed. Raises SetupProblem when it fails."""
    try:
        return progress.run([str(home.python), "-m", "pip", *words], home.log(log), home.variables())
    except CommandFailed as error:
        raise explain(error) from error


def explain(error: CommandFailed) -> SetupProblem:
    """What a failed pip means, and what mends it."""
    text = error.output
    if "No space left on device" in text:
        return SetupProblem(
            "the disk is full", "df -h .   (make room), then the same command again: it goes on from here"
        )
    if "DO NOT MATCH THE HASHES" in text:
        return SetupProblem(
            f"a downloaded library is not the one in the lock file (see {error.log})",
            "pip cache purge, then the same command again",
        )
    if any(sign in text for sign in NO_NETWORK):
        return SetupProblem(
            f"the Python package index cannot be reached (see {error.log})",
            "python3 -m pip download --no-deps -d /tmp pip   (until it works: network, proxy or PIP_INDEX_URL), "
            "then the same command again: it goes on from here",
        )
    lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()[-1:]
    reason = lines[0].removeprefix("ERROR: ") if lines else "it said nothing"
    return SetupProblem(f"pip could not install the libraries: {reason}", f"less {error.log}")


def forget_half_installed(site_packages: Path) -> list[str]:
    """Remove the records of libraries whose files are not all there, so that pip installs them again."""
    broken = []
    for record in site_packages.glob("*.dist-info"):
        if not _complete(record):
            shutil.rmtree(record)
            broken.append(record.name)
    return sorted(broken)


def _complete(record: Path) -> bool:
    """Whether the list of files is there and so is every file on it (byte code may come and go)."""
    try:
        with (record / "RECORD").open(newline="") as file:
            names = [row[0] for row in csv.reader(file) if row]
    except FileNotFoundError:
        return False
    return all((record.parent / name).exists() for name in names if not name.endswith(".pyc"))


def _works(home: Environment) -> bool:
    """Whether there is an environment of this Python with a pip that runs."""
    code = "import sys, pip; print('%d.%d' % sys.version_info[:2], sys.prefix)"
    try:
        answer = subprocess.run([str(home.python), "-c", code], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    sees_system = "include-system-site-packages = true" in (home.folder / "pyvenv.cfg").read_text()
    here = f"{sys.version_info.major}.{sys.version_info.minor} {home.folder}"
    return answer.stdout.strip() == here and sees_system == bool(home.ros)
