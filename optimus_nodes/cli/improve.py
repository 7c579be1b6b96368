"""`optimus improve`: let the policy act, let the expert correct it, and learn from that, round after round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    data: Annotated[list[str], typer.Argument(help="Data sets to keep training on; FOLDER or FOLDER:WEIGHT.")],
    model: Annotated[str, typer.Option(help="Policy to begin with, in models/ or the path of a bundle.")],
    out: Annotated[Path, typer.Option(help="Where the best bundle goes.")],
    rounds: Annotated[int, typer.Option(help="How many rounds; give more later to go on.")] = 3,
    episodes: Annotated[int, typer.Option(help="Scenes played in a round.")] = 300,
    minutes: Annotated[float, typer.Option(help="Training in a round.")] = 30.0,
    scene: Annotated[str, typer.Option(help="boxes, eggs or bench.")] = "bench",
    suite: Annotated[str, typer.Option(help="What decides which policy is better: a suite of optimus eval.")] = "bench",
    evaluate_episodes: Annotated[int, typer.Option(help="Scenes of that evaluation; of bench per task.")] = 10,
    beta: Annotated[float, typer.Option(help="Share the expert plays itself; halved with every round.")] = 0.2,
    lr: Annotated[float, typer.Option(help="Highest learning rate of a round.")] = 3e-4,
    work: Annotated[
        Path | None, typer.Option(help="Everything in between; default runs/improve/<name of out>.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that play; 0: one per core.")] = 0,
    train: Annotated[str, typer.Option(help='Further options of optimus train, as "--batch 64 --memory 8".')] = "",
) -> int:
    """Improve a policy where it goes wrong. The same command goes on after a stop, and with more --rounds."""
    from ..learning.improve import ImproveConfig, Improvement, publish
    from ..robot.share import model_path

    config = ImproveConfig(
        data=tuple(data),
        model=str(model_path(model)),
        work=str(work or Path("runs") / "improve" / out.name),
        rounds=rounds,
        episodes=episodes,
        minutes=minutes,
        scene=scene,
        suite=suite,
        beta=beta,
        evaluate_episodes=evaluate_episodes,
        lr=lr,
        workers=workers,
        train_options=tuple(train.split()),
    )
    improvement = Improvement(config, lambda text: print(text, flush=True))
    improvement.improve()
    best, success = improvement.best
    publish(best, out)
    print(f"wrote {out}: {best}, which succeeds in {100 * success:.1f} % of {suite}")
    return 0
