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

READER = "language.npz"


def run(
    data: Annotated[list[str], typer.Argument(help="Data set folders; FOLDER:WEIGHT counts its frames WEIGHT times.")],
    out: Annotated[Path, typer.Option(help="Bundle to write, for example models/mine.")],
    minutes: Annotated[float, typer.Option(help="Train this long (wall clock).")] = 0.0,
    steps: Annotated[int, typer.Option(help="Or train this many steps.")] = 0,
    batch: Annotated[int, typer.Option(help="Frames per step, of all processes together.")] = 32,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of weights, batches and disturbances.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of torch; 0: all cores. Give 1 when others use the cores.")] = 0,
    init: Annotated[Path | None, typer.Option(help="Begin with the weights of this bundle or work folder.")] = None,
    work: Annotated[Path | None, typer.Option(help="Checkpoint and curves; default runs/train/<name of out>.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the work folder.")] = False,
    horizon: Annotated[int, typer.Option(help="Rows of a chunk to learn, 50 ms apart; 0: all the data have.")] = 0,
    held_out: Annotated[float, typer.Option(help="Share of scenes kept for validation.")] = 0.03,
    validate_every: Annotated[int, typer.Option(help="Steps between validations and checkpoints.")] = 1000,
    evaluate_every: Annotated[int, typer.Option(help="Steps between evaluations in the simulator; 0: none.")] = 0,
    evaluate_episodes: Annotated[int, typer.Option(help="Scenes of such an evaluation; of bench per task.")] = 2,
    evaluate_suite: Annotated[str, typer.Option(help="What it plays: a suite of optimus eval.")] = "bench",
    intervention: Annotated[
        float, typer.Option("--intervention-weight", help="Frames in which a person corrected count so many times.")
    ] = 3.0,
    language: Annotated[
        Path | None, typer.Option(help="Folder of the reader of sentences; default models/language.")
    ] = None,
    memory: Annotated[float, typer.Option(help="GB of frames kept in memory; 0: what the system gives.")] = 0.0,
    cache: Annotated[Path | None, typer.Option(help="Folder for decoded pictures; default below ~/.cache.")] = None,
    shard: Annotated[bool, typer.Option("--shard", help="Divide the weights among the processes (FSDP2).")] = False,
    robot: Annotated[str, typer.Option(help="Robot the data must be for, from config/robots/.")] = "optimus",
    fp32: Annotated[bool, typer.Option("--fp32", help="No bf16, though this processor has it.")] = False,
) -> int:
    """Train the policy on demonstrations and write the bundle OUT. Ctrl-C stops, saves and writes the bundle too.

    On several processes or machines: torchrun ... -m optimus_nodes.cli.main train ... (docs/training.md).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads would spin where others work
    from ..learning.data import Mixture, read_data_set
    from ..learning.distributed import process_group
    from ..learning.evaluation import Evaluation
    from ..learning.export import export_training, read_weights, sizes_of
    from ..learning.processor import has_bf16, use_threads
    from ..learning.train import TENSORS, TrainConfig, Trainer

    work = work or Path("runs") / "train" / out.name
    if (work / TENSORS).is_file() and not resume:
        raise ConfigError(f"{work} holds a checkpoint; add --resume to go on, or give another --work or --out")
    if resume and not (work / TENSORS).is_file():
        raise ConfigError(f"{work} holds no checkpoint to resume; leave --resume out")
    config = TrainConfig(
        work=work,
        minutes=minutes,
        steps=steps,
        batch=batch,
        lr=lr,
        seed=seed,
        validate_every=validate_every,
        bf16=has_bf16() and not fp32,
        memory=memory,
        shard=shard,
        language=_language(language),
    )
    threads, spec = use_threads(threads), _robot(robot)
    with process_group(shard) as group:
        sets = [read_data_set(one, cache, _decoding(one)) for one in data]
        read, words = _read(config.language)
        mixture = Mixture(sets, held_out, intervention=intervention, read=read, horizon=horizon)
        _check_robot(mixture, spec)
        source = work if resume else init
        weights = read_weights(source) if source else {}
        trainer = Trainer(mixture, spec, config, sizes_of(weights) if weights else None, group, words=words)
        if resume:
            trainer.resume()
        elif weights:
            trainer.start_from(weights, str(init))
        if group.first:
            print(_opening(trainer, threads))
        played = work / "evaluated"
        evaluation = Evaluation(played, evaluate_every, evaluate_episodes, evaluate_suite) if evaluate_every else None
        with _Interrupt() as interrupt, _display(group.first) as show:
            finished = trainer.run(show, interrupt.pressed, evaluation)
        network = trainer.averaged()
        if group.first:
            worst = export_training(trainer, out, network)
            print(f"wrote {out}; it answers like the trained network within {worst:.1e} rad")
            if not finished:
                print(f"stopped at step {trainer.step}; go on with the same options and --resume")
    return 0


def _opening(trainer: Any, threads: int) -> str:
    """What is about to be trained, and how."""
    mixture, config, processes = trainer.mixture, trainer.config, trainer.group.size
    many = f"{processes} processes of " if processes > 1 else ""
    return (
        f"{len(mixture.training)} training and {len(mixture.held_out)} held-out frames, {mixture.episodes} episodes; "
        f"{trainer.network.count_parameters() / 1e6:.2f} M parameters; {many}{threads} threads, "
        f"{'bf16' if config.bf16 else 'float32'}; work in {config.work}"
    )


def _language(folder: Path | None) -> Path | None:
    """The folder of the reader. None where there is none by default: then the policy reads the grammar's words."""
    from ..robot.share import share_path

    if folder is not None:
        if not (folder / READER).is_file():
            raise ConfigError(f"{folder} has no {READER}; name the folder of a trained reader (--language)")
        return folder
    try:
        return share_path(f"models/language/{READER}").parent
    except ConfigError:
        return None


def _read(folder: Path | None) -> Any:
    """What tells the meaning of a sentence, and the words of a policy that reads words."""
    from ..learning.data import known_meaning
    from ..policy.tokenizer import Tokenizer, grammar_vocabulary

    if folder is None:
        return known_meaning, Tokenizer(grammar_vocabulary())
    from ..policy.language import load_reader

    reader = load_reader(folder)
    return lambda sentence: reader.read(sentence)[0], None


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


def _display(first: bool) -> Any:
    if not first:
        return _Quiet()
    return _Bar() if sys.stdout.isatty() else _Lines()


def _summary(found: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in found.items() if name != "step")


def _news(event: dict[str, Any]) -> str | None:
    """What a validation or an evaluation found, in a line."""
    for kind in ("validation", "evaluation"):
        if kind in event:
            return f"{kind} at step {event['step']}: {_summary(event[kind])}"
    return None


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
        if (text := _news(event)) is not None:
            print(text, flush=True)
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


class _Quiet(_Lines):
    """Nothing: the first process speaks for all."""

    def __call__(self, event: dict[str, Any]) -> None:
        return


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
        if (text := _news(event)) is not None:
            self._progress.console.print(text, style="dim")
        else:
            self._progress.update(self._task, completed=event["fraction"], description=self.line(event))
