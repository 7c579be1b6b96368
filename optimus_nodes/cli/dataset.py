"""`optimus dataset`: look at recorded data sets, check, join, divide and export them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..core.errors import ConfigError
from ..dataset.check import NOTE, Finding, damaged
from ..dataset.check import check as find_damage
from ..dataset.edit import WHERE, by_fractions, by_numbers, by_outcome
from ..dataset.edit import merge as merge_sets
from ..dataset.edit import split as split_set
from ..dataset.export import FORMATS, export_gr00t
from ..dataset.reader import DataSet
from ..dataset.view import write_view
from ..robot.load import load_robot

app = typer.Typer(
    help="Look at recorded data sets, check, join, divide and export them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Root = Annotated[Path, typer.Argument(metavar="FOLDER", help="The data set: the folder that meta/ is in.")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on standard output.")]


@app.command(short_help="What is in a data set, in numbers.")
def info(root: Root, as_json: Json = False) -> None:
    """What is in a data set: robot, episodes, duration, outcomes, tasks, cameras, size."""
    report = summary(DataSet.open(root))
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in _lines(report):
        table.add_row(name, text)
    Console(highlight=False).print(table)


@app.command()
def check(
    root: Root,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every picture and message too; slow.")] = False,
    as_json: Json = False,
) -> None:
    """Find every changed bit and every cut or missing file. Exit code 1 when something is damaged."""
    with _bar("checking", quiet=as_json) as progress:
        found = find_damage(root, progress, deep)
    if as_json:
        print(json.dumps([one.to_mapping() for one in found], ensure_ascii=False))
    else:
        _show(root, found)
    raise typer.Exit(1 if damaged(found) else 0)


@app.command(short_help="Join data sets of the same robot into a new one.")
def merge(
    sources: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Data sets of the same robot.")],
    out: Annotated[Path, typer.Option(help="The new data set.")],
) -> None:
    """Join data sets of the same robot into a new one; the old ones stay as they are."""
    with _bar("merging") as progress:
        count = merge_sets(sources, out, progress)
    print(f"wrote {out}: {count} episodes of {len(sources)} data sets")


@app.command(short_help="Copy parts of a data set into new ones.")
def split(
    root: Root,
    out: Annotated[list[Path], typer.Argument(metavar="NEW...", help="One new folder for each part.")],
    fractions: Annotated[str, typer.Option(help="Deal out by chance, such as 0.9,0.1.")] = "",
    episodes: Annotated[str, typer.Option(help="These, such as 0-9,12; the others go into a second NEW.")] = "",
    where: Annotated[str, typer.Option(help=f"Those with this outcome: {', '.join(WHERE)}; likewise.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of --fractions.")] = 0,
) -> None:
    """Copy parts of a data set into new ones; the old one stays as it is."""
    if sum(map(bool, (fractions, episodes, where))) != 1:
        raise ConfigError("say how to divide: give exactly one of --fractions, --episodes and --where")
    data_set = DataSet.open(root)
    if fractions:
        parts = by_fractions(data_set, _numbers(fractions), seed)
    else:
        chosen = by_numbers(episodes) if episodes else by_outcome(data_set, where)
        parts = [chosen, [one.number for one in data_set.episodes if one.number not in chosen]][: max(len(out), 1)]
    if len(parts) != len(out) or len(set(out)) < len(out):
        raise ConfigError(f"{len(parts)} parts need as many different new folders; got {', '.join(map(str, out))}")
    with _bar("splitting") as progress:
        split_set(root, dict(zip(out, parts)), progress)
    for path, part in zip(out, parts):
        print(f"wrote {path}: {len(part)} of {len(data_set.episodes)} episodes")


@app.command(short_help="Write a data set in another layout, such as GR00T's.")
def export(
    root: Root,
    out: Annotated[Path, typer.Argument(help="The new folder.")],
    layout: Annotated[str, typer.Option("--format", help=f"One of: {', '.join(FORMATS)}.")] = "gr00t",
) -> None:
    """Write a data set in another layout: gr00t is LeRobot v2.1 with meta/modality.json."""
    if layout not in FORMATS:
        raise ConfigError(f"there is no format {layout!r}; give one of {', '.join(FORMATS)} (--format)")
    with _bar("exporting") as progress:
        export_gr00t(root, out, robot_groups(DataSet.open(root)), progress)
    print(f"wrote {out}")


@app.command(short_help="Write pages with videos and curves for a browser.")
def view(
    root: Root,
    episode: Annotated[list[int] | None, typer.Option(help="Only this episode; may be given again.")] = None,
) -> None:
    """Write HTML pages with videos and curves, to open in a browser; they need no server."""
    data_set = DataSet.open(root)
    with _bar("drawing") as progress:
        index = write_view(root, robot_groups(data_set), episode or None, progress)
    print(f"open {index.resolve().as_uri()}")


def summary(data_set: DataSet) -> dict[str, Any]:
    """What `optimus dataset info` says; outcomes and accepted are counts of episodes, tasks of episodes too."""
    documents = [data_set.document(one.number) for one in data_set.episodes]
    names = {True: "success", False: "failure", None: "unknown"}
    outcomes = Counter(names[(one.get("outcome") or {}).get("success")] for one in documents)
    tasks = Counter(task for one in data_set.episodes for task in one.tasks)
    features = data_set.info["features"]
    frames = data_set.frames_total
    return {
        "folder": str(data_set.root),
        "robot": data_set.info.get("robot_type"),
        "fps": data_set.fps,
        "episodes": len(data_set.episodes),
        "frames": frames,
        "duration": round(frames / data_set.fps, 3),
        "bytes": sum(path.stat().st_size for path in data_set.root.rglob("*") if path.is_file()),
        "outcomes": {name: outcomes[name] for name in names.values()},
        "accepted": sum(bool(one["accepted"]) for one in documents if "accepted" in one),
        "judged": sum("accepted" in one for one in documents),
        "instructions": dict(Counter(one["instruction"] for one in documents if one.get("instruction")).most_common()),
        "tasks": dict(tasks.most_common()),
        "cameras": {name: features[key]["shape"][:2] for name, key in data_set.cameras.items()},
        "unfinished": len([path for path in data_set.layout.recording.glob("*") if path.is_dir()]),
    }


def robot_groups(data_set: DataSet) -> Mapping[str, Sequence[str]] | None:
    """Groups of joints of the robot that was recorded; None when config/robots/ does not know it."""
    try:
        return load_robot(str(data_set.info.get("robot_type")))[0].groups
    except ConfigError:
        return None


def _lines(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    minutes, seconds = divmod(report["duration"], 60)
    yield "data set", report["folder"]
    yield "robot", str(report["robot"])
    yield "episodes", f"{report['episodes']}, {report['frames']} frames at {report['fps']:g} fps"
    yield "duration", f"{minutes:.0f} min {seconds:.1f} s"
    yield "on disk", f"{report['bytes'] / 1e6:.1f} MB"
    yield "outcomes", ", ".join(f"{count} {name}" for name, count in report["outcomes"].items())
    if report["judged"]:
        yield "accepted", f"{report['accepted']} of {report['judged']}, by their timing"
    yield "cameras", ", ".join(f"{name} {size[1]}x{size[0]}" for name, size in report["cameras"].items()) or "none"
    if report["unfinished"]:
        yield "unfinished", f"{report['unfinished']} in recording/"
    for title in ("instructions", "tasks"):
        for number, (text, count) in enumerate(report[title].items()):
            yield title if number == 0 else "", f"{count} x {text}"


def _show(root: Path, found: Sequence[Finding]) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for one in found:
        console.print(f"{one.file}", style="yellow" if one.kind == NOTE else "red")
        console.print(f"  got       {one.got}\n  expected  {one.expected}\n  to do     {one.fix}")
    bad = sum(one.kind != NOTE for one in found)
    rest = f", {len(found) - bad} unfinished" if len(found) > bad else ""
    console.print(f"{root}: {f'{bad} damaged' if bad else 'whole'}{rest}")


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ConfigError(f"--fractions {text!r} must be numbers with commas between, such as 0.9,0.1") from None


@contextmanager
def _bar(what: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, for people."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
