"""Gazebo as a child of ours: started with a world, ended with us."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from ..core.errors import ConfigError, DeviceError
from ..core.gazebo_names import Flavour
from .processes import signal_group, start_process

_PATIENCE = 5.0  # s until it is killed


class GazeboServer:
    """One Gazebo. Call from the main thread."""

    def __init__(self, flavour: Flavour, world: Path, partition: str, ip: str, *, headless: bool, log: Path) -> None:
        """Start it. Raises: ConfigError when it is not installed."""
        program = shutil.which(flavour.command[0])
        if program is None:
            raise ConfigError(
                f"Gazebo is not installed: there is no program {flavour.command[0]!r}; docs/gazebo.md says where from"
            )
        words = [program, flavour.command[1], "-r", *(["-s"] if headless else []), str(world)]
        own = {f"{flavour.environment}_PARTITION": partition} | ({f"{flavour.environment}_IP": ip} if ip else {})
        self._log = log
        with log.open("wb") as output:
            self._process = start_process(words, {**os.environ, **own}, output.fileno(), death_signal=signal.SIGTERM)

    def check(self) -> None:
        """Raises: DeviceError when it has ended, with the last line it said."""
        code = self._process.poll()
        if code is not None:
            lines = self._log.read_text(errors="replace").strip().splitlines()
            raise DeviceError(f"Gazebo ended with code {code}: {lines[-1] if lines else 'it said nothing'}")

    def stop(self) -> None:
        """End it and what it started."""
        signal_group(self._process.pid, signal.SIGINT)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
