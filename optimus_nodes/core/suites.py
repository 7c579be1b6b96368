"""What an evaluation asks for: a fixed list of scenes and sentences, the same for every policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from . import language
from .errors import ConfigError
from .language import BINS, COLOURS, Instruction, all_instructions, wordings
from .perturb import Perturbation
from .scene import SCENES, SceneConfig, SceneDraw, draw_scene
from .tasks_suite import BENCH_TASKS, candidates, every_instruction, task_of

SUITES = ("pick_place", "pick", "home", "bench")
KEPT = (1000, 10_000)  # seeds from the first up to the second are never trained on
_SCENES_TRIED = 400


@dataclass(frozen=True, slots=True)
class Wording:
    """A sentence to try, and what it means."""

    instruction: Instruction
    sentence: str


@dataclass(frozen=True, slots=True)
class Asking:
    """How tasks are put into words. `swap`: the robot is told something else that makes sense in the same scene.

    `sentence`: said every time. `unseen`: in words that training left out. `wordings`: these instead of a suite's.
    """

    swap: bool = False
    sentence: str = ""
    unseen: bool = False
    wordings: tuple[Wording, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One episode: the scene's `seed`, what the task is, what the robot is told, and what that means.

    `name`: the task in tables. `scene`: a name of SCENES. `preparation`: what the scripted expert does first.
    """

    seed: int
    task: Instruction
    sentence: str
    told: Instruction
    name: str = ""
    scene: str = "boxes"
    preparation: tuple[Instruction, ...] = ()
    perturbation: Perturbation = field(default_factory=Perturbation)

    @property
    def config(self) -> SceneConfig:
        """The scene as this trial lays it out."""
        return self.perturbation.scene(SCENES[self.scene], self.seed)


def trials(
    suite: str,
    episodes: int,
    seed: int,
    *,
    swap: bool = False,
    sentence: str = "",
    asking: Asking | None = None,
    perturbation: Perturbation | None = None,
    tasks: Sequence[str] = (),
) -> list[Trial]:
    """The trials of `suite`: `episodes` in all, balanced over colours and bins; so many each of "bench" or wordings.

    Args: swap, sentence: as in `Asking`, which says everything. tasks: only these of "bench".
    Raises: ConfigError on an unknown suite or task, a count below 1, or a sentence that means nothing.
    """
    if suite not in SUITES:
        raise ConfigError(f"unknown suite {suite!r}; the suites are {', '.join(SUITES)} (--suite)")
    if episodes < 1:
        raise ConfigError(f"episodes is {episodes}; it must be at least 1 (--episodes)")
    asking, changed = asking or Asking(swap, sentence), perturbation or Perturbation()
    _check(suite, asking, tasks)
    if asking.sentence and suite == "bench":
        asking = Asking(wordings=(Wording(meaning_of(asking.sentence, every=True), asking.sentence),))
    if asking.wordings:
        return [
            _worded(suite, wording, seed + k * len(asking.wordings) + number, changed)
            for k in range(episodes)
            for number, wording in enumerate(asking.wordings)
        ]
    if suite == "bench":
        names = tuple(tasks) or tuple(BENCH_TASKS)
        return [
            _of_task(name, k, seed + k * len(BENCH_TASKS) + list(BENCH_TASKS).index(name), episodes, asking, changed)
            for k in range(episodes)
            for name in names
        ]
    return [_trial(suite, seed + k, k, asking, changed) for k in range(episodes)]


def _check(suite: str, asking: Asking, tasks: Sequence[str]) -> None:
    for task in tasks:
        if task not in BENCH_TASKS:
            raise ConfigError(f"unknown task {task!r}; the tasks are {', '.join(BENCH_TASKS)} (--task)")
    if tasks and suite != "bench":
        raise ConfigError(f"--task chooses tasks of --suite bench; the suite is {suite}")
    ways = {
        "--swap-instruction": asking.swap,
        "--instruction": bool(asking.sentence),
        "--wordings": bool(asking.wordings),
    }
    chosen = [name for name, used in ways.items() if used]
    if len(chosen) > 1:
        raise ConfigError(f"{' and '.join(chosen)} cannot be combined; leave one out")


