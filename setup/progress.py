"""Shows which stage runs and for how long, and runs commands meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

LINE_EVERY = 20.0  # s between signs of life where the output is not a terminal


class CommandFailed(Exception):
    """A command of the set-up ended with an error; `output` is the end of what it printed."""

    def __init__(self, command: list[str], code: int, output: str, log: Path) -> None:
        super().__init__(f"{' '.join(command)} ended with {code}; see {log}")
        self.output = output
        self.log = log


class Progress:
    """One stage on the screen: `with Progress("[2/6] libraries") as progress: progress.run([...], log, env)`."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = time.monotonic()
        self._spoken = self._began
        self._terminal = sys.stdout.isatty()

    def __enter__(self) -> Progress:
        print(f"{self._title} ...", end="" if self._terminal else "\n", flush=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.say(f"{self._title}: {'done' if kind is None else 'stopped'} after {self._seconds()} s")

    def say(self, line: str) -> None:
        """Print a line of its own."""
        print(f"\r\x1b[K{line}" if self._terminal else line, flush=True)

    def run(self, command: list[str], log: Path, environment: dict[str, str]) -> str:
        """Run `command` to its end; its output goes to the end of file `log` and is returned.

        Raises CommandFailed. Ctrl-C ends the command too.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(f"\n$ {' '.join(command)}\n".encode())
            file.flush()
            begin = file.tell()
            with subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
            ) as process:
                try:
                    self._wait(process)
                except BaseException:
                    process.terminate()
                    raise
        output = log.read_bytes()[begin:].decode(errors="replace")
        if process.returncode:
            raise CommandFailed(command, process.returncode, output, log)
        return output

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                process.wait(timeout=0.5)
                return
            except subprocess.TimeoutExpired:
                self._sign_of_life()

    def _sign_of_life(self) -> None:
        if self._terminal:
            print(f"\r{self._title} ... {self._seconds()} s", end="", flush=True)
        elif time.monotonic() - self._spoken > LINE_EVERY:
            self._spoken = time.monotonic()
            print(f"{self._title} ... {self._seconds()} s", flush=True)

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._began:.0f}"
