"""What the planner says and how soon, when the language model's server does everything that servers do wrong.

python bench/planner_faults.py                  a table
python bench/planner_faults.py --timeout 10 --json

A server on this machine plays xAI's (`test/chat_fakes.py`). Back ends: remote, then offline. For every fault one
instruction that the offline planner reads and one that only the model could.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "test"))
from chat_fakes import BEHAVIOURS, KEY, fake_server

from optimus_nodes.core.errors import OptimusError
from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.planner import PlanContext
from optimus_nodes.core.world import assumed_world
from optimus_nodes.planner.make import make_planner
from optimus_nodes.planner.params import PlannerParams, RemoteParams

KNOWN, UNKNOWN = "put the red box in the left bin", "fetch me that thingummy over there"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout", type=float, default=10.0, help="planning_timeout, s")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["FAKE_KEY"] = KEY
    context, rows = PlanContext(assumed_world(tuple(SLOTS))), []
    for behaviour in sorted(BEHAVIOURS):
        for words in (KNOWN, UNKNOWN):
            with fake_server() as server:
                server.behaviour = behaviour
                remote = RemoteParams(base_url=server.url, model="fake", key_variable="FAKE_KEY")
                backends = ("remote", "offline")
                params = PlannerParams(
                    skills=("all",), backends=backends, remote=remote, planning_timeout=options.timeout
                )
                planner = make_planner(params)
                began = time.monotonic()
                try:
                    proposal = planner.plan(words, context)
                    status, said = proposal.status, proposal.say
                except OptimusError as error:
                    status, said = "error", str(error)
                seconds = time.monotonic() - began
            assert KEY not in said
            rows.append({"fault": behaviour, "words": words, "status": status, "say": said, "seconds": seconds})
            print(f"{behaviour:15} {seconds:6.2f} s  {status:8} {said}", flush=True)
    worst = max(row["seconds"] for row in rows)
    print(f"the latest answer came after {worst:.2f} s of {options.timeout:g}")
    if options.json:
        print(json.dumps({"rows": rows, "worst_s": worst, "timeout_s": options.timeout}))
    return 0 if worst <= options.timeout else 1


if __name__ == "__main__":
    sys.exit(main())
