"""The report of an evaluation as one page that a browser opens from disk: no script, no second file but the videos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from ..core.statistics import wilson_interval
from ..core.tasks_suite import BENCH_TASKS
from .evaluate_report import DAMAGE, NOTHING, OTHER_THING, Condition, confusion, failure, per_task

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #667079; --line: #d8dde2; --page: #ffffff; --card: #f5f7f9;
  --good: 38, 128, 92; --bad: 190, 74, 48; --bar: #2f7fb8; --mark: #12171b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --soft: #9aa5af; --line: #39424b; --page: #14181c;
  --card: #1d2329; --good: 64, 170, 125; --bad: 224, 108, 78; --bar: #4d9fd8; --mark: #f4f6f8; } }
body { margin: 0 auto; padding: 24px 20px 64px; max-width: 1180px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 6px; }
p { margin: 4px 0 12px; max-width: 75ch; } .soft { color: var(--soft); } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: middle; }
th { font-weight: 600; color: var(--soft); } td.n { text-align: right; white-space: nowrap; }
.big { font-size: 44px; font-weight: 650; line-height: 1.1; }
.track { position: relative; width: 320px; height: 16px; background: var(--card); border-radius: 3px; }
.track i { position: absolute; inset: 0 auto 0 0; background: var(--bar); border-radius: 3px; }
.track b { position: absolute; top: 7px; height: 2px; background: var(--mark); }
.track b::before, .track b::after { content: ""; position: absolute; top: -4px; height: 10px; width: 2px;
  background: var(--mark); } .track b::after { right: 0; }
.grid th.up { writing-mode: vertical-rl; transform: rotate(180deg); padding: 8px 4px; font-weight: 500; }
.grid td { text-align: center; padding: 3px 6px; min-width: 30px; border: 1px solid var(--line); }
.grid th { white-space: nowrap; } a { color: var(--bar); } details { margin: 8px 0; } summary { cursor: pointer; }
svg text { fill: var(--soft); font-size: 12px; } svg .rule { stroke: var(--line); } svg .dot { fill: var(--bar); }
svg .band { fill: var(--bar); opacity: 0.2; } svg .curve { fill: none; stroke: var(--bar); stroke-width: 2.5; }
"""


