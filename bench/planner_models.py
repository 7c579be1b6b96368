"""A small language model as it is, and the same file inside our planner: instructions carried out, and time for each.

python bench/planner_models.py --every 3           a table: every third case of the tiers (see planner.py)
python bench/planner_models.py --model FILE.gguf --json

Three ways, in turns for every case, on one llama.cpp (`make env-llm`), one thread each:
  raw       its plain server: rules, scene and three examples in the prompt, free text; the first JSON list in it counts
  schema    the same prompt, the reply held to a JSON schema of steps
  ours      `RetellingPlanner`: a short prompt that stays in the cache, a choice among the plain orders that can be
            made of what was said, which are read, looked up in the scene and checked
Steps that make no sense in the world of symbols end a case, whoever proposed them.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import openai
from planner import CASES, TIERS, cases, play, reached, worlds

from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.planner import PlanContext, PlannedStep, PlanProposal
from optimus_nodes.core.world import Step, after, why_not
from optimus_nodes.planner.chat import ModelError
from optimus_nodes.planner.local import LocalModel, model_file
from optimus_nodes.planner.prompt import scene
from optimus_nodes.planner.retell import RetellingPlanner

SKILLS = tuple(SLOTS)
_PROMPT = """You plan for a robot. Reply with a JSON list of steps and nothing else. A step is
{"skill": ..., "thing": name of a thing, "place": name of a place, "onto": name of a thing, "side": "left" or "right"}.
Skills: SKILLS. Give only the fields a skill needs. If it can't be done reply []."""
_EXAMPLES = (
    ("put the red box in the left bin", [{"skill": "place", "thing": "red_box", "place": "left_bin"}]),
    ("wave with your right hand, then go home", [{"skill": "wave", "side": "right"}, {"skill": "home"}]),
    ("paint the red box", []),
)
_TEXT = {"type": "string", "maxLength": 30}
_STEPS = {
    "type": "array",
    "maxItems": 8,
    "items": {
        "type": "object",
        "properties": {
            "skill": {"type": "string", "enum": list(SKILLS)},
            **dict.fromkeys(("thing", "place", "onto", "side"), _TEXT),
        },
        "required": ["skill"],
        "additionalProperties": False,
    },
}


class PlainServer:
    """llama.cpp's server as it comes, asked for steps. `schema`: its replies are held to one."""

    def __init__(self, client: openai.OpenAI, schema: bool) -> None:
        self._client = client
        form = {"type": "json_schema", "json_schema": {"name": "steps", "schema": _STEPS, "strict": True}}
        self._options: dict[str, Any] = {"response_format": form} if schema else {}

    def plan(self, text: str, context: PlanContext) -> PlanProposal:
        messages: list[Any] = [{"role": "system", "content": _PROMPT.replace("SKILLS", ", ".join(SKILLS))}]
        for said, steps in _EXAMPLES:
            messages += [{"role": "user", "content": said}, {"role": "assistant", "content": json.dumps(steps)}]
        messages.append({"role": "user", "content": f"Scene: {json.dumps(scene(context.world))}\n{text}"})
        answer = self._client.chat.completions.create(
            model="plain", messages=messages, max_tokens=200, temperature=0.0, **self._options
        )
        steps = _steps(answer.choices[0].message.content or "")
        good: list[PlannedStep] = []
        now = context.world
        for step in steps:
            if why_not(step, now):
                break  # as it would end on a robot
            good.append(PlannedStep(step, step.skill))
            now = after(step, now)
        return PlanProposal("plan", "I will.", tuple(good)) if good else PlanProposal("refused", "No.")


class Forgiving:
    """Our planner, for whom a model that fails has refused."""

    def __init__(self, planner: RetellingPlanner) -> None:
        self._planner = planner

    def plan(self, text: str, context: PlanContext) -> PlanProposal:
        try:
            return self._planner.plan(text, context)
        except ModelError as error:
            return PlanProposal("refused", str(error))


def _steps(text: str) -> list[Step]:
    """The steps in the first JSON list of a reply."""
    found = re.search(r"\[.*\]", text, re.DOTALL)
    try:
        raw = json.loads(found[0]) if found else []
    except json.JSONDecodeError:
        return []
    fields = ("skill", "thing", "place", "onto", "side")
    found_steps = [one for one in raw if isinstance(one, dict) and one.get("skill")]
    return [Step(**{name: str(one.get(name) or "") for name in fields}) for one in found_steps]


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2", help="GGUF file")
    parser.add_argument("--every", type=int, default=1, help="take every n-th case")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    file = model_file(options.model)
    command = [sys.executable, "-m", "optimus_nodes.planner.local_server", str(file), "4096", "1"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdout is not None and server.stdin is not None
    client = openai.OpenAI(base_url=server.stdout.readline().decode().strip() + "/v1", api_key="none", timeout=120.0)
    ours = LocalModel(file)
    ways = {
        "raw": PlainServer(client, schema=False),
        "schema": PlainServer(client, schema=True),
        "ours": Forgiving(RetellingPlanner(ours, SKILLS, 60.0)),
    }
    chosen = [case for case in cases() if case.tier in TIERS][:: options.every]
    good: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    delays: dict[str, list[float]] = {name: [] for name in ways}
    began = time.monotonic()
    for number, case in enumerate(chosen):
        totals[case.tier] += 1
        for name, planner in ways.items():
            start = worlds()[case.world]
            good[name, case.tier] += reached(case.goal, start, play(planner, case, start, delays[name]))
        if number % 10 == 0:
            print(f"{number} of {len(chosen)} cases, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    ours.close()
    server.stdin.close()
    server.wait(10.0)
    possible = [tier for tier in totals if tier != "impossible"]
    figures: dict[str, Any] = {"model": file.name, "cases": dict(totals), "folder": CASES.name}
    for name in ways:
        done = sum(good[name, tier] for tier in possible)
        figures[name] = {
            "done": [done, sum(totals[tier] for tier in possible)],
            "by_tier": {tier: [good[name, tier], totals[tier]] for tier in totals},
            "latency_p50_s": round(statistics.median(delays[name]), 3),
        }
        print(f"{name:8} {figures[name]}")
    print(json.dumps(figures) if options.json else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
