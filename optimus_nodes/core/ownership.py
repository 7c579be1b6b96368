"""Who moves the robot: the emergency stop, else teleoperation, the planner, the policy. One owner at a time."""

from __future__ import annotations

from .errors import CommandError

SOURCES = ("teleop", "planner", "policy")  # highest first
NOBODY = "none"


class Ownership:
    """A lease that its holder renews with each command and loses by silence. Times are monotonic seconds."""

    def __init__(self, release_after: float, reset_after: float) -> None:
        """release_after: silence after which an owner loses the robot, s. reset_after: shortest stop, s."""
        self._release_after, self._reset_after = release_after, reset_after
        self.owner = NOBODY
        self.emergency_stopped = False
        self._pressed = False
        self._renewed = 0.0
        self._pressed_at = 0.0
        self._monotonic = 0.0

    def request(self, source: str, monotonic: float) -> bool:
        """Take or renew the robot for `source`; True when it was not the owner before.

        Raises: CommandError with reason `emergency_stop` or `owner`.
        """
        self.update(monotonic)
        if source not in SOURCES:
            raise CommandError("owner", f"unknown source {source!r}; the sources are {', '.join(SOURCES)}")
        if self.emergency_stopped:
            raise CommandError(
                "emergency_stop", f"{source} command during an emergency stop; call emergency_stop/reset first"
            )
        if self.owner in SOURCES and SOURCES.index(self.owner) < SOURCES.index(source):
            raise CommandError("owner", f"{source} command while {self.owner} owns the robot")
        new = self.owner != source
        self.owner, self._renewed = source, monotonic
        return new

    def silence(self, monotonic: float) -> float:
        """Seconds since the owner's last command."""
        return monotonic - self._renewed

    def update(self, monotonic: float) -> None:
        """Release an owner that has been silent for too long."""
        self._monotonic = max(self._monotonic, monotonic)
        if self.owner != NOBODY and self.silence(monotonic) > self._release_after:
            self.owner = NOBODY

    def release(self, source: str) -> None:
        """Give the robot back; without effect when `source` does not own it."""
        if self.owner == source:
            self.owner = NOBODY

    def emergency_stop(self, pressed: bool) -> None:
        """The button went down or up. Down latches the stop; up alone never ends it."""
        if pressed and not self._pressed:
            self._pressed_at = self._monotonic
        self._pressed = pressed
        if pressed:
            self.emergency_stopped, self.owner = True, NOBODY

    def reset_emergency_stop(self) -> bool:
        """End the stop. False while the button is still down or the stop is younger than `reset_after`."""
        if self.emergency_stopped and (self._pressed or self._monotonic - self._pressed_at < self._reset_after):
            return False
        self.emergency_stopped = False
        return True
