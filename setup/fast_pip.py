"""What pip would install from lock files, installed by uv in a quarter of the time."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from progress import Progress

if TYPE_CHECKING:
    from stages import Environment

SECTIONS = ("global", "install", ":env:")  # of pip's settings, the strongest last
# Files are copied: a link into uv's cache would let what is mended in one environment change all others. Every file
# is known by its hash, so it does not matter which index has it.
COPY = ("--link-mode", "copy", "--index-strategy", "unsafe-best-match")


def install_locked(home: Environment, progress: Progress, options: Iterable[str], lock: Path) -> None:
    """Install what `lock` names with the environment's own uv, looking where pip is set up to look.

    Raises: CommandFailed, after which pip may be asked to do the same.
    """
    settings = pip_settings(home)
    command = [str(home.folder / "bin" / "uv"), "--no-config", "pip", "install", "--python", str(home.python)]
    variables = home.variables()
    if "cert" in settings:
        variables["SSL_CERT_FILE"] = settings["cert"]
    progress.run([*command, *COPY, *indices(settings), *options, "-r", str(lock)], home.log("libraries"), variables)


def pip_settings(home: Environment) -> dict[str, str]:
    """pip's settings from its files and environment variables, by their long option's name."""
    listing = [str(home.python), "-m", "pip", "config", "list"]
    printed = subprocess.run(listing, capture_output=True, text=True, env=home.variables(), timeout=60).stdout
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in printed.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.partition(".")
        if section in found and value:
            found[section][name] = value[1:-1].replace("\\n", " ")  # as Python would write the string
    return {name: value for section in SECTIONS for name, value in found[section].items()}


def indices(settings: dict[str, str]) -> list[str]:
    """The options that let uv look where pip does; several addresses in one setting stand apart by white space."""
    words = [f"--{name}" for name in ("no-index",) if settings.get(name, "").lower() in ("1", "true", "yes", "on")]
    names = {"index-url": "index-url", "extra-index-url": "extra-index-url", "find-links": "find-links"}
    names["trusted-host"] = "allow-insecure-host"
    for name, option in names.items():
        for value in settings.get(name, "").split():
            words += [f"--{option}", value]
    return words