def _trial(suite: str, seed: int, k: int, asking: Asking, changed: Perturbation) -> Trial:
    rng = np.random.default_rng([seed, 0xE7A1])
    colour, bin_ = COLOURS[k % len(COLOURS)], BINS[k // len(COLOURS) % len(BINS)]
    task = {
        "pick_place": Instruction("place", colour, bin_),
        "pick": Instruction("pick", colour),
        "home": Instruction("home"),
    }[suite]
    if asking.sentence:
        told = meaning_of(asking.sentence)
        return Trial(seed, told, asking.sentence, told, suite, perturbation=changed)
    told = task
    if asking.swap and task.colour:
        other = str(rng.choice([c for c in COLOURS if c != task.colour]))
        told = Instruction(task.skill, other, task.bin)
    said = _said(told, rng, asking.unseen, plain=True)
    return Trial(seed, task, said, told, suite, perturbation=changed)


def _of_task(name: str, k: int, first: int, episodes: int, asking: Asking, changed: Perturbation) -> Trial:
    """Episode `k` of a task of "bench", in the first scene that has what it needs."""
    for tried in range(_SCENES_TRIED):
        seed = kept(first + tried * episodes * len(BENCH_TASKS))
        config, draw = _laid_out("bench", seed, changed)
        choices = candidates(config, draw)
        if not choices[name]:
            continue
        rng = np.random.default_rng([seed, 0xE7A1])
        task = choices[name][k % len(choices[name])]
        preparation: tuple[Instruction, ...] = ()
        if name == "put_down":
            preparation = (Instruction("pick", COLOURS[k % len(COLOURS)]),)
        told = _another(rng, task, choices, preparation) if asking.swap else task
        return Trial(seed, task, _said(told, rng, asking.unseen), told, name, "bench", preparation, changed)
    raise ConfigError(f"no scene from seed {first} on suits task {name}; try another --seed")


def _worded(suite: str, wording: Wording, first: int, changed: Perturbation) -> Trial:
    """A given sentence, in the first scene in which it makes sense."""
    scene, told = "bench" if suite == "bench" else "boxes", wording.instruction
    name = task_of(told)
    for tried in range(_SCENES_TRIED):
        seed = kept(first + 100 * tried)
        config, draw = _laid_out(scene, seed, changed)
        if told in candidates(config, draw)[name]:
            preparation = (Instruction("pick", COLOURS[seed % len(COLOURS)]),) if told.skill == "put_down" else ()
            return Trial(seed, told, wording.sentence, told, name, scene, preparation, changed)
    raise ConfigError(f"{wording.sentence!r} makes no sense in any scene of --suite {suite}; try --suite bench")


def _another(
    rng: np.random.Generator,
    task: Instruction,
    choices: dict[str, tuple[Instruction, ...]],
    preparation: tuple[Instruction, ...],
) -> Instruction:
    """Something else that makes sense in the scene: as often the same skill with other words as another skill."""
    if preparation:
        return Instruction("place", preparation[0].colour, str(rng.choice(BINS)))
    others = [one for name, some in choices.items() if name not in ("put_down", "home") for one in some]
    alike = [one for one in others if one.skill == task.skill and one != task and one.size == task.size]
    if not alike or rng.random() < 0.5:
        skill = str(rng.choice(sorted({one.skill for one in others} - {task.skill})))
        alike = [one for one in others if one.skill == skill]
    return alike[int(rng.integers(len(alike)))]


def _laid_out(scene: str, seed: int, changed: Perturbation) -> tuple[SceneConfig, SceneDraw]:
    return _drawn(scene, seed, Perturbation(layout=changed.layout, distractors=changed.distractors))


@lru_cache(maxsize=8192)
def _drawn(scene: str, seed: int, changed: Perturbation) -> tuple[SceneConfig, SceneDraw]:
    """Remembered, because many conditions ask in the same scenes."""
    config = changed.scene(SCENES[scene], seed)
    return config, draw_scene(config, seed, 0)


def kept(seed: int) -> int:
    """`seed`, brought back among those that are never trained on when it would run out of them."""
    low, high = KEPT
    return seed if seed < high else low + (seed - low) % (high - low)


def _said(told: Instruction, rng: np.random.Generator, unseen: bool, plain: bool = False) -> str:
    sentences = unseen_wordings(told) if unseen else _plain(told) if plain else wordings(told)
    return sentences[int(rng.integers(len(sentences)))]


def _plain(told: Instruction) -> tuple[str, ...]:
    """The few wordings that the first policy was taught; it stays comparable while the grammar grows."""
    return tuple(getattr(language, "first_wordings", wordings)(told))


def unseen_wordings(told: Instruction) -> tuple[str, ...]:
    """Sentences for `told` that training leaves out. Raises ConfigError when the grammar holds none."""
    held_out = getattr(language, "heldout_wordings", None)
    found = tuple(held_out(told)) if held_out is not None else ()
    if not found:
        raise ConfigError(f"no unseen wordings for {told.skill!r} (heldout_wordings in optimus_nodes/core/language.py)")
    return found


def meaning_of(sentence: str, every: bool = False) -> Instruction:
    """The instruction a sentence of the grammar asks for; `every`: also what only the bench knows.

    Raises ConfigError when it is none.
    """
    for instruction in every_instruction() if every else all_instructions():
        if sentence.strip().lower().rstrip(".!") in (wordings if every else _plain)(instruction):
            return instruction
    raise ConfigError(f"{sentence!r} is not a sentence the policy was taught; for example {_examples()}")


def _examples() -> str:
    return ", ".join(repr(Instruction(*words).sentence) for words in (("pick", "red"), ("place", "red", "left")))


def tally(names: Sequence[str], outcomes: Sequence[bool]) -> dict[str, dict[str, int]]:
    """Successes and episodes per name."""
    table: dict[str, dict[str, int]] = {}
    for name, outcome in zip(names, outcomes):
        row = table.setdefault(name, {"successes": 0, "episodes": 0})
        row["successes"] += int(outcome)
        row["episodes"] += 1
    return table
