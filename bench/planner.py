"""Gives the planner the instructions in `planner_cases/` and carries its plans out in a world of symbols.

python bench/planner.py                 a table, and every case that went wrong
python bench/planner.py --json          one line of JSON last

A case is `world | words // more words | goal`; in `crowd.txt` and `unseen.txt`, by an author who did not know the
grammar, its tier comes first. By the unseen ones the grammar was never improved. The goal lists what must be true:
`red_box=left_bin` (where a thing is), `a!=b`, `held=red_box` (`held=*` anything, `held=` nothing), `drawer:open`,
`n(left_bin)=2` (how many boxes are there; `n(on)` on others), `did=push red_box left` (a step that was done), or
`refuse`: nothing may be done.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.planner import STATUSES, PlanContext, Planner
from optimus_nodes.core.world import Step, Thing, World, after, why_not
from optimus_nodes.planner.documents import plan_document
from optimus_nodes.planner.offline import OfflinePlanner
from optimus_nodes.policy.reading import reader_on_demand
from optimus_nodes.robot.share import share_path

CASES = Path(__file__).with_name("planner_cases")
TIERS = ("tier1", "tier2", "tier3", "impossible")
CROWD, UNSEEN = "crowd", "unseen"
PLACES = ("left_bin", "right_bin", "station_a", "station_b")


@dataclass(frozen=True)
class Case:
    """One line of a file."""

    tier: str
    world: str
    turns: tuple[str, ...]
    goal: str


@dataclass
class Played:
    """What became of a case."""

    world: World
    done: list[Step]
    said: list[str]
    valid: bool = True
    executable: bool = True


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for name in (*TIERS, CROWD, UNSEEN):
        for line in (CASES / f"{name}.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                *tier, world, words, goal = (part.strip() for part in line.split("|"))
                turns = tuple(turn.strip() for turn in words.split("//"))
                yield Case(" ".join((name, *tier)), world, turns, goal)


def worlds() -> dict[str, World]:
    """The scenes by name."""
    found = {}
    for name, raw in yaml.safe_load((CASES / "worlds.yaml").read_text()).items():
        things = tuple(Thing(thing, *(str(word) for word in row)) for thing, row in raw["things"].items())
        found[name] = World(things, PLACES, raw.get("left", ""), raw.get("right", ""))
    return found


def play(planner: Planner, case: Case, world: World, delays: list[float]) -> Played:
    """Say every turn and carry out what is proposed, checking each step anew.

    Asked "do you mean ...?", the person says yes when that is all that was still missing, else no.
    """
    context = PlanContext(world)
    played = Played(world, [], [])
    turns = list(case.turns)
    for turn in turns:
        began = time.perf_counter()
        proposal = planner.plan(turn, context)
        delays.append(time.perf_counter() - began)
        played.said.append(proposal.say)
        document = json.loads(json.dumps(plan_document(proposal, context.world)))
        played.valid &= is_valid(document)
        done = context.done
        for one in proposal.steps:
            if why_not(one.step, played.world):
                played.executable = False
                break
            played.world = after(one.step, played.world)
            played.done.append(one.step)
            done = (*done, one.sentence)
        context = PlanContext(played.world, proposal.memory, proposal.pending, done=done)
        if proposal.pending is not None and proposal.pending.gap == "consent" and turn == case.turns[-1]:
            would = planner.plan("yes", context)
            tried = Played(played.world, list(played.done), [])
            for one in would.steps:
                tried.world = after(one.step, tried.world)
                tried.done.append(one.step)
            turns.append("yes" if case.goal != "refuse" and reached(case.goal, world, tried) else "no")
    return played


def is_valid(document: dict[str, Any]) -> bool:
    """True when a plan keeps to the catalogue: known statuses, skills and arguments, all of them words."""
    steps = document["steps"]
    return (
        document["status"] in STATUSES
        and isinstance(document["say"], str)
        and bool(steps) == (document["status"] == "plan")
        and all(step["skill"] in SLOTS and isinstance(step["sentence"], str) for step in steps)
        and all(isinstance(value, str) for step in steps for value in step["arguments"].values())
    )


def reached(goal: str, start: World, played: Played) -> bool:
    """True when everything that `goal` lists is so."""
    if goal == "refuse":
        return not played.done
    parts = re.findall(r"did=\w+(?: (?!\S*[=:])\w+)*|\S+", goal)
    return all(_holds(part, start, played) for part in parts)


def _holds(part: str, start: World, played: Played) -> bool:
    world = played.world
    if part.startswith("did="):
        words = part.removeprefix("did=").split()
        return any(words == _words(step)[: len(words)] for step in played.done)
    if part.startswith("held="):
        wanted = part.removeprefix("held=")
        return bool(world.held) if wanted == "*" else world.held == ((wanted,) if wanted else ())
    if count := re.fullmatch(r"n\((\w+)\)(>?=)(\d+)", part):
        where, how, number = count.groups()
        names = {thing.name for thing in world.things}
        boxes = [thing for thing in world.things if thing.kind == "box"]
        found = sum(thing.place in names if where == "on" else thing.place == where for thing in boxes)
        return found >= int(number) if how == ">=" else found == int(number)
    if ":" in part:
        name, state = part.split(":")
        return (thing := world.find(name)) is not None and thing.state == state
    name, unequal, place = re.fullmatch(r"(\w+)(!?)=(\w*)", part).groups()  # type: ignore[union-attr]
    thing = world.find(name)
    assert thing is not None, f"the goal {part} names nothing in the world"
    return (thing.place == place) != bool(unequal)


def _words(step: Step) -> list[str]:
    return [word for word in (step.skill, step.thing, step.side) if word]


def measure(planner: Planner) -> tuple[dict[str, Any], list[tuple[Case, Played]]]:
    """The figures, and the cases that went wrong."""
    scenes, delays, wrong = worlds(), [], []  # type: ignore[var-annotated]
    counts: Counter[tuple[str, str]] = Counter()
    for case in cases():
        played = play(planner, case, scenes[case.world], delays)
        good = reached(case.goal, scenes[case.world], played)
        counts[case.tier, "all"] += 1
        counts[case.tier, "reached"] += good
        counts["", "something else"] += bool(played.done) and not good
        counts["", "valid"] += played.valid
        counts["", "executable"] += played.executable
        if not good:
            wrong.append((case, played))
    tiers = [tier for tier, what in counts if what == "all"]
    total = sum(counts[tier, "all"] for tier in tiers)
    figures: dict[str, Any] = {tier: [counts[tier, "reached"], counts[tier, "all"]] for tier in tiers}
    figures["something_else_done"] = [counts["", "something else"], total]
    figures["valid_percent"] = round(100.0 * counts["", "valid"] / total, 1)
    figures["executable_percent"] = round(100.0 * counts["", "executable"] / total, 1)
    figures["latency_p50_ms"] = round(1e3 * statistics.median(delays), 2)
    figures["latency_p99_ms"] = round(1e3 * statistics.quantiles(delays, n=100)[98], 2)
    return figures, wrong


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one line of JSON last")
    parser.add_argument("--unseen", action="store_true", help="also print what went wrong of the unseen cases")
    parser.add_argument("--guess", action="store_true", help="let it ask whether what it guesses is meant")
    options = parser.parse_args()
    guess = reader_on_demand(share_path("models/language")) if options.guess else None
    planner = OfflinePlanner(tuple(SLOTS), guess)
    planner.plan("wave", PlanContext())  # tables are made at the first word
    figures, wrong = measure(planner)
    for case, played in wrong:
        if case.tier.startswith(UNSEEN) and not options.unseen:
            continue  # whoever reads them improves the grammar by them
        done = "; ".join(" ".join((*_words(step), step.place, step.onto)).strip() for step in played.done)
        print(f"{case.tier} {case.world}: {' // '.join(case.turns)}\n    wanted {case.goal}")
        print(f"    did {done or 'nothing'}\n    said {' // '.join(played.said)}")
    for tier, value in figures.items():
        if isinstance(value, list):
            print(f"{tier:20} {value[0]:4} of {value[1]:4}  {100.0 * value[0] / value[1]:.1f} %")
    print(json.dumps(figures) if options.json else f"{figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
