"""Where sound comes from: a microphone, a WAV file, or a pipe that another program writes into."""

from __future__ import annotations

import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from ..core.errors import ConfigError, DeviceError
from .sound import FRAME, FRAME_S, RATE, SILENCE, Sound, read_wav

MICROPHONE = "microphone"
BYTES = 2 * FRAME


class Source(Protocol):
    """Frames of sound as they come; see `sound`."""

    def frames(self) -> Iterator[bytes]:
        """Every frame, waiting for it; ends when there will be no more. Raises DeviceError."""
        ...

    def close(self) -> None:
        """End `frames`, from any thread."""
        ...


class Microphone:
    """What ALSA's `arecord` records, from any `device` that `arecord -L` names."""

    def __init__(self, device: str) -> None:
        program = shutil.which("arecord")
        if program is None:
            raise DeviceError("no microphone can be read: arecord is missing (sudo apt-get install -y alsa-utils)")
        self._device = device
        command = [program, "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(RATE), "-D", device]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def frames(self) -> Iterator[bytes]:
        assert self._process.stdout is not None and self._process.stderr is not None
        with self._process:
            yield from _whole(self._process.stdout)
            said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        if self._process.returncode > 0:
            raise DeviceError(
                f"microphone {self._device!r} gives no sound: {said[-1] if said else 'arecord ended'} "
                "(`arecord -L` lists what there is)"
            )

    def close(self) -> None:
        self._process.terminate()


class WavFile:
    """A WAV file played as fast as it was spoken, and a second of silence after it."""

    def __init__(self, path: Path) -> None:
        self._sound: Sound = read_wav(path)
        self._closed = threading.Event()

    def frames(self) -> Iterator[bytes]:
        data = self._sound.tobytes() + SILENCE * round(1.0 / FRAME_S)
        due = time.monotonic()
        for at in range(0, len(data) - BYTES + 1, BYTES):
            due += FRAME_S
            if self._closed.wait(max(due - time.monotonic(), 0.0)):
                return
            yield data[at : at + BYTES]

    def close(self) -> None:
        self._closed.set()


class Pipe:
    """A named pipe (`mkfifo`) of raw samples; other programs may come, write and go."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("r+b", buffering=0)  # for writing too, so that it never ends by itself
        self._closed = False

    def frames(self) -> Iterator[bytes]:
        with self._file:
            for frame in _whole(self._file):
                if self._closed:
                    return
                yield frame

    def close(self) -> None:
        self._closed = True
        self._file.write(SILENCE)  # wakes the reader


def open_source(name: str, device: str) -> Source:
    """The source that is called `name`: microphone, a WAV file or a named pipe. Raises OptimusError."""
    if name == MICROPHONE:
        return Microphone(device)
    path = Path(name).expanduser()
    try:
        kind = path.stat().st_mode
    except OSError as error:
        raise ConfigError(
            f"no sound comes from {name!r}: {error.strerror}; it must be {MICROPHONE}, a WAV file or a named pipe"
        ) from error
    return Pipe(path) if stat.S_ISFIFO(kind) else WavFile(path)


def _whole(file: IO[bytes]) -> Iterator[bytes]:
    """Whole frames of a stream, however it is cut."""
    frame = b""
    while piece := file.read(BYTES - len(frame)):
        frame += piece
        if len(frame) == BYTES:
            yield frame
            frame = b""