def write_report(folder: Path, title: str, facts: Sequence[str], conditions: Sequence[Condition]) -> Path:
    """Write `folder`/index.html. `facts`: lines below the title. Links to videos are relative to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    first = conditions[0]
    parts = [_head(title, facts, first)]
    if len(conditions) > 1:
        parts += [_conditions(conditions), _latencies(conditions), _matrix(conditions)]
    parts += [_tasks(first), _confusions(conditions), _failures(folder, conditions)]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _head(title: str, facts: Sequence[str], first: Condition) -> str:
    good, count = _counts(first)
    low, high = wilson_interval(good, count)
    lines = "".join(f'<p class="soft">{escape(fact)}</p>' for fact in facts)
    return (
        f"<h1>{escape(title)}</h1>{lines}"
        f'<div class="big">{100 * good / count:.0f} %</div><p>{good} of {count} episodes done as asked, {first.name}. '
        f"The true rate lies between {100 * low:.0f} and {100 * high:.0f} % (Wilson's interval, 95 %). "
        "Success is judged from the simulator's state, never from what the policy says.</p>"
    )


def _counts(condition: Condition) -> tuple[int, int]:
    return sum(result.done for result in condition.results), len(condition.results)


def _bar(good: int, count: int) -> str:
    """A cell with a bar and its interval, and one with the counts."""
    low, high = (100 * one for one in wilson_interval(good, count))
    share = 100 * good / count if count else 0.0
    return (
        f'<td><div class="track"><i style="width:{share:.1f}%"></i>'
        f'<b style="left:{low:.1f}%;width:{high - low:.1f}%"></b></div></td>'
        f'<td class="n">{share:.0f} %</td><td class="n">{good} of {count}</td>'
        f'<td class="n soft">{low:.0f} to {high:.0f} %</td>'
    )


def _bars(head: str, rows: Sequence[tuple[str, int, int]]) -> str:
    body = "".join(f"<tr><td>{escape(name)}</td>{_bar(good, count)}</tr>" for name, good, count in rows)
    return (
        f'<div class="wide"><table><tr><th>{head}</th><th>success</th><th></th><th></th><th>95 %</th></tr>'
        f"{body}</table></div>"
    )


def _conditions(conditions: Sequence[Condition]) -> str:
    rows = [(condition.name, *_counts(condition)) for condition in conditions]
    return "<h2>What makes it fail</h2>" + _bars("condition", rows)


def _tasks(condition: Condition) -> str:
    rows = [(name, row["successes"], row["episodes"]) for name, row in per_task(condition.results).items()]
    return f"<h2>Task by task, {escape(condition.name)}</h2>" + _bars("task", rows)


def _latencies(conditions: Sequence[Condition]) -> str:
    """Success against injected latency, as a curve with its interval."""
    found = sorted((c.latency, *_counts(c)) for c in conditions if c.kind in ("", "latency"))
    if len(found) < 2:
        return ""
    left, top, width, height = 52, 12, 560, 220
    longest = found[-1][0]

    def at(latency: float, share: float) -> str:
        return f"{left + width * latency / longest:.1f},{top + height * (1.0 - share):.1f}"

    limits = [wilson_interval(good, count) for _, good, count in found]
    lower = [at(one[0], limit[0]) for one, limit in zip(found, limits)]
    upper = [at(one[0], limit[1]) for one, limit in zip(found, limits)]
    line = [at(latency, good / count) for latency, good, count in found]
    rules = "".join(
        f'<line x1="{left}" x2="{left + width}" y1="{top + height * (1 - s)}" y2="{top + height * (1 - s)}" '
        f'class="rule"/><text x="{left - 8}" y="{top + height * (1 - s) + 4}" text-anchor="end">{s:.0%}</text>'
        for s in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    ticks = "".join(
        f'<text x="{left + width * one[0] / longest}" y="{top + height + 18}" text-anchor="middle">{one[0]:g} s</text>'
        for one in found
    )
    dots = "".join(f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="4" class="dot"/>' for p in line)
    return (
        "<h2>Success against latency</h2><p>Seconds by which every chunk of actions comes later than usual; the band "
        f'is the 95 % interval.</p><div class="wide"><svg width="{left + width + 30}" height="{top + height + 30}" '
        f'role="img" aria-label="Success against latency">{rules}{ticks}'
        f'<polygon points="{" ".join(upper + lower[::-1])}" class="band"/>'
        f'<polyline points="{" ".join(line)}" class="curve"/>{dots}</svg></div>'
    )


def _matrix(conditions: Sequence[Condition]) -> str:
    """Every task under every condition."""
    tables = [per_task(condition.results) for condition in conditions]
    names = list(dict.fromkeys(name for table in tables for name in table))
    head = "".join(f'<th class="up">{escape(condition.name)}</th>' for condition in conditions)
    body = ""
    for name in names:
        cells = ""
        for table in tables:
            row = table.get(name)
            cells += "<td></td>" if row is None else _heat(row["successes"], row["episodes"])
        body += f"<tr><th>{escape(name)}</th>{cells}</tr>"
    return (
        "<h2>Every task under every condition</h2><p>Successes of episodes.</p>"
        f'<div class="wide"><table class="grid"><tr><th></th>{head}</tr>{body}</table></div>'
    )


def _heat(good: int, count: int) -> str:
    share = good / count
    colour = f"rgba(var(--good), {0.55 * share:.2f})" if share >= 0.5 else f"rgba(var(--bad), {0.6 - 0.8 * share:.2f})"
    return f'<td style="background:{colour}">{good}/{count}</td>'


def _confusions(conditions: Sequence[Condition]) -> str:
    first, *others = conditions
    more = "".join(
        f"<details><summary>{escape(condition.name)}</summary>{_confusion(condition)}</details>" for condition in others
    )
    return (
        f"<h2>What was asked, what was done, {escape(first.name)}</h2><p>Rows: what the robot was told. Columns: what "
        f"the judges of all tasks saw it do. {OTHER_THING.capitalize()}: the right deed on a wrong box, hand or side. "
        f"{DAMAGE.capitalize()}: something else was moved or fell.</p>{_confusion(first)}{more}"
    )


def _confusion(condition: Condition) -> str:
    table = confusion(condition.results)
    seen = {name for row in table.values() for name in row} | set(table)
    columns = [name for name in (*BENCH_TASKS, OTHER_THING, DAMAGE, NOTHING) if name in seen]
    head = "".join(f'<th class="up">{escape(name)}</th>' for name in columns)
    body = ""
    for asked, row in table.items():
        total, cells = sum(row.values()), ""
        for name in columns:
            count = row.get(name, 0)
            kind = "good" if name == asked else "bad"
            paint = f' style="background:rgba(var(--{kind}), {0.12 + 0.5 * count / total:.2f})"' if count else ""
            cells += f"<td{paint}>{count or ''}</td>"
        body += f"<tr><th>{escape(asked)}</th>{cells}</tr>"
    return f'<div class="wide"><table class="grid"><tr><th></th>{head}</tr>{body}</table></div>'


def _failures(folder: Path, conditions: Sequence[Condition]) -> str:
    body = ""
    for condition in conditions:
        for result in condition.results:
            if result.done:
                continue
            row, link = failure(result), ""
            if result.video:
                target = escape(os.path.relpath(result.video, folder), quote=True)
                link = f'<a href="{target}">video</a>'
            cells = (condition.name, row["task"], row["sentence"], row["reason"], str(row["seed"]))
            body += "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f"<td>{link}</td></tr>"
    if not body:
        return "<h2>Failures</h2><p>None.</p>"
    head = "".join(f"<th>{name}</th>" for name in ("condition", "task", "it was told", "why it failed", "seed", ""))
    return f'<h2>Every failure</h2><div class="wide"><table><tr>{head}</tr>{body}</table></div>'
