"""The `optimus` command itself, and `optimus doctor`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from optimus_nodes.cli.doctor import CHECKS, line
from optimus_nodes.cli.findings import Finding, broken, examine, exit_code, good, warning
from optimus_nodes.cli.main import COMMANDS


def optimus(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    command = [sys.executable, "-m", "optimus_nodes.cli.main", *words]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)


def test_help_names_every_command_and_loads_none_of_them() -> None:
    code = "import sys; from optimus_nodes.cli.main import main\n"
    code += "try: main(['--help'])\nexcept SystemExit: print({'typer', 'numpy', 'rclpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip().endswith("set()")
    for name in COMMANDS:
        assert f"  {name} " in run.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_its_options(name: str) -> None:
    run = optimus(name, "--help")
    assert run.returncode == 0, run.stderr
    assert f"Usage: optimus {name}" in run.stdout


def test_an_unknown_command_is_one_line_with_those_that_exist() -> None:
    run = optimus("dance")
    assert run.returncode == 2
    assert run.stderr.startswith("optimus dance: there is no such command; the commands are demo, up, say")
    assert len(run.stderr.splitlines()) == 1


def test_a_mistake_a_person_made_is_one_line_without_a_traceback() -> None:
    run = optimus("doctor", "--only", "nothing")
    assert run.returncode == 2
    assert run.stderr.startswith("optimus doctor: --only nothing: there is no such check; there are python")
    assert len(run.stderr.splitlines()) == 1


def test_the_exit_code_is_that_of_the_worst_finding() -> None:
    assert exit_code([good("a"), good("b")]) == 0
    assert exit_code([good("a"), warning("b", "do")]) == 1
    assert exit_code([warning("b", "do"), broken("c", "do"), good("a")]) == 2


def test_a_finding_that_is_not_well_must_say_how_to_mend_it() -> None:
    with pytest.raises(ValueError, match="must say how to mend it"):
        Finding("broken", "it is broken")
    assert line("disk", broken("full", "df -h")).splitlines()[1].strip() == "mend it: df -h"


def test_a_check_that_itself_fails_is_reported_with_its_reason() -> None:
    def check() -> Finding:
        raise ImportError("No module named 'rclpy'")

    finding = examine(check)
    assert (finding.state, finding.fix) == ("broken", "make clean && make env")
    assert "ImportError: No module named 'rclpy'" in finding.text


def test_there_are_at_least_twelve_checks_and_each_says_what_it_is_about() -> None:
    assert len(CHECKS) >= 12
    assert all(check.__doc__ for check in CHECKS.values())


@pytest.mark.parametrize(
    ("check", "variables", "text", "fix"),
    [
        ("graphics", {"__EGL_VENDOR_LIBRARY_FILENAMES": "/nowhere.json"}, "with EGL", "apt-get install -y libegl1"),
        ("transport", {"FASTRTPS_DEFAULT_PROFILES_FILE": "/nowhere.xml"}, "/nowhere.xml", "unset FASTRTPS"),
        ("middleware", {"RMW_IMPLEMENTATION": "rmw_nonsense"}, "does not start", "make clean"),
        ("rclpy", {"ROS_DISTRO": "jazzy"}, "do not mix", "make clean"),
    ],
)
def test_what_is_broken_is_found_and_named(check: str, variables: dict[str, str], text: str, fix: str) -> None:
    run = optimus("doctor", "--json", "--only", check, **variables)
    report = json.loads(run.stdout)
    assert run.returncode == report["exit"] == 2
    assert report["checks"][0]["check"] == check
    assert text in report["checks"][0]["text"]
    assert fix in report["checks"][0]["fix"]


def test_on_this_machine_what_the_demo_needs_is_found_well() -> None:
    names = ("python", "shm", "graphics", "loopback", "rclpy", "messages", "middleware", "mujoco", "codecs", "robot")
    run = optimus("doctor", "--json", *(word for name in names for word in ("--only", name)))
    findings = {entry["check"]: entry for entry in json.loads(run.stdout)["checks"]}
    assert {name: entry["text"] for name, entry in findings.items() if entry["state"] == "broken"} == {}
