"""The stamps of an episode's streams, and the picture of how they fit together.

python -m optimus_nodes.dataset.timing FOLDER EPISODE      draws episodes/episode-…/sync.png
"""

from __future__ import annotations

import subprocess
import sys
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .files import read_sealed
from .layout import Layout

_MOST = 400_000  # stamps kept per stream: half an hour at 250 Hz


class StampLog:
    """The stamps of every stream, newest last; old ones are forgotten."""

    def __init__(self) -> None:
        self._stamps: dict[str, array[float]] = {}

    def add(self, name: str, stamp: float) -> None:
        """A message of stream `name` was stamped `stamp`, s."""
        kept = self._stamps.setdefault(name, array("d"))
        kept.append(stamp)
        if len(kept) > _MOST:
            del kept[: _MOST // 2]

    def between(self, begin: float, end: float) -> dict[str, NDArray[np.float64]]:
        """The stamps from `begin` to `end`, s, in the order in which they came."""
        found = {}
        for name, kept in self._stamps.items():
            values = np.frombuffer(kept)
            found[name] = values[(values >= begin) & (values <= end)]
        return found


def draw_timing(layout: Layout, episode: int) -> None:
    """Draw sync.png in a process of its own that lets everything else go first."""
    words = [sys.executable, "-m", __name__, str(layout.root), str(episode)]
    subprocess.run(["nice", "-n", "10", *words], check=False, capture_output=True, timeout=120)


def main() -> int:
    """Entry point."""
    from .sync_plot import draw_sync  # matplotlib: only in this process

    layout, episode = Layout(Path(sys.argv[1])), int(sys.argv[2])
    document = read_sealed(layout.document(episode))
    with np.load(layout.episode(episode) / "sync.npz") as stamps:
        title = f"episode {episode}: {document['instruction'] or 'no instruction'}"
        path = layout.episode(episode) / "sync.png"
        draw_sync(document["sync"], dict(stamps), path, title, document["refused_because"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
