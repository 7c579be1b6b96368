"""The stamps of an episode's streams, and the picture of how they fit together.

echo '["FOLDER", EPISODE]' | python -m optimus_nodes.dataset.timing      draws episodes/episode-…/sync.png
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import traceback
from array import array
from bisect import bisect_left
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .files import read_sealed
from .layout import Layout

_MOST = 400_000  # stamps kept per stream: half an hour at 250 Hz
_LONGEST = 120.0  # s that a picture may take


class StampLog:
    """The stamps of every stream, newest last. Of a very long episode the oldest are lost."""

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
            values = np.array(kept)
            found[name] = values[(values >= begin) & (values <= end)]
        return found

    def forget(self, before: float) -> None:
        """Stamps older than this, s, are asked for no more."""
        for kept in self._stamps.values():
            del kept[: bisect_left(kept, before)]


class TimingArtist:
    """Draws sync.png for one episode after the other, in a process of its own that lets everything else go first."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def draw(self, layout: Layout, episode: int) -> None:
        """Draw it, or leave it when that fails or takes too long: the episode is whole without."""
        if self.process is None or self.process.poll() is not None:
            words = ["nice", "-n", "10", sys.executable, "-m", __name__]
            given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self.process = subprocess.Popen(words, text=True, **given)  # type: ignore[call-overload]
        process = self.process
        late = threading.Timer(_LONGEST, process.kill)
        late.start()
        try:
            process.stdin.write(json.dumps([str(layout.root), episode]) + "\n")
            process.stdin.flush()
            process.stdout.readline()
        except OSError:
            pass  # it has ended; the next picture gets another
        finally:
            late.cancel()

    def close(self) -> None:
        """End the process; the next `draw` starts another."""
        if self.process is not None:
            self.process.communicate()
            self.process = None


def main() -> int:
    """Entry point."""
    from .sync_plot import draw_sync  # matplotlib: only in this process

    for line in sys.stdin:
        try:
            root, episode = json.loads(line)
            layout = Layout(Path(root))
            document = read_sealed(layout.document(episode))
            with np.load(layout.episode(episode) / "sync.npz") as stamps:
                title = f"episode {episode}: {document['instruction'] or 'no instruction'}"
                path = layout.episode(episode) / "sync.png"
                draw_sync(document["sync"], dict(stamps), path, title, document["refused_because"])
        except Exception:  # whatever is wrong with one episode, the next may be drawn
            traceback.print_exc()
        print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
