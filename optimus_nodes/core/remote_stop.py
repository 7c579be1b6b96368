"""A stop button at the far end of a link: whoever holds it answers the robot's challenges, and silence stops.

The robot asks again and again with a new random number; the button answers each with its complement. An answer shows
that the link works both ways and that what holds the button is alive now. Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from .errors import CommandError

_ALL = 2**64 - 1


def answer_to(challenge: int) -> int:
    """What a button that is not pressed answers."""
    return ~challenge & _ALL


class RemoteStop:
    """Pressed from the beginning, and whenever no good answer came for `timeout` s.

    Args: draw: gives an unpredictable number of 64 bit.
    """

    def __init__(self, timeout: float, draw: Callable[[], int]) -> None:
        self._timeout, self._draw = timeout, draw
        self._open: dict[int, float] = {}  # expected answer -> when it was asked for
        self._answered = float("-inf")  # when what was answered last was asked: a slow link does not lengthen it
        self.refused = 0
        self.round_trip = float("nan")

    def challenge(self, monotonic: float) -> int:
        """The next number to ask with."""
        self._open = {answer: asked for answer, asked in self._open.items() if monotonic - asked <= self._timeout}
        number = self._draw()
        self._open[answer_to(number)] = monotonic
        return number

    def answer(self, value: int, monotonic: float) -> None:
        """Take an answer. Raises CommandError when it answers nothing that was asked within `timeout`."""
        asked = self._open.pop(value, None)
        if asked is None or monotonic - asked > self._timeout:
            self.refused += 1
            raise CommandError("stale", "an answer to no challenge of the last moments: late, repeated or made up")
        self.round_trip = monotonic - asked
        self._answered = max(self._answered, asked)

    def pressed(self, monotonic: float) -> bool:
        """Whether the robot must stop."""
        return monotonic - self._answered > self._timeout
