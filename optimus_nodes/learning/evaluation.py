"""Now and then, while training goes on: how often does the policy of this moment succeed in the simulator?

The evaluation is `optimus eval` in a process of its own that lets training go first; its result is told when it is
there, under the step whose weights were played.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError

if TYPE_CHECKING:
    from .train import Trainer

SEED = 1000  # the same scenes every time, never trained on
_ROOT = Path(__file__).resolve().parents[2]


def eval_command(model: Path, suite: str, episodes: int, seed: int = SEED, workers: int = 1) -> list[str]:
    """`optimus eval` of the bundle `model`, one line of JSON on its output."""
    words = ["eval", "--model", str(model.resolve()), "--suite", suite, "--episodes", str(episodes)]
    return [*optimus(*words), "--seed", str(seed), "--workers", str(workers), "--json"]


def optimus(*words: str) -> list[str]:
    """The command line `optimus words ...`, with this Python."""
    return [sys.executable, "-m", "optimus_nodes.cli.main", *words]


def environment() -> dict[str, str]:
    """For processes that are no part of the training: without torchrun's variables, with this package in reach."""
    kept = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "OMP_WAIT_POLICY")}
    path = os.pathsep.join(p for p in (str(_ROOT), kept.get("PYTHONPATH", "")) if p)
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def success_of(text: str) -> dict[str, float]:
    """Successes, episodes and their share from the output of `optimus eval --json`. ConfigError when there is none."""
    for line in reversed(text.splitlines()):
        try:
            report = json.loads(line)
            return {
                "success": report["successes"] / report["episodes"],
                "successes": report["successes"],
                "episodes": report["episodes"],
            }
        except (ValueError, KeyError, TypeError):
            continue
    raise ConfigError(f"`optimus eval` gave no result: {text[-400:] or 'no output'}")


@dataclass
class Evaluation:
    """Every `every` steps `episodes` scenes of `suite` are played in the background; one evaluation at a time."""

    folder: Path
    every: int
    episodes: int
    suite: str
    _running: tuple[int, subprocess.Popen[str]] | None = field(default=None, init=False)

    def step(self, trainer: Trainer) -> Iterator[dict[str, float]]:
        """Call after every step of training, in every process; yields results that came in."""
        if self._running is not None and self._running[1].poll() is not None:
            yield self._result()
        if trainer.step % self.every == 0:
            from .export import export_training  # here: it imports what imports this

            bundle = self.folder / f"step-{trainer.step}"
            network = trainer.averaged()
            if trainer.group.first and self._running is None:
                export_training(trainer, bundle, network)
                self._running = (trainer.step, self._start(bundle))

    def finish(self) -> Iterator[dict[str, float]]:
        """Wait for the one that is still running."""
        if self._running is not None:
            yield self._result()

    def _start(self, bundle: Path) -> subprocess.Popen[str]:
        words: list[str] = ["nice", "-n", "15", *eval_command(bundle, self.suite, self.episodes)]
        output: Any = (bundle / "eval.log").open("w")
        with output:
            return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=output, text=True, env=environment())

    def _result(self) -> dict[str, float]:
        assert self._running is not None
        step, process = self._running
        self._running = None
        text, _ = process.communicate()
        try:
            return {"step": step, **success_of(text)}
        except ConfigError:
            return {"step": step, "evaluation_failed": float(process.returncode or 1)}
