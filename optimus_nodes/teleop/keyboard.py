"""Single key presses from a terminal, without waiting for them."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty


class Keyboard:
    """Reads standard input key by key while it is a terminal; silent otherwise. Call `close` at the end."""

    def __init__(self) -> None:
        self._file = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        if self._file is not None:
            self._before = termios.tcgetattr(self._file)
            tty.setcbreak(self._file)

    @property
    def there(self) -> bool:
        """Whether somebody can press keys."""
        return self._file is not None

    def pressed(self) -> str:
        """The keys pressed since the last call."""
        if self._file is None or not select.select([self._file], [], [], 0.0)[0]:
            return ""
        return os.read(self._file, 64).decode(errors="ignore")

    def close(self) -> None:
        """Give the terminal back as it was."""
        if self._file is not None:
            termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)
            self._file = None
