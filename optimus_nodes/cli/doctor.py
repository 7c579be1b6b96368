"""`optimus doctor`: checks this machine and this installation, and says how to mend what is missing."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from optimus_nodes.cli import doctor_machine, doctor_project
from optimus_nodes.cli.findings import BROKEN, OK, WARNING, Check, Finding, as_dict, examine, exit_code
from optimus_nodes.core.errors import ConfigError

CHECKS: dict[str, Check] = {**doctor_machine.CHECKS, **doctor_project.CHECKS}
MARKS = {OK: "ok      ", WARNING: "warning ", BROKEN: "BROKEN  "}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Run only this check; may be repeated.")] = None,
    robot: Annotated[str | None, typer.Option(help="Check the description of this robot of config/robots/.")] = None,
) -> int:
    """Check Python, ROS, graphics, policy and more, or a robot. Exits with 0 (well), 1 (warnings) or 2 (broken)."""
    checks = _checks(robot)
    unknown = [name for name in only or [] if name not in checks]
    if unknown:
        raise ConfigError(f"--only {unknown[0]}: there is no such check; there are {', '.join(checks)}")
    findings: dict[str, Finding] = {}
    for name in only or checks:
        findings[name] = examine(checks[name])
        if not as_json:
            print(line(name, findings[name]), flush=True)
    code = exit_code(list(findings.values()))
    if as_json:
        print(json.dumps({"exit": code, "checks": [as_dict(name, finding) for name, finding in findings.items()]}))
    else:
        bad = [finding.state for finding in findings.values()]
        print(f"{len(bad)} checks: {bad.count(BROKEN)} broken, {bad.count(WARNING)} warnings")
    return code


def _checks(robot: str | None) -> dict[str, Check]:
    if robot is None:
        return CHECKS
    from optimus_nodes.cli.doctor_robot import robot_checks

    return robot_checks(robot)


def line(name: str, finding: Finding) -> str:
    """One finding for people: what was found and, below it, the command that mends it."""
    text = f"{MARKS[finding.state]} {name:<12} {finding.text}"
    return text if finding.state == OK else f"{text}\n{'':9}{'':12} mend it: {finding.fix}"
