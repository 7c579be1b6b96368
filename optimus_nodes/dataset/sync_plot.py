"""The picture of an episode's synchrony: intervals of every stream, skew to the reference camera, figures, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.sync import DROP
from ..core.values import Array

_GOOD, _BAD, _LINE = "#1a7f37", "#cf222e", "#0969da"
_COLUMNS = ("stream", "count", "Hz", "expected", "lost", "jitter p99", "skew p99", "skew max", "age p99", "went back")
_WIDTHS = (0.19, 0.08, 0.09, 0.08, 0.12, 0.09, 0.09, 0.09, 0.09, 0.09)


def draw_sync(
    report: Mapping[str, Any],
    stamps: Mapping[str, Array],
    path: Path,
    title: str,
    reasons: Sequence[str] = (),
) -> None:
    """Write a .png. `report`: of core.sync; `stamps`: stream -> (N,) s; `reasons`: why the episode was refused."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    names = list(report["streams"])
    rows = max(len(names), 1)
    shown = list(reasons[:6]) + ([f"and {len(reasons) - 6} more"] if len(reasons) > 6 else [])
    heights = [0.55 + 0.22 * len(shown), *[0.95] * rows, 0.35 + 0.28 * (rows + 1)]
    figure = Figure(figsize=(13.0, sum(heights) + 0.5), layout="constrained")
    grid = figure.add_gridspec(rows + 2, 2, width_ratios=(3.2, 1.0), height_ratios=heights)

    head = figure.add_subplot(grid[0, :])
    head.axis("off")
    verdict = f"refused: {len(reasons)} reason{'s' if len(reasons) > 1 else ''}" if reasons else "accepted"
    head.text(0.0, 1.0, title, fontsize=13, fontweight="bold", va="top", transform=head.transAxes)
    colour = _BAD if reasons else _GOOD
    head.text(
        1.0, 1.0, verdict, fontsize=13, fontweight="bold", va="top", ha="right", color=colour, transform=head.transAxes
    )
    head.text(0.0, 0.0, "\n".join(shown), fontsize=9, va="bottom", color=_BAD, transform=head.transAxes)

    known = {name: np.asarray(stamps.get(name, ()), dtype=np.float64) for name in names}
    compared = np.sort(known.get(report["reference"], np.empty(0)))
    every = np.concatenate([known[name] for name in names]) if names else np.empty(0)
    begin, end = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    first = None
    for row, name in enumerate(names, start=1):
        strip = figure.add_subplot(grid[row, 0], sharex=first)
        first = first or strip
        _draw_intervals(strip, name, known[name] - begin, report["streams"][name]["expected_hz"])
        strip.set_xlim(0.0, max(end - begin, 1e-3))
        strip.tick_params(labelbottom=row == rows)
        if row == rows:
            strip.set_xlabel("time in the episode, s", fontsize=8)
        skew = figure.add_subplot(grid[row, 1])
        _draw_skew(skew, compared, np.sort(known[name]), report["streams"][name], name == report["reference"])
        if row == 1:
            strip.set_title("interval between stamps, ms", fontsize=9, loc="left")
            skew.set_title(f"skew to {report['reference']}, ms", fontsize=9, loc="left")
    _draw_table(figure.add_subplot(grid[rows + 1, :]), report["streams"])
    figure.savefig(path, dpi=90)


def _draw_intervals(axis: Any, name: str, stamps: Array, expected_hz: float | None) -> None:
    """Every interval over the time it ended; gaps and stamps that went back in red."""
    axis.set_ylabel(name.replace("_", " "), fontsize=8, rotation=0, ha="right", va="center")
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.25)
    steps = np.diff(stamps)
    if not steps.size:
        axis.set_yticks([])
        words = "nothing came" if not stamps.size else "one message"
        axis.text(0.5, 0.5, words, ha="center", va="center", fontsize=9, color=_BAD, transform=axis.transAxes)
        return
    if expected_hz is None:
        axis.set_yticks([])
        axis.plot(stamps, np.zeros_like(stamps), "|", color=_LINE, markersize=14)
        return
    period = 1.0 / expected_hz
    bad = (steps > DROP * period) | (steps < 0.0)
    axis.axhline(1e3 * period, color="0.5", linewidth=0.7, linestyle=":")
    axis.plot(stamps[1:][~bad], 1e3 * steps[~bad], ".", color=_LINE, markersize=2.5, rasterized=True)
    top = 1e3 * max(2.2 * period, float(steps[~bad].max(initial=0.0)) * 1.2)
    for before, after in zip(stamps[:-1][bad], stamps[1:][bad]):
        axis.axvspan(min(before, after), max(before, after), color=_BAD, alpha=0.25, linewidth=0)
    axis.plot(stamps[1:][bad], np.clip(1e3 * steps[bad], 0.0, 0.96 * top), "^", color=_BAD, markersize=5)
    axis.set_ylim(0.0, top)


def _draw_skew(axis: Any, compared: Array, stamps: Array, figures: Mapping[str, Any], is_reference: bool) -> None:
    """Histogram of the signed distance from each picture of the reference to the nearest stamp."""
    axis.tick_params(labelsize=7)
    axis.set_yticks([])
    if is_reference or not (compared.size and stamps.size and figures["expected_hz"]):
        axis.axis("off")
        words = "reference" if is_reference else "not compared"
        axis.text(0.5, 0.5, words, ha="center", va="center", fontsize=9, color="0.5", transform=axis.transAxes)
        return
    after = np.searchsorted(stamps, compared)
    left = stamps[np.maximum(after - 1, 0)] - compared
    right = stamps[np.minimum(after, stamps.size - 1)] - compared
    skew = 1e3 * np.where(np.abs(left) <= np.abs(right), left, right)
    reach = max(1.0, 1.1 * float(np.abs(skew).max()))
    axis.hist(skew, bins=41, range=(-reach, reach), color=_LINE)
    axis.axvline(0.0, color="0.5", linewidth=0.7, linestyle=":")
    axis.set_xlim(-reach, reach)


def _draw_table(axis: Any, streams: Mapping[str, Mapping[str, Any]]) -> None:
    axis.axis("off")
    cells = [
        [
            name.replace("_", " "),
            str(figures["count"]),
            _number(figures["rate_hz"], 2),
            _number(figures["expected_hz"], 0),
            "–" if figures["missing"] is None else f"{figures['missing']} ({figures['drops_share'] or 0.0:.1%})",
            _number((figures["jitter_ms"] or {}).get("p99"), 1, " ms") if figures["expected_hz"] else "–",
            _number((figures["skew_ms"] or {}).get("p99"), 1, " ms"),
            _number((figures["skew_ms"] or {}).get("max"), 1, " ms"),
            _number((figures["age_at_use_ms"] or {}).get("p99"), 1, " ms"),
            str(figures["went_back"]),
        ]
        for name, figures in streams.items()
    ]
    if not cells:
        return
    table = axis.table(cellText=cells, colLabels=_COLUMNS, colWidths=_WIDTHS, cellLoc="right", bbox=(0, 0, 1, 1))
    table.auto_set_font_size(False)
    table.set_fontsize(8.5)
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor("0.85")
        if column == 0:
            cell.set_text_props(ha="left")
        if row == 0:
            cell.set_facecolor("0.93")
        elif (column == 4 and not cells[row - 1][4].startswith(("0 ", "–"))) or (
            column == 9 and cells[row - 1][9] != "0"
        ):
            cell.set_text_props(color=_BAD, fontweight="bold")


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "–" if value is None else f"{value:.{digits}f}{unit}"
