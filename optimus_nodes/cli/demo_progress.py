"""What a demo shows in the terminal: a line that follows the robot on a TTY, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

from optimus_nodes.core.captions import step_lines
from optimus_nodes.core.plan import Plan, PlanState, StepState


class Progress:
    """Prints to standard output."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._start = time.monotonic()
        self._states: dict[int, StepState] = {}
        self._plan: Plan | None = None
        self._width = 0

    def note(self, text: str) -> None:
        """A line that stays."""
        self._clear()
        print(text, flush=True)

    def on_speech(self, text: str) -> None:
        """What the robot says."""
        self.note(f"robot: {text}")

    def on_plan(self, plan: Plan, stamp: float) -> list[tuple[float, str]]:
        """Show what is new in the plan; returns it as events (robot time s, text)."""
        if self._plan is not None and plan.id != self._plan.id:
            self._states = {}
        self._plan = plan
        events = []
        for number, (step, line) in enumerate(zip(plan.steps, step_lines(plan), strict=True)):
            if step.state is not self._states.get(number, StepState.PENDING):
                self._states[number] = step.state
                self.note(line)
                events.append((stamp, f"{number + 1}: {step.sentence} {step.state.value}"))
        return events

    def redraw(self) -> None:
        """Bring the live line up to date."""
        if not self._live or self._plan is None or self._plan.state is not PlanState.RUNNING:
            return
        step = next((line for line in step_lines(self._plan) if "[    now]" in line), "")
        text = f"{time.monotonic() - self._start:6.1f} s {step}"
        print("\r" + text.ljust(self._width), end="", flush=True)
        self._width = len(text)

    def _clear(self) -> None:
        if self._live and self._width:
            print("\r" + " " * self._width + "\r", end="")
            self._width = 0
