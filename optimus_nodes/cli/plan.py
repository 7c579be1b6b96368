"""`optimus plan`: what the planner makes of an instruction, without a robot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..core.planner import PlanContext
from ..core.world import assumed_world


def plan(
    instruction: Annotated[str, typer.Argument(help="What a person says.")],
    world: Annotated[
        Path | None, typer.Option(help="JSON file with what is in sight; default: a box of each colour.")
    ] = None,
    skill: Annotated[list[str] | None, typer.Option(help="What the policy can do; repeatable; default: all.")] = None,
    backend: Annotated[
        list[str] | None, typer.Option(help="offline, local or remote; repeatable, in order; default: offline.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="GGUF file of the local, or name of the remote model.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="The local model is small: it only tells what was said in plain words.")
    ] = False,
    base_url: Annotated[str | None, typer.Option(help="Server of the remote model; default: xAI's.")] = None,
    key_variable: Annotated[
        str | None, typer.Option(help="Environment variable with the key; default XAI_API_KEY; '' for none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> int:
    """Print the steps that the planner makes of INSTRUCTION, or what it says instead. Exit code 1 when it refuses."""
    from ..core.language import ALL
    from ..planner.documents import plan_document, read_world
    from ..planner.make import make_planner
    from ..planner.params import LocalParams, PlannerParams, RemoteParams
    from ..policy.reading import reader_on_demand
    from ..robot.share import share_path

    remote = {"model": model, "base_url": base_url, "key_variable": key_variable}
    params = PlannerParams(
        skills=tuple(skill) if skill else (ALL,),
        backends=tuple(backend or ("offline",)),
        local=LocalParams(model=model or "", small=small),
        remote=RemoteParams(**{name: value for name, value in remote.items() if value is not None}),
    )
    scene = read_world(world) if world is not None else assumed_world(params.known_skills)
    planner = make_planner(params, reader_on_demand(share_path("models/language")))
    proposal = planner.plan(instruction, PlanContext(scene))
    if as_json:
        print(json.dumps(plan_document(proposal, scene)))
    else:
        print(proposal.say)
        for number, step in enumerate(proposal.steps, 1):
            print(f"{number}. {step.sentence}")
    return 1 if proposal.status == "refused" else 0
