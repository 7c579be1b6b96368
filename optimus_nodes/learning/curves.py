"""Learning curves: a CSV that grows while training, and a picture of it."""

from __future__ import annotations

import csv
from pathlib import Path


class Curves:
    """One row per report in `<folder>/curves.csv`; `draw` makes `<folder>/curves.png`. Rows after `step` are dropped
    on resume, so that the file holds each step once. `write`: false in processes that only keep quiet."""

    def __init__(self, folder: Path, step: int = 0, write: bool = True) -> None:
        self._write = write
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "curves.csv"
        self.rows: list[dict[str, float]] = []
        if step and self.path.is_file():
            with self.path.open(newline="") as file:
                for row in csv.DictReader(file):
                    if float(row["step"]) <= step:
                        self.rows.append({k: float(v) for k, v in row.items() if v != ""})

    def add(self, row: dict[str, float]) -> None:
        """Add one report; it must have `step`."""
        if not self._write:
            return
        self.rows.append(row)
        names = list(dict.fromkeys(name for one in self.rows for name in one))
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)

    def draw(self) -> Path | None:
        """Draw training loss, held-out loss, held-out errors and success in the simulator over steps."""
        if not self.rows:
            return None
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots(1, 4, figsize=(16, 3.6))
        chosen = (
            ("loss", lambda n: n.startswith("train_") or n in ("held_action", "held_aux", "held_places")),
            ("held-out error, rad", lambda n: n.endswith("_rad")),
            ("held-out place error, cm / progress error", lambda n: n in ("place_cm", "held_out_progress")),
            ("success in the simulator", lambda n: n == "success"),
        )
        for axis, (title, wanted) in zip(axes, chosen):
            for name in dict.fromkeys(n for row in self.rows for n in row if wanted(n)):
                points = [(row["step"], row[name]) for row in self.rows if name in row]
                axis.plot(*zip(*points), label=name, linewidth=1)
            axis.set_title(title, fontsize=9)
            axis.set_xlabel("step")
            axis.set_ylim(bottom=0)
            if axis.lines:
                axis.legend(fontsize=6)
        figure.tight_layout()
        target = self.path.with_suffix(".png")
        figure.savefig(target, dpi=110)
        plt.close(figure)
        return target
