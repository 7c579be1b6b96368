"""The picture of a run's arm joints: what was commanded, what was measured, and when the steps began."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.core.values import Array


def plot_joints(
    path: Path,
    robot: RobotSpec,
    measured: tuple[Array, Array],
    commanded: tuple[Array, Array],
    events: Sequence[tuple[float, str]],
) -> None:
    """Write a .png. `measured` and `commanded`: times (T,) s and positions (T, J) rad; `events`: (s, text)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    sides = [side for side in ("left", "right") if f"{side}_arm" in robot.groups]
    rows = max(len(robot.groups[f"{side}_arm"]) for side in sides)
    figure = Figure(figsize=(13.0, 1.6 * rows + 0.6 + 0.15 * len(events)), layout="constrained")
    axes = figure.subplots(rows, len(sides), sharex=True, squeeze=False)
    for column, side in enumerate(sides):
        for row, joint in enumerate(robot.group(f"{side}_arm")):
            axis = axes[row][column]
            axis.plot(commanded[0], commanded[1][:, joint], color="tab:orange", linewidth=1.6, label="commanded")
            axis.plot(measured[0], measured[1][:, joint], color="tab:blue", linewidth=0.9, label="measured")
            axis.set_ylabel("rad")
            axis.set_title(robot.joint_names[joint].removesuffix("_joint").replace("_", " "), fontsize=9)
            axis.grid(alpha=0.3)
            for time, _ in events:
                axis.axvline(time, color="black", linewidth=0.7, linestyle=":")
        axes[-1][column].set_xlabel("s")
    for number, (time, _) in enumerate(events, start=1):
        axes[0][0].annotate(str(number), (time, 1.0), xycoords=("data", "axes fraction"), fontsize=7, va="bottom")
    if events:
        axes[0][0].set_xlim(left=max(0.0, events[0][0] - 1.0))
    notes = [f"{number}  {time:6.1f} s  {text}" for number, (time, text) in enumerate(events, start=1)]
    figure.supxlabel("\n".join(notes), fontsize=8, x=0.05, ha="left")
    axes[0][-1].legend(loc="upper right", fontsize=8)
    figure.savefig(path, dpi=90)

