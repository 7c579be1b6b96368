"""What an evaluation found, as figures: counts with intervals, and what was done instead of what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.statistics import wilson_interval
from ..core.suites import Trial, tally
from ..core.tasks_suite import BENCH_TASKS, task_of
from ..learning.evaluate import Result

OTHER_THING, DAMAGE, NOTHING = "same, another thing", "as asked, with damage", "nothing"
# When several tasks were done, the one that says most is counted.
_TELLING = (
    *("hand_over", "stack", "place_left", "place_right", "sort", "move_a_to_b", "move_b_to_a", "push"),
    *("press_button", "open_drawer", "close_drawer", "put_down", "wave", "pick_colour", "pick_size", "point", "home"),
)


@dataclass
class Condition:
    """Trials under the same circumstances, and how they went. `kind`: language, scene, blackout, latency or ""."""

    name: str
    trials: list[Trial]
    kind: str = ""
    swapped: bool = False
    results: list[Result] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """Its name as a folder's."""
        return self.name.replace(",", "").replace(" ", "_")

    @property
    def latency(self) -> float:
        """Seconds injected."""
        return self.trials[0].perturbation.latency


def rate(outcomes: Sequence[bool]) -> dict[str, Any]:
    """Successes, episodes and Wilson's interval."""
    low, high = wilson_interval(sum(outcomes), len(outcomes))
    return {"successes": sum(outcomes), "episodes": len(outcomes), "wilson95": [round(low, 3), round(high, 3)]}


def per_task(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """`rate` by task, in the order in which they were first asked."""
    names = dict.fromkeys(_row(result) for result in results)
    return {name: rate([result.done for result in results if _row(result) == name]) for name in names}


def summarize(condition: Condition) -> dict[str, Any]:
    """The figures of one condition, for JSON."""
    results = condition.results
    done = [result.done for result in results]
    found: dict[str, Any] = rate(done)
    found |= {
        "per_task": per_task(results),
        "per_colour": tally([result.trial.told.colour for result in results], done),
        "median_duration": float(np.median([result.duration for result in results])),
        "claimed_done": sum(result.claimed for result in results),
        "latency": condition.latency,
        "blackout": list(condition.trials[0].perturbation.blackout),
        "seeds": [results[0].trial.seed, results[-1].trial.seed],
        "failures": [failure(result) for result in results if not result.done],
        "asked_and_done": {asked: dict(row) for asked, row in confusion(results).items()},
    }
    if condition.swapped:
        found["obeyed"] = sum(done)
        found["went_for_the_unnamed_colour"] = sum(result.task_done for result in results)
    return found


def failure(result: Result) -> dict[str, Any]:
    """What went wrong in one trial."""
    trial = result.trial
    row = {"task": _row(result), "seed": trial.seed, "sentence": trial.sentence, "reason": result.reason}
    return row | ({"video": result.video} if result.video else {})


def confusion(results: Sequence[Result]) -> dict[str, Counter[str]]:
    """By task asked: how often which task was done, OTHER_THING, DAMAGE and NOTHING among them."""
    table: dict[str, Counter[str]] = {name: Counter() for name in BENCH_TASKS}
    for result in results:
        table[task_of(result.trial.told)][instead(result)] += 1
    return {name: row for name, row in table.items() if row}


def instead(result: Result) -> str:
    """The one thing that was done: the task asked for, another, or one of OTHER_THING, DAMAGE and NOTHING."""
    told = result.trial.told
    if result.done:
        return task_of(told)
    if told.sentence in (sentence for _, sentence in result.did):
        return DAMAGE
    names = [name for name, _ in result.did]
    chosen = next((name for name in _TELLING if name in names), NOTHING)
    return OTHER_THING if chosen == task_of(told) else chosen


def _row(result: Result) -> str:
    """Tables go by task; the suites of the first policy by sentence's meaning, as they always did."""
    trial = result.trial
    if trial.scene == "boxes":
        return trial.told.sentence
    return task_of(trial.told)
