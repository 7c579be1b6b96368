"""What the control loop says about itself: timing of its ticks, and its health in one sentence."""

from __future__ import annotations

from .faults import DOING
from .joint_control_config import ControlStatus
from .timing import Delays, Rate

LEVELS = ("ok", "warn", "error")
_LATE_WARN, _LATE_ERROR = 0.05, 0.10  # share of late ticks since the last report
_SIZE = 2000


class LoopTiming:
    """Ticks of a loop that should run every `period` s. A tick is late when the next one was already due.

    `overruns`: ticks that were late one after the other until now.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._lateness, self._cost, self._age, self._rate = Delays(_SIZE), Delays(_SIZE), Delays(_SIZE), Rate(1.0)
        self._last: float | None = None
        self._since_report = [0, 0]
        self.ticks = self.late = self.overruns = 0

    def tick(self, start: float, end: float, age: float = 0.0) -> None:
        """One tick ran from `start` to `end`, monotonic s; what it acted on was measured `age` s before."""
        if self._last is not None:
            lateness = max(0.0, end - self._last - self._period)
            late = lateness >= self._period
            self._lateness.add(lateness)
            self.late += late
            self.overruns = self.overruns + 1 if late else 0
            self._since_report[0] += late
        self._last = end
        self.ticks += 1
        self._since_report[1] += 1
        self._cost.add(end - start)
        self._age.add(age)
        self._rate.tick(end)

    def late_share(self) -> float:
        """Share of late ticks since the last call, 0 to 1."""
        late, ticks = self._since_report
        self._since_report = [0, 0]
        return late / ticks if ticks else 0.0

    def figures(self, monotonic: float) -> dict[str, object]:
        """Rate in Hz; lateness, cost, and age of what was acted on, of a tick, in ms."""
        return {
            "rate_hz": self._rate.hz(monotonic),
            "ticks": self.ticks,
            "late_ticks": self.late,
            "lateness_p50_ms": self._lateness.percentile(50.0) * 1e3,
            "lateness_p99_ms": self._lateness.percentile(99.0) * 1e3,
            "lateness_p999_ms": self._lateness.percentile(99.9) * 1e3,
            "lateness_max_ms": self._lateness.percentile(100.0) * 1e3,
            "tick_p50_ms": self._cost.percentile(50.0) * 1e3,
            "tick_p99_ms": self._cost.percentile(99.0) * 1e3,
            "state_age_p50_ms": self._age.percentile(50.0) * 1e3,
            "state_age_p99_ms": self._age.percentile(99.0) * 1e3,
        }


def control_report(
    status: ControlStatus, timing: LoopTiming, state_age: float | None, monotonic: float
) -> tuple[str, str, dict[str, object]]:
    """Level (one of LEVELS), sentence and figures for /diagnostics. `state_age`: s, None before any joint state."""
    late = timing.late_share()
    figures: dict[str, object] = {
        "owner": status.owner,
        "holding": status.holding,
        "emergency_stopped": status.emergency_stopped,
        "fault": status.fault,
        "reaction": status.reaction,
        "slowed_by": status.slowed_by,
        "accepted": status.accepted,
        "refused": sum(status.refused.values()),
        **{f"refused_{reason}": count for reason, count in sorted(status.refused.items())},
        "starved_ticks": status.starved_ticks,
        "restarts": status.restarts,
        "overrun_holds": status.overrun_holds,
        "camera_to_command_count": status.latency_count,
        "camera_to_command_p50_ms": status.latency_p50 * 1e3,
        "camera_to_command_p99_ms": status.latency_p99 * 1e3,
        **{
            f"{side}_hand_{name}": value
            for side, hand in status.hands.items()
            for name, value in (("limit_n", hand.limit), ("felt_n", hand.felt), ("slips", hand.slips))
        },
        "late_share": late,
        **timing.figures(monotonic),
    }
    if state_age is None:
        return "warn", "waiting for joint_states", figures
    if state_age > 0.1:
        return "error", f"no joint_states for {state_age:.1f} s: {DOING[status.reaction]}", figures
    if late > _LATE_ERROR:
        return "error", f"{late:.0%} of the control ticks come late", figures
    if status.emergency_stopped:
        return "warn", "emergency stop: call emergency_stop/reset to go on", figures
    if status.fault:
        return "warn", f"{status.fault.replace('_', ' ')}: {DOING[status.reaction]}", figures
    if late > _LATE_WARN:
        return "warn", f"{late:.0%} of the control ticks come late", figures
    doing = "holding" if status.owner == "none" else f"{status.owner} moves the robot"
    return "ok", doing + (f", slowed: {status.slowed_by}" if status.slowed_by else ""), figures
