"""`optimus plan`: what the planner makes of an instruction, without a robot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..core.language import SLOTS
from ..core.planner import PlanContext
from ..core.world import assumed_world


def plan(
    instruction: Annotated[str, typer.Argument(help="What a person says.")],
    world: Annotated[
        Path | None, typer.Option(help="JSON file with what is in sight; default: a box of each colour.")
    ] = None,
    skill: Annotated[list[str] | None, typer.Option(help="What the policy can do; repeatable; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> int:
    """Print the steps that the planner makes of INSTRUCTION, or what it says instead. Exit code 1 when it refuses."""
    from ..planner.documents import plan_document, read_world
    from ..planner.offline import OfflinePlanner
    from ..planner.params import PlannerParams
    from ..policy.reading import reader_on_demand
    from ..robot.share import share_path

    skills = PlannerParams(skills=tuple(skill)).known_skills if skill else tuple(SLOTS)
    scene = read_world(world) if world is not None else assumed_world(skills)
    guess = reader_on_demand(share_path("models/language"))
    proposal = OfflinePlanner(skills, guess).plan(instruction, PlanContext(scene))
    if as_json:
        print(json.dumps(plan_document(proposal, scene)))
    else:
        print(proposal.say)
        for number, step in enumerate(proposal.steps, 1):
            print(f"{number}. {step.sentence}")
    return 1 if proposal.status == "refused" else 0
