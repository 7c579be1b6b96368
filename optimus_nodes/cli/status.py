"""`optimus status`: one screen about a running robot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import enter_graph_environment
from optimus_nodes.cli.supervisor import STATE_FILE
from optimus_nodes.core.captions import step_lines
from optimus_nodes.drivers.processes import is_alive, memory_mb

RUNNING, NOT_RUNNING = 0, 1


def status(
    domain: Annotated[int | None, typer.Option(help="ROS domain of the robot; default: ROS_DOMAIN_ID or 0.")] = None,
    seconds: Annotated[float, typer.Option(help="How long to listen.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON instead.")] = False,
) -> int:
    """Show nodes, rates, who is in control, the plan and the emergency stop. Exit code 1 when nothing runs."""
    number = enter_graph_environment(domain)
    with Companion() as companion:
        companion.spin(seconds)
        own = companion.node.get_name()
        names = sorted({name for name in companion.node.get_node_names() if name != own})
        report = {
            "domain": number,
            "nodes": {name: {} for name in names},
            "supervisor": find_state(number),
            "diagnostics": companion.diagnostics,
            "health": companion.health,
            "emergency_stop": companion.emergency_stopped,
            "plan": None,
        }
        plan = companion.plan
    for name, node in report["supervisor"].items():
        report["nodes"].setdefault(name, {}).update(node)
    if plan is not None:
        report["plan"] = {"instruction": plan.instruction, "state": plan.state.value, "steps": step_lines(plan)}
    print(json.dumps(report) if as_json else screen(report))
    return RUNNING if names else NOT_RUNNING


def find_state(domain: int, runs: Path = Path("runs")) -> dict[str, dict[str, Any]]:
    """What the living supervisor of this domain wrote about its processes; empty when there is none here."""
    for file in sorted(runs.glob(f"*/{STATE_FILE}"), key=lambda path: path.stat().st_mtime, reverse=True):
        state = json.loads(file.read_text())
        if state.get("domain") == domain and is_alive(state["supervisor"]):
            nodes: dict[str, dict[str, Any]] = state["nodes"]
            for node in nodes.values():
                node["rss_mb"] = memory_mb(node["pid"]).get("rss") if node["pid"] else None
            return nodes
    return {}


def screen(report: dict[str, Any]) -> str:
    """The report as text for one screen."""
    if not report["nodes"]:
        return f"no robot runs in ROS domain {report['domain']} (start one: optimus up)"
    lines = [f"ROS domain {report['domain']}", "", f"{'node':<22}{'state':<12}{'pid':>8}{'restarts':>10}{'MB':>8}"]
    for name, node in report["nodes"].items():
        values = [str(node.get(key) if node.get(key) is not None else "-") for key in ("pid", "restarts", "rss_mb")]
        lines.append(f"{name:<22}{node.get('state', 'seen'):<12}{values[0]:>8}{values[1]:>10}{values[2]:>8}")
    for name, values in sorted(report["diagnostics"].items()):
        level, sentence = report["health"][name]
        lines += ["", f"{name}: {sentence}" + (f" [{level}]" if level != "ok" else "")]
        lines.append("  " + "  ".join(f"{key}={value}" for key, value in values.items()))
    stop = {True: "PRESSED (reset: service emergency_stop/reset)", False: "released", None: "unknown"}
    lines += ["", f"emergency stop: {stop[report['emergency_stop']]}"]
    plan = report["plan"]
    lines.append(f"plan: {plan['instruction']!r} {plan['state']}" if plan else "plan: none")
    return "\n".join([*lines, *(plan["steps"] if plan else [])])
