"""What is written into the video of a run: the person's words, the steps, and where the robot stands."""

from __future__ import annotations

from .plan import Plan, PlanState, StepState

_MARKS = {
    StepState.PENDING: "wait",
    StepState.RUNNING: "now",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.CANCELLED: "stopped",
}


def caption(instruction: str, plan: Plan | None, time: float, width: int = 90) -> tuple[str, str]:
    """Two lines of at most `width` letters: the sentence, and the current step. `time`: s since the start."""
    first = _shortened(f'"{instruction}"' if instruction else "waiting for an instruction", width)
    if plan is None:
        return first, f"{time:5.1f} s"
    running = next((k for k, step in enumerate(plan.steps) if step.state is StepState.RUNNING), None)
    if running is not None:
        step = plan.steps[running]
        text = f"step {running + 1}/{len(plan.steps)}: {step.sentence}  {100 * step.progress:.0f} %"
    elif plan.state is PlanState.DONE:
        text = "done" + (f": {plan.say}" if plan.say else "")
    else:
        text = plan.state.value + (f": {plan.say}" if plan.say else "")
    return first, _shortened(f"{time:5.1f} s  {text}", width)


def step_lines(plan: Plan) -> list[str]:
    """One line per step, for a terminal."""
    lines = []
    for number, step in enumerate(plan.steps, start=1):
        line = f"  {number}. [{_MARKS[step.state]:>7}] {step.sentence}"
        if step.state is StepState.RUNNING:
            line += f" ({100 * step.progress:.0f} %)"
        if step.reason:
            line += f" - {step.reason}"
        lines.append(line)
    return lines


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
