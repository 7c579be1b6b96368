"""Dataset aggregation (DAgger, Ross et al. 2011): the policy acts, the expert says what it should have done, it learns.

Each round plays scenes with the best policy so far, adds them to the data, trains on from that policy's weights and
keeps the result if it succeeds more often. What is finished is written down, so a stopped improvement goes on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from ..dataset.files import canonical, write_whole
from .checkpoint import TENSORS
from .evaluation import environment, eval_command, optimus, success_of

STATE = "improve.json"
SEED, APART = 500_000, 10_000  # the first scene of round k is SEED + k * APART
Run = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class ImproveConfig:
    """How to improve. `data`: FOLDER or FOLDER:WEIGHT; `beta`: share of instructions the expert plays itself in the
    first round, half of it in the next, and so on; `evaluate_episodes`: of `optimus eval`, per task for bench."""

    data: tuple[str, ...]
    model: str
    work: str
    rounds: int = 3
    episodes: int = 300
    minutes: float = 30.0
    scene: str = "bench"
    suite: str = "bench"
    beta: float = 0.2
    evaluate_episodes: int = 10
    lr: float = 3e-4
    workers: int = 0
    train_options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.episodes < 1 or self.minutes <= 0:
            raise ConfigError(
                f"rounds is {self.rounds}, episodes {self.episodes}, minutes {self.minutes}; all must be above 0"
            )
        if self.episodes > APART:
            raise ConfigError(f"episodes is {self.episodes}; a round plays at most {APART} scenes")

    def identity(self) -> dict[str, Any]:
        """What must be the same to go on; more rounds may be asked for."""
        return {k: v for k, v in json.loads(json.dumps(asdict(self))).items() if k not in ("rounds", "workers", "work")}


@dataclass
class Improvement:
    """One improvement. `run` executes a command line and returns its output; `say` is told what happens."""

    config: ImproveConfig
    say: Callable[[str], None]
    run: Run = field(default_factory=lambda: run_command)

    def __post_init__(self) -> None:
        self.folder = Path(self.config.work)
        path = self.folder / STATE
        self.state: dict[str, Any] = {"config": self.config.identity(), "success": None, "rounds": []}
        if path.is_file():
            self.state = json.loads(path.read_text())
            for key, value in self.config.identity().items():
                if self.state["config"].get(key) != value:
                    raise ConfigError(
                        f"{path} was begun with {key} = {self.state['config'].get(key)}, now it is {value}; give the "
                        "same options to go on, or another --work folder to start afresh"
                    )

    @property
    def best(self) -> tuple[Path, float]:
        """The best policy so far and how often it succeeds."""
        bundle, success = Path(self.config.model), float(self.state["success"] or 0.0)
        for number, one in enumerate(self.state["rounds"]):
            if one.get("kept"):
                bundle, success = self._round(number) / "bundle", one["success"]
        return bundle, success

    def improve(self) -> Path:
        """Do all rounds that are not done yet. Returns the best bundle."""
        if self.state["success"] is None:
            self.say(f"how good is {self.config.model} to begin with?")
            self._note(success=self._evaluate(Path(self.config.model)))
        for number in range(self.config.rounds):
            if number == len(self.state["rounds"]):
                self.state["rounds"].append({})
            if "kept" not in self.state["rounds"][number]:
                self._play_round(number)
        return self.best[0]

    def _play_round(self, number: int) -> None:
        folder, row = self._round(number), self.state["rounds"][number]
        bundle, before = self.best
        said = f"round {number + 1} of {self.config.rounds}"
        if "collected" not in row:
            self.say(f"{said}: {bundle} plays {self.config.episodes} scenes, the expert says what it should do")
            self._collect(number, bundle)
            self._note(number, collected=True)
        if "trained" not in row:
            self.say(f"{said}: {self.config.minutes:g} min of training on all data")
            self._train(number, bundle)
            self._note(number, trained=True)
        success = self._evaluate(folder / "bundle")
        kept = success > before
        self._note(number, success=success, kept=kept)
        word = "kept" if kept else "not better, so the one before stays"
        self.say(f"{said}: {100 * success:.1f} % succeed, {100 * before:.1f} % before: {word}")

    def _collect(self, number: int, bundle: Path) -> None:
        c = self.config
        words = ["collect", str(self._round(number) / "data"), "--episodes", str(c.episodes), "--scene", c.scene]
        words += ["--policy", str(bundle), "--beta", f"{c.beta / 2**number:g}", "--workers", str(c.workers)]
        self.run(optimus(*words, "--seed", str(SEED + number * APART)))

    def _train(self, number: int, bundle: Path) -> None:
        folder, c = self._round(number), self.config
        sets = [*c.data, *(str(self._round(k) / "data") for k in range(number + 1))]
        words = ["train", *sets, "--out", str(folder / "bundle"), "--work", str(folder / "train")]
        words += ["--minutes", f"{c.minutes:g}", "--lr", f"{c.lr:g}", "--seed", str(number), *c.train_options]
        if (folder / "train" / TENSORS).is_file():
            words.append("--resume")
        else:
            exact = bundle.parent / "train"  # the same weights before they were rounded for the bundle
            words += ["--init", str(exact if (exact / TENSORS).is_file() else bundle)]
        self.run(optimus(*words))

    def _evaluate(self, bundle: Path) -> float:
        c = self.config
        return success_of(self.run(eval_command(bundle, c.suite, c.evaluate_episodes, workers=c.workers)))["success"]

    def _round(self, number: int) -> Path:
        return self.folder / f"round-{number + 1}"

    def _note(self, number: int | None = None, **found: Any) -> None:
        (self.state if number is None else self.state["rounds"][number]).update(found)
        write_whole(self.folder / STATE, canonical(self.state))


def publish(bundle: Path, out: Path) -> None:
    """Copy a bundle to where it is wanted."""
    if bundle.resolve() != out.resolve():
        out.mkdir(parents=True, exist_ok=True)
        for path in bundle.iterdir():
            if path.is_file():
                shutil.copyfile(path, out / path.name)


def run_command(words: Sequence[str]) -> str:
    """Run a command; what it says on standard error is seen, its output returned. ConfigError when it fails."""
    done = subprocess.run(list(words), stdout=subprocess.PIPE, text=True, env=environment(), check=False)
    if done.returncode:
        raise ConfigError(
            f"`{' '.join(words[2:])}` ended with code {done.returncode}; mend that and give the same command again: "
            "what is finished stays"
        )
    return done.stdout
