"""What `summary.json` of a demo holds, and how it is put together."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimus_nodes.cli.companion import Outcome

CAMERAS, POLICY = "sim_cameras: cameras", "vla: policy"
CONTROL, SIMULATION = "joint_control: control", "sim: simulation"
_MEMORY_PERIOD = 3.0  # s: the kernel walks every page of a process to answer
Diagnostics = Mapping[str, Mapping[str, str]]


@dataclass
class RunFacts:
    """What was seen while an instruction was carried out."""

    instruction: str
    seed: int
    events: list[tuple[float, str]] = field(default_factory=list)  # robot time s, text
    before: dict[str, dict[str, str]] = field(default_factory=dict)  # diagnostics as the instruction was given
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    peak_pss_mb: float = 0.0
    ended: dict[str, Any] = field(default_factory=dict)
    _next_sample: float = 0.0

    def sample_memory(self, monotonic: float, measure: Callable[[], dict[str, dict[str, float]]]) -> None:
        """Take note of what the processes use, now and then; the sum's highest value is kept."""
        if monotonic < self._next_sample:
            return
        self._next_sample, memory = monotonic + _MEMORY_PERIOD, measure()
        total = sum(figures.get("pss", 0.0) for figures in memory.values())
        if total >= self.peak_pss_mb:
            self.peak_pss_mb, self.memory = total, memory

    def finish(self, outcome: Outcome, verdicts: list[tuple[str, bool, str]], **ended: Any) -> None:
        """How it ended: the planner's outcome, the judge's verdicts, and figures as keywords."""
        self.ended = {"outcome": outcome, "verdicts": verdicts, **ended}


def summarize(facts: RunFacts) -> dict[str, Any]:
    """The content of summary.json. `success` is judged from the simulator's state alone."""
    ended = facts.ended
    outcome: Outcome = ended["outcome"]
    verdicts: list[tuple[str, bool, str]] = ended["verdicts"]
    wrong = next((f"{sentence}: {why}" for sentence, done, why in verdicts if not done), "")
    success = bool(verdicts) and not wrong
    plan = outcome.plan
    stages = stage_figures(facts.before, ended["diagnostics"])
    return {
        "success": success,
        "reason": "" if success else wrong or outcome.message,
        "robot_says": outcome.message,
        "robot_claims_success": outcome.success,
        "instruction": facts.instruction,
        "seed": facts.seed,
        "plan": [
            {"sentence": step.sentence, "state": step.state.value, "reason": step.reason}
            for step in (plan.steps if plan else ())
        ],
        "judged": [{"sentence": sentence, "done": done, "why_not": why} for sentence, done, why in verdicts],
        "duration_s": round(ended["duration"], 2),
        "real_time_factor": round(ended["real_time_factor"], 4),
        "policy_id": stages["policy"].get("policy_id", ""),
        "control_ticks_on_time_percent": stages["control"].get("on_time_percent"),
        "starved_ticks": stages["control"].get("starved_ticks"),
        "camera_to_command_p50_ms": stages["control"].get("camera_to_command_p50_ms"),
        "camera_to_command_p99_ms": stages["control"].get("camera_to_command_p99_ms"),
        "inference_p50_ms": stages["policy"].get("inference_p50_ms"),
        "stages": stages,
        "memory_mb": {"sum_pss_peak": round(facts.peak_pss_mb, 1), "processes": facts.memory},
        "cpu_percent": {name: round(100.0 * share, 1) for name, share in ended["cpu"].items()},
        "restarts": ended["restarts"],
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
    }


def stage_figures(before: Diagnostics, after: Diagnostics) -> dict[str, dict[str, Any]]:
    """What each stage reports at the end, numbers as numbers; counters are counted from `before` on."""
    stages = {}
    for stage, name in (("cameras", CAMERAS), ("policy", POLICY), ("control", CONTROL), ("simulation", SIMULATION)):
        stages[stage] = {key: _value(text) for key, text in after.get(name, {}).items()}
    control, earlier = stages["control"], before.get(CONTROL, {})
    for key in ("ticks", "late_ticks", "starved_ticks"):
        if isinstance(control.get(key), float):
            control[key] -= float(earlier.get(key) or 0.0)
    if control.get("ticks"):
        control["on_time_percent"] = round(100.0 * (1.0 - control["late_ticks"] / control["ticks"]), 3)
    return stages


def _value(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return {"True": True, "False": False, "": None}.get(text, text)
    return number if math.isfinite(number) else None
