"""`optimus train`: learn a policy from demonstrations, on the CPU."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import ConfigError


def run(
    data: Annotated[list[str], typer.Argument(help="Data set folders; FOLDER:WEIGHT counts its frames WEIGHT times.")],
    out: Annotated[Path, typer.Option(help="Bundle to write, for example models/mine.")],
    minutes: Annotated[float, typer.Option(help="Train this long (wall clock).")] = 0.0,
    steps: Annotated[int, typer.Option(help="Or train this many steps.")] = 0,
    batch: Annotated[int, typer.Option(help="Frames per step.")] = 128,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of weights, batches and disturbances.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of torch; 0: all cores. Give 1 when others use the cores.")] = 0,
    init: Annotated[Path | None, typer.Option(help="Begin with the weights of this bundle or work folder.")] = None,
    work: Annotated[Path | None, typer.Option(help="Checkpoint and curves; default runs/train/<name of out>.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the work folder.")] = False,
    held_out: Annotated[float, typer.Option(help="Share of episodes kept for validation.")] = 0.03,
    validate_every: Annotated[int, typer.Option(help="Steps between validations and checkpoints.")] = 250,
    intervention: Annotated[
        float, typer.Option("--intervention-weight", help="Frames in which a person corrected count so many times.")
    ] = 3.0,
    memory: Annotated[float, typer.Option(help="GB of frames kept in memory; 0: what the system gives.")] = 0.0,
    cache: Annotated[Path | None, typer.Option(help="Folder for decoded pictures; default below ~/.cache.")] = None,
    robot: Annotated[str, typer.Option(help="Robot the data must be for, from config/robots/.")] = "optimus",
    fp32: Annotated[bool, typer.Option("--fp32", help="No bf16 matrix products (slower).")] = False,
) -> int:
    """Train the policy on demonstrations and write the bundle OUT. Ctrl-C stops, saves and writes the bundle too."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads would spin where others work
    from ..learning.data import Mixture, read_data_set
    from ..learning.export import export_training, read_weights
    from ..learning.train import TENSORS, TrainConfig, Trainer, use_threads

    work = work or Path("runs") / "train" / out.name
    if (work / TENSORS).is_file() and not resume:
        raise ConfigError(f"{work} holds a checkpoint; add --resume to go on, or give another --work or --out")
    if resume and not (work / TENSORS).is_file():
        raise ConfigError(f"{work} holds no checkpoint to resume; leave --resume out")
    threads = use_threads(threads)
    spec = _robot(robot)
    mixture = Mixture([read_data_set(one, cache, _decoding(one)) for one in data], held_out, intervention=intervention)
    _check_robot(mixture, spec)
    config = TrainConfig(
        work=work,
        minutes=minutes,
        steps=steps,
        batch=batch,
        lr=lr,
        seed=seed,
        validate_every=validate_every,
        bf16=not fp32,
        memory=memory,
    )
    trainer = Trainer(mixture, spec, config)
    if resume:
        trainer.resume()
    elif init is not None:
        trainer.start_from(read_weights(init), str(init))
    print(
        f"{len(mixture.training)} training and {len(mixture.held_out)} held-out frames, {mixture.episodes} episodes; "
        f"{trainer.network.count_parameters() / 1e6:.2f} M parameters; {threads} threads; work in {work}"
    )
    with _Interrupt() as interrupt, _display() as show:
        finished = trainer.run(show, interrupt.pressed)
    worst = export_training(trainer, out)
    print(f"wrote {out}; it answers like the trained network within {worst:.1e} rad")
    if not finished:
        print(f"stopped at step {trainer.step}; go on with the same options and --resume")
    return 0


def _robot(name: str) -> Any:
    from ..robot.load import load_robot

    return load_robot(name)[0]


def _check_robot(mixture: Any, spec: Any) -> None:
    from ..core.contract import require_fit, robot_differences

    side = f"data set {mixture.folders[0]} (meta/robot.json)"
    require_fit(robot_differences(mixture.contract, spec, side), f"the data do not fit robot {spec.name}")


def _decoding(name: str) -> Any:
    """Says how far the pictures of a data set are decoded, once they have to be."""
    begun, said = time.monotonic(), [0.0]

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        if now - begun > 2.0 and (now - said[0] > 10.0 or done == total):
            said[0] = now
            print(f"decoding the pictures of {name}: {done} of {total} episodes", flush=True)

    return progress


class _Interrupt:
    """Ctrl-C asks for a stop after the current step; a second one ends at once."""

    def __enter__(self) -> _Interrupt:
        self._count = 0
        self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, *_: object) -> None:
        self._count += 1
        if self._count > 1:
            raise KeyboardInterrupt
        print("\nstopping after this step, saving ... (Ctrl-C again: at once, losing it)", file=sys.stderr)

    def pressed(self) -> bool:
        return self._count > 0


def _display() -> Any:
    return _Bar() if sys.stdout.isatty() else _Lines()


def _summary(found: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in found.items())


class _Lines:
    """A line every 20 s, for logs."""

    def __init__(self, every: float = 20.0) -> None:
        self._every, self._last, self._begun = every, 0.0, time.monotonic()
        self._first_step: int | None = None

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: dict[str, Any]) -> None:
        if "validation" in event:
            print(f"validation at step {event['step']}: {_summary(event['validation'])}", flush=True)
            return
        now = time.monotonic()
        if self._first_step is None:
            self._first_step, self._begun = event["step"] - 1, now
        if now - self._last >= self._every:
            self._last = now
            print(self.line(event), flush=True)

    @staticmethod
    def line(event: dict[str, Any]) -> str:
        """Step, share done, seconds a step, minutes left and the loss."""
        left = event["elapsed"] * (1 / max(event["fraction"], 1e-6) - 1) / 60
        rate = event["elapsed"] / event["step"]
        return (
            f"step {event['step']}  {100 * event['fraction']:.1f} %  {rate:.2f} s/step  "
            f"{left:.1f} min left  action loss {event['action']:.4f}"
        )


class _Bar(_Lines):
    """A progress bar, for people."""

    def __enter__(self) -> _Bar:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(BarColumn(), TextColumn("{task.description}"))
        self._task = self._progress.add_task("starting", total=1.0)
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: dict[str, Any]) -> None:
        if "validation" in event:
            self._progress.console.print(f"step {event['step']}: {_summary(event['validation'])}", style="dim")
        else:
            self._progress.update(self._task, completed=event["fraction"], description=self.line(event))
