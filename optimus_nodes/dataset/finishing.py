"""What is done about an episode once it is saved, beside the robot: its timing is drawn and its checksums are noted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from .files import DatasetError
from .heap import give_back
from .store import Store
from .timing import TimingArtist


class Finisher:
    """Takes one episode after the other, in a thread that ends with the process: what it has not come to is left.

    `say`: told in words what failed.
    """

    def __init__(self, store: Store, say: Callable[[str], None]) -> None:
        self._store, self._say, self.artist = store, say, TimingArtist()
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="finishing", daemon=True).start()

    def add(self, episode: int) -> None:
        """Finish this episode; returns at once."""
        self._waiting.put(episode)

    def close(self) -> None:
        """Nothing is added any more: the thread ends once it has finished what waits, if the process lets it."""
        self._waiting.put(None)

    def _work(self) -> None:
        while (episode := self._waiting.get()) is not None:
            try:
                self.artist.draw(self._store.layout, episode)
                self._store.seal(episode)
            except (OSError, DatasetError) as error:
                self._say(f"episode {episode} has no checksums yet: {error}")
            if self._waiting.empty():
                self.artist.close()  # it takes 60 MB
                give_back()
