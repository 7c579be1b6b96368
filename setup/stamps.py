"""Which stages are done: a stage's stamp holds the hash of all that went into it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stages import Environment, Stage


class Stamps:
    """The stamps of one environment, kept inside it: whoever deletes the environment deletes them."""

    def __init__(self, home: Environment) -> None:
        self._home = home
        self._folder = home.folder / "stamps"
        self._interrupted: set[str] = set()

    def missing(self, stages: list[Stage]) -> list[Stage]:
        """The stages that have to be run, in order."""
        if not self._home.python.exists():
            return list(stages)
        return [stage for stage in stages if _read(self._folder / stage.name) != self._key(stage)]

    def begin(self, stage: Stage) -> None:
        """Remember that `stage` was started."""
        started = self._folder / (stage.name + ".started")
        if started.exists():
            self._interrupted.add(stage.name)
        (self._folder / stage.name).unlink(missing_ok=True)
        if self._home.folder.exists():
            self._folder.mkdir(exist_ok=True)
            started.touch()

    def was_interrupted(self, stage: Stage) -> bool:
        """Whether an earlier run of `stage`, begun before this one, never came to its end."""
        return stage.name in self._interrupted

    def finish(self, stage: Stage) -> None:
        """Stamp `stage` as done."""
        self._folder.mkdir(exist_ok=True)
        (self._folder / stage.name).write_text(self._key(stage))
        (self._folder / (stage.name + ".started")).unlink(missing_ok=True)

    def _key(self, stage: Stage) -> str:
        """Hash of the stage's inputs, of where the environment stands and of the stamps it builds on."""
        parts = [stage.name, str(self._home.folder), *stage.facts]
        parts += [before + "=" + _read(self._folder / before) for before in stage.after]
        digest = hashlib.sha256("\n".join(parts).encode())
        for file in stage.inputs(self._home.root):
            digest.update(b"\0" + str(file.relative_to(self._home.root)).encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
