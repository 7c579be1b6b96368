"""Who moves the robot: the emergency stop, else teleoperation, the planner, the policy. One owner at a time."""

from __future__ import annotations

from .errors import CommandError

SOURCES = ("teleop", "planner", "policy")  # highest first
NOBODY = "none"


class Ownership:
    """A lease that its holder renews with each command and loses by silence. Times are monotonic seconds.

    `lease`: the number that commands of the owner must carry, 0 when it did not ask for one (`acquire`). Numbers only
    grow: who was overtaken, fell silent or was stopped has a number that never counts again.
    """

    def __init__(self, release_after: float, reset_after: float, first_lease: int = 1) -> None:
        """release_after: silence after which an owner loses the robot, s. reset_after: shortest stop, s."""
        self._release_after, self._reset_after, self._next_lease = release_after, reset_after, first_lease
        self.owner, self.lease = NOBODY, 0
        self.emergency_stopped = False
        self._pressed = False
        self._renewed = 0.0
        self._pressed_at = 0.0
        self._monotonic = 0.0

    def request(self, source: str, monotonic: float, lease: int = 0) -> bool:
        """Take or renew the robot for `source`; True when it was not the owner before.

        Raises: CommandError with reason `emergency_stop` or `owner`.
        """
        self._check(source, monotonic)
        if lease != (self.lease if self.owner == source else 0):
            carried = f"carries the stale lease {lease}" if lease else "carries no lease"
            held = f"lease {self.lease} is in force" if self.lease else "no lease is in force"
            raise CommandError("owner", f"{source} command {carried}; {held} (service acquire_control gives a new one)")
        new = self.owner != source
        self._own(source, monotonic, lease)
        return new

    def acquire(self, source: str, monotonic: float) -> int:
        """Take the robot for whoever carries the number returned, also from another one of the same source.

        Raises: CommandError with reason `emergency_stop` or `owner`.
        """
        self._check(source, monotonic)
        self._own(source, monotonic, self._next_lease)
        self._next_lease += 1
        return self.lease

    def _check(self, source: str, monotonic: float) -> None:
        self.update(monotonic)
        if source not in SOURCES:
            raise CommandError("owner", f"unknown source {source!r}; the sources are {', '.join(SOURCES)}")
        if self.emergency_stopped:
            raise CommandError(
                "emergency_stop", f"{source} command during an emergency stop; call emergency_stop/reset first"
            )
        if self.owner in SOURCES and SOURCES.index(self.owner) < SOURCES.index(source):
            raise CommandError("owner", f"{source} command while {self.owner} owns the robot")

    def _own(self, owner: str, monotonic: float, lease: int) -> None:
        self.owner, self.lease, self._renewed = owner, lease, monotonic

    def silence(self, monotonic: float) -> float:
        """Seconds since the owner's last command."""
        return monotonic - self._renewed

    def update(self, monotonic: float) -> None:
        """Release an owner that has been silent for too long."""
        self._monotonic = max(self._monotonic, monotonic)
        if self.owner != NOBODY and self.silence(monotonic) > self._release_after:
            self.owner, self.lease = NOBODY, 0

    def release(self, source: str) -> None:
        """Give the robot back; without effect when `source` does not own it."""
        if self.owner == source:
            self.owner, self.lease = NOBODY, 0

    def emergency_stop(self, pressed: bool) -> None:
        """The button went down or up. Down latches the stop; up alone never ends it."""
        if pressed and not self._pressed:
            self._pressed_at = self._monotonic
        self._pressed = pressed
        if pressed:
            self.emergency_stopped, self.owner, self.lease = True, NOBODY, 0

    def reset_emergency_stop(self) -> bool:
        """End the stop. False while the button is still down or the stop is younger than `reset_after`."""
        if self.emergency_stopped and (self._pressed or self._monotonic - self._pressed_at < self._reset_after):
            return False
        self.emergency_stopped = False
        return True
