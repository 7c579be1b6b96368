"""What is compared: one condition as the options say, or the battery of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..core.errors import ConfigError
from ..core.perturb import KINDS, Perturbation, perturbation
from ..core.suites import Asking, Wording, trials
from ..core.wordings_file import read_wordings
from .evaluate_report import Condition

LATENCIES = (0.2, 0.5, 1.0, 1.5)  # s, of the battery


@dataclass(frozen=True)
class Request:
    """The options that decide what is asked."""

    suite: str
    episodes: int
    seed: int
    tasks: tuple[str, ...]
    asking: Asking
    changed: Perturbation


def single(request: Request) -> Condition:
    """The one condition that the options describe."""
    asking, parts = request.asking, []
    if request.changed.name != "clean":
        parts.append(request.changed.name)
    parts += ["swapped instruction"] if asking.swap else []
    parts += ["unseen wordings"] if asking.unseen else []
    parts += ["given wordings"] if asking.wordings else []
    return _condition(request, ", ".join(parts) or "clean")


def battery(request: Request, cameras: Sequence[str], say: Callable[[str], None]) -> list[Condition]:
    """Clean, and everything that may fool a policy, one after the other. `say` is told what had to be left out."""
    if request.asking != Asking() or request.changed != Perturbation():
        raise ConfigError("--battery tries every condition by itself; leave out the options that choose one")
    found = [_condition(request, "clean")]
    plans: list[tuple[str, str, Asking, Perturbation]] = [
        ("unseen wordings", "language", Asking(unseen=True), Perturbation()),
        ("swapped instruction", "language", Asking(swap=True), Perturbation()),
    ]
    for kind in KINDS:
        if kind != "distractors" or request.suite == "bench":
            plans.append((kind, "scene", Asking(), perturbation([kind])))
    for dark in (*((camera,) for camera in cameras), tuple(cameras)):
        name = f"without {' and '.join(dark)}" if dark != tuple(cameras) else "without any camera"
        plans.append((name, "blackout", Asking(), perturbation([], dark)))
    for latency in LATENCIES:
        plans.append((f"{latency:g} s later", "latency", Asking(), perturbation([], (), latency)))
    for name, kind, asking, changed in plans:
        try:
            found.append(_condition(replace(request, asking=asking, changed=changed), name, kind))
        except ConfigError as error:
            say(f"left out: {name} ({error})")
    return found


def _condition(request: Request, name: str, kind: str = "") -> Condition:
    asked = trials(
        request.suite,
        request.episodes,
        request.seed,
        asking=request.asking,
        perturbation=request.changed,
        tasks=request.tasks,
    )
    return Condition(name, asked, kind, request.asking.swap)


def wordings_of(path: str) -> tuple[Wording, ...]:
    """The sentences of a file. Raises ConfigError naming file, line and field."""
    return tuple(Wording(instruction, sentence) for _, instruction, sentence in read_wordings(path))
