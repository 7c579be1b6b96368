"""`optimus say`: tells a running robot what to do and shows how it goes."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from optimus_nodes.cli.companion import Companion, Outcome
from optimus_nodes.cli.environment import enter_graph_environment
from optimus_nodes.core.captions import step_lines
from optimus_nodes.core.plan import Plan, StepState

DONE, FAILED = 0, 1


def say(
    sentence: Annotated[str, typer.Argument(help='What to do, as in "put the red box in the left bin".')],
    domain: Annotated[int | None, typer.Option(help="ROS domain of the robot; default: ROS_DOMAIN_ID or 0.")] = None,
    timeout: Annotated[float, typer.Option(help="Stop the robot when it is not done after this many seconds.")] = 180.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON instead.")] = False,
) -> int:
    """Tell a running robot what to do; returns when it is done. Exit code 0 done, 1 not done, 2 no robot."""
    enter_graph_environment(domain)
    with Companion() as companion:
        teller = _Teller(quiet=as_json)
        companion.on_plan, companion.on_speech = teller.on_plan, teller.on_speech
        try:
            outcome = companion.carry_out(sentence, timeout)
        except KeyboardInterrupt:
            outcome = Outcome(False, "stopped by Ctrl-C", companion.plan)
        companion.spin(0.1)
    if as_json:
        steps = [{"sentence": s.sentence, "state": s.state.value, "reason": s.reason} for s in teller.steps(outcome)]
        print(json.dumps({"success": outcome.success, "message": outcome.message, "steps": steps}))
    else:
        teller.end(outcome)
    return DONE if outcome.success else FAILED


class _Teller:
    """Prints what the robot says, and each step when it begins or ends."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._told: dict[tuple[int, int], StepState] = {}
        self._spoken = ""

    def on_speech(self, text: str) -> None:
        self._spoken = text
        if not self._quiet:
            print(f"robot: {text}", flush=True)

    def on_plan(self, plan: Plan) -> None:
        for number, (step, line) in enumerate(zip(plan.steps, step_lines(plan), strict=True)):
            before = self._told.get((plan.id, number), StepState.PENDING)
            self._told[plan.id, number] = step.state
            if step.state is not before and not self._quiet:
                print(line, flush=True)

    def steps(self, outcome: Outcome) -> tuple[object, ...]:
        return outcome.plan.steps if outcome.plan else ()

    def end(self, outcome: Outcome) -> None:
        if outcome.message != self._spoken:
            print(f"robot: {outcome.message}" if outcome.success else f"not done: {outcome.message}", flush=True)
