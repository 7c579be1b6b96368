"""The MCAP file of the running episode, and the thread that brings everything to the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .compressed_video import video_message
from .episode_files import EpisodeFiles
from .mcap_log import McapLog
from .video import Packet

SYNC_EVERY = 0.25  # s


@dataclass(frozen=True, slots=True)
class Channel:
    """A stream of the MCAP file. `topic` is absolute; `schema` the text of the message and all it consists of."""

    topic: str
    type: str
    schema: str


class Streams:
    """The MCAP file of one episode: serialised messages as they came, pictures as CompressedVideo."""

    def __init__(
        self,
        path: Path,
        channels: Mapping[str, Channel],
        video_channels: Mapping[str, Channel],
        frames: Mapping[str, str],
        urdf: str,
    ) -> None:
        self._log, self._frames = McapLog(path), frames
        self._lock = threading.Lock()
        self._ids = {
            name: self._log.channel(one.topic, one.type, one.schema)
            for name, one in {**channels, **{f"video {n}": c for n, c in video_channels.items()}}.items()
        }
        if urdf:
            self._log.attach("robot.urdf", "application/xml", urdf.encode())

    def write(self, name: str, log_time: float, data: bytes) -> None:
        """A serialised message that arrived at `log_time`, s since 1970."""
        stamp = int(log_time * 1e9)
        with self._lock:
            self._log.write(self._ids[name], stamp, stamp, data)

    def video(self, camera: str, stamp: float, packet: Packet) -> None:
        """A compressed picture taken at `stamp`, robot time s."""
        self.write(f"video {camera}", time.time(), video_message(int(stamp * 1e9), self._frames[camera], packet.data))

    def flush(self) -> None:
        """Hand all messages to the operating system."""
        with self._lock:
            self._log.flush()

    def sync(self) -> None:
        """Wait until all that was flushed is on the disk."""
        self._log.sync()

    def close(self) -> None:
        """Write the index and end the file."""
        with self._lock:
            self._log.close()


class Syncer:
    """Brings what was written to the disk four times a second, in a thread, so that nobody waits for the disk."""

    def __init__(self, episode: EpisodeFiles, streams: Streams) -> None:
        self._episode, self._streams = episode, streams
        self._wake, self._stop = threading.Event(), False
        self._next = 0.0
        self._thread = threading.Thread(target=self._work, name="sync", daemon=True)
        self._thread.start()

    def due(self) -> None:
        """Called with every frame: flush the streams when it is time, and let the thread bring it to the disk."""
        monotonic = time.monotonic()
        if monotonic >= self._next:
            self._next = monotonic + SYNC_EVERY
            self._streams.flush()
            self._wake.set()

    def stop(self) -> None:
        """End the thread."""
        self._stop = True
        self._wake.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop:
            self._wake.wait()
            self._wake.clear()
            if not self._stop:
                try:
                    self._episode.sync()
                    self._streams.sync()
                except OSError:
                    pass  # the thread that writes notices it as well, and says so
