"""What each job needs and what it runs, once the environment stands."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from guard import only_one_setup
from lerobot_build import LerobotEnvironment, lerobot_stages
from machine import check_machine
from progress import Progress
from stages import Environment, Stage, stages_for
from stamps import Stamps

EXTRAS = {  # what a job needs beside the demo's environment
    "test": ("tools", "models", "voice", "training"),
    "test-lerobot": ("tools",),
    "test-gazebo": ("tools",),
    "lint": ("tools",),
    "env-train": ("training",),
    "env-llm": ("models",),
    "env-voice": ("voice",),
}
# How pytest runs all tests: first those that may have company, as many at a time as there are processors.
TOGETHER = ("-m", "not alone", "-n", "auto", "--maxprocesses", "8", "--dist", "loadfile", "--no-loadscope-reorder")
ALONE = ("-m", "alone")
LONG = ("-o", "faulthandler_timeout=3700")  # LeRobot trains in a test


def run_job(root: str, job: str, options: list[str]) -> int:
    """Bring the environment up to date for `job`, then become that job. Raises SetupProblem."""
    if job.endswith("-lerobot"):
        lerobot = LerobotEnvironment(Path(root))
        set_up(lerobot, lerobot_stages(), job)
        if job == "env-lerobot":
            print(f"ready: {lerobot.folder} (README.md says how to train with its bin/lerobot-train)")
            return 0
    home = Environment(Path(root))
    set_up(home, stages_for(home, *EXTRAS.get(job, ())), job)
    if job.startswith("env"):
        first = "source .venv/share/optimus_humanoid/local_setup.bash" if home.ros else "source .venv/bin/activate"
        print(f"ready: {home.folder} (type `{first}`, then `optimus --help`)")
        return 0
    return start(home, job, options)


def set_up(home: Environment, stages: list[Stage], job: str) -> None:
    """Run the stages whose stamp is missing or out of date, one set-up at a time in this folder."""
    stamps = Stamps(home)
    if not stamps.missing(stages):
        return
    with only_one_setup(home.root):
        todo = stamps.missing(stages)  # another set-up may just have done them
        if not todo:
            return
        check_machine(home, job)
        began = time.monotonic()
        print(f"setting up {home.folder} ({home.description}), {len(todo)} of {len(stages)} stages to do", flush=True)
        for number, stage in enumerate(stages, start=1):
            if not stamps.missing([stage]):  # asked anew: an earlier stage may have made this one out of date
                continue
            with Progress(f"[{number}/{len(stages)}] {stage.title}") as progress:
                stamps.begin(stage)
                stage.run(home, progress, stamps.was_interrupted(stage))
                stamps.finish(stage)
        print(f"set-up done in {time.monotonic() - began:.0f} s", flush=True)


def start(home: Environment, job: str, options: list[str]) -> int:
    """Run the commands of `job`; the last one replaces this process."""
    python = str(home.python)
    tests = [python, "-m", "pytest"]
    commands = {
        "demo": [[python, "-m", "optimus_nodes.cli.main", "demo", *options]],
        "lint": [[python, "-m", "ruff", "check", "."], [python, "-m", "mypy"]],
        "test": [[*tests, *options]] if options else [[*tests, *TOGETHER], [*tests, *ALONE]],
        "test-lerobot": [[*tests, "test/lerobot", *LONG, *options]],
        "test-gazebo": [[*tests, "test/gazebo", "test/robot/test_gazebo_urdf.py", *options]],
    }[job]
    environment = home.variables()
    os.chdir(home.root)
    for command in commands[:-1]:
        code = subprocess.call(command, env=environment)
        if code:
            return code
    sys.stdout.flush()
    os.execve(commands[-1][0], commands[-1], environment)
