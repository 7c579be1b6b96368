"""A camera read in a thread of its own: it never blocks whoever takes its pictures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..core.backoff import Backoff
from ..core.camera_health import CameraHealth, Phase
from ..core.errors import DeviceError, OptimusError
from ..core.values import ImageArray
from .camera_sources import Source


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture (H, W, 3) uint8 RGB and when it was captured (`clock` of the reader)."""

    stamp: float
    image: ImageArray


class CameraReader:
    """Keeps the newest picture of a source, and opens the source again when it vanishes.

    Args:
        width, height: the only size accepted, pixels. rate_hz: pictures a second; the surplus of a live
            source is skipped without decoding it, files and folders are played at this rate.
        on_frame: called in the reader's thread after each picture.
        clock: time stamps, s. Read right after the picture was grabbed, before it is decoded.
        memory: called in the reader's thread with height and width; gives the memory to make the next picture in, or
            None for memory of the reader's own.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        width: int,
        height: int,
        rate_hz: float,
        on_frame: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        memory: Callable[[int, int], ImageArray | None] = lambda height, width: None,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self._source, self._size, self._period = source, (width, height), 1.0 / rate_hz
        self._on_frame, self._clock, self._memory = on_frame, clock, memory
        self._backoff = backoff or Backoff()
        self._lock = threading.Lock()
        self._buffers = [np.zeros((height, width, 3), np.uint8) for _ in range(3)]
        self._newest = self._taken = self._buffers[0]
        self._stamp = 0.0
        self._fresh = False
        self._phase: Phase = "connecting"
        self._frames = self._dropped = self._missed = self._reconnects = 0
        self._error = ""
        self._retry_at = 0.0
        self._heard = time.monotonic()
        self._due = 0.0
        self._bug: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        """Start reading. A device, file or folder that is missing or unreadable is a DeviceError here already."""
        if not self._source.late:
            self._source.open()
            try:
                self._read()
            except DeviceError:
                self._source.close()
                raise
        self._thread.start()

    def take(self) -> Frame | None:
        """The newest picture, once; None when it was taken before. Its array is valid until the next call."""
        with self._lock:
            if not self._fresh:
                return None
            self._fresh, self._taken = False, self._newest
            return Frame(self._stamp, self._taken)

    def health(self) -> CameraHealth:
        """How the camera is. A bug that ended the thread is raised here, in the thread that asks."""
        if self._bug is not None:
            raise self._bug
        now = time.monotonic()
        with self._lock:
            return CameraHealth(
                source=self._source.name,
                phase=self._phase,
                frames=self._frames,
                dropped=self._dropped,
                missed=self._missed,
                reconnects=self._reconnects,
                error=self._error,
                retry_s=max(self._retry_at - now, 0.0),
                silent_s=now - self._heard,
            )

    def stop(self, timeout_s: float = 1.0) -> None:
        """End the thread. One that hangs in a dead device is left behind; it ends with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _guarded(self) -> None:
        try:
            self._run()
        except Exception as bug:
            self._bug = bug

    def _run(self) -> None:
        opened = not self._source.late
        began = time.monotonic()
        while not self._stop.is_set():
            try:
                if not opened:
                    self._source.open()
                    opened, began = True, time.monotonic()
                    self._due = 0.0
                while not self._stop.is_set():
                    if not self._read():
                        self._set_phase("ended")
                        return
            except OptimusError as error:
                lasted = time.monotonic() - began if opened else 0.0
                self._source.close()
                opened = False
                self._wait(str(error), lasted)
        self._source.close()

    def _read(self) -> bool:
        """Read one picture, or skip it when it comes too early. False when the source has ended."""
        if not self._source.live and self._due and self._stop.wait(max(self._due - time.monotonic(), 0.0)):
            return True
        if not self._source.grab():
            return False
        stamp, now = self._clock(), time.monotonic()
        if self._source.live and now < self._due - 0.5 * self._period:
            return True
        self._due = max(self._due, now - 0.5 * self._period) + self._period
        image = self._source.retrieve()
        height, width = image.shape[:2]
        if (width, height) != self._size:
            raise DeviceError(
                f"camera {self.name}: {self._source.name} gives {width}x{height} pixels, not {self._size[0]}x"
                f"{self._size[1]}; change width and height (config/camera.yaml)"
            )
        self._keep(stamp, image)
        return True

    def _keep(self, stamp: float, image: ImageArray) -> None:
        free = self._memory(*image.shape[:2])
        if free is None:
            with self._lock:
                free = next(b for b in self._buffers if b is not self._newest and b is not self._taken)
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=free)
        with self._lock:
            self._dropped += self._fresh
            self._newest, self._stamp, self._fresh = free, stamp, True
            now = time.monotonic()
            if self._phase == "streaming" and self._frames:
                self._missed += max(round((now - self._heard) / self._period) - 1, 0)
            self._frames += 1
            self._heard = now
            self._reconnects += self._phase != "streaming" and bool(self._error)
            self._phase, self._error = "streaming", ""
        self._on_frame()

    def _wait(self, error: str, lasted: float) -> None:
        self._backoff = self._backoff.after_failure(lasted)
        with self._lock:
            self._phase, self._error = "waiting", error
            self._retry_at = time.monotonic() + self._backoff.wait_s
        self._stop.wait(self._backoff.wait_s)
        self._set_phase("connecting")

    def _set_phase(self, phase: Phase) -> None:
        with self._lock:
            self._phase = phase
