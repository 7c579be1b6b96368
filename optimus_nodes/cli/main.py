"""The `optimus` command: one sub-command per module of `optimus_nodes.cli`, imported only when it is called.

A module offers a function called like itself, or `run`, with typer annotations; its docstring is the help text.
One with sub-commands of its own offers them as `app`, a typer.Typer.
It may return its exit code or raise typer.Exit.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from ..core.errors import OptimusError

# name: (module in optimus_nodes.cli, one line of help). The order is the order of `optimus --help`.
COMMANDS = {
    "demo": ("demo", "Run the whole robot in simulation, carry out one instruction and write a video and a summary."),
    "up": ("up", "Start the nodes of config/graph.yaml and keep them running."),
    "say": ("say", "Tell a running robot what to do."),
    "plan": ("plan", "Show what the planner makes of an instruction, without a robot."),
    "hear": ("hear", "Show what the robot's ears make of a microphone or a file, without a robot."),
    "status": ("status", "Show what a running robot is doing."),
    "stop-button": ("stop_button", "Hold the stop button of a robot that is somewhere else."),
    "doctor": ("doctor", "Check this machine and say how to mend what is missing."),
    "new-robot": ("new_robot", "Make config, driver and tests for a robot of your own from its URDF."),
    "describe": ("describe", "Write a robot as Gazebo, ros_gz_bridge or ros2_control want it described."),
    "wiggle": ("wiggle", "Move every joint of a running robot a little, and say which one did not follow."),
    "record": ("record", "Record demonstrations as a data set, by keyboard or by options."),
    "replay": ("replay", "Do again what a recorded episode did, through the joint controller."),
    "dataset": ("dataset", "Look at recorded data sets, check, join, divide and export them."),
    "collect": ("collect", "Make demonstrations in simulation for training."),
    "train": ("train", "Train the policy on demonstrations."),
    "improve": ("improve", "Let the policy act, let the expert correct it, and train on."),
    "serve-policy": ("serve_policy", "Run a policy here for robots without a processor to spare."),
    "eval": ("evaluate", "Measure how often the policy succeeds."),
}
BROKEN = 2  # exit code: something about the set-up or the options is broken, as opposed to a robot that failed


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `optimus`. Exits with the code of the sub-command, 2 when something is broken."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        sys.exit(0 if words else BROKEN)
    if words[0] == "--version":
        print(version())
        sys.exit(0)
    try:
        sys.exit(call(words[0], words[1:]))
    except OptimusError as error:
        print(f"optimus {words[0]}: {error}", file=sys.stderr)
        sys.exit(BROKEN)


def overview() -> str:
    """The text of `optimus --help`."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        ["Usage: optimus COMMAND [OPTIONS]", "", "A humanoid you can talk to.", "", "Commands:", *lines, ""]
        + ["`optimus COMMAND --help` lists the options of a command."]
    )


def version() -> str:
    """Name and version of the installed package."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    for name in ("optimus-nodes", "optimus_nodes"):  # installed by pip, or by colcon
        try:
            return f"optimus {installed(name)}"
        except PackageNotFoundError:
            continue
    return "optimus, run from its source folder"


def call(name: str, words: Sequence[str]) -> int:
    """Run sub-command `name` with the options `words`; returns its exit code.

    Raises OptimusError for what a person can mend, an unknown command included.
    """
    if name not in COMMANDS:
        raise OptimusError(f"there is no such command; the commands are {', '.join(COMMANDS)}")
    import typer

    module = importlib.import_module(f"{__package__}.{COMMANDS[name][0]}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        app.command(name=name, context_settings={"help_option_names": ["-h", "--help"]})(_exiting(_function(module)))
    app(args=list(words), prog_name=f"optimus {name}")  # ends in SystemExit
    return 0


def _function(module: ModuleType) -> Callable[..., Any]:
    """The function behind a sub-command."""
    function = getattr(module, "run", None) or getattr(module, module.__name__.rpartition(".")[2])
    return function  # type: ignore[no-any-return]


def _exiting(function: Callable[..., Any]) -> Callable[..., None]:
    """`function` with its return value turned into the exit code."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        sys.exit(int(function(*args, **kwargs) or 0))

    return run


if __name__ == "__main__":
    main()
