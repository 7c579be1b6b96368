"""What can be set about planner_node."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import ConfigError
from ..core.language import SLOTS
from ..core.plan_runner import PlanRules

ALL = "all"
FIRST_SKILLS = ("pick", "place", "put_down", "home")

@dataclass(frozen=True)
class PlannerParams:
    """Parameters of planner_node."""

    rules: PlanRules = field(default_factory=PlanRules)
    skills: tuple[str, ...] = field(default=FIRST_SKILLS, metadata={"doc": "What the policy in use can do, or [all]."})
    planning_timeout: float = field(default=20.0, metadata={"doc": "A planner that thinks longer is given up, s."})
    report_period: float = field(default=0.2, metadata={"doc": "Progress is reported and task repeated this often, s."})
    time_topic: str = field(default="head/camera_info", metadata={"doc": "Its stamps are robot time; 20 Hz is plenty."})

    def __post_init__(self) -> None:
        if unknown := set(self.skills) - {*SLOTS, ALL}:
            raise ConfigError(f"skills names {', '.join(sorted(unknown))}; the skills are {', '.join(SLOTS)}, or {ALL}")
        if self.planning_timeout <= 0.0 or self.report_period <= 0.0:
            raise ConfigError(
                f"planning_timeout {self.planning_timeout} and report_period {self.report_period} must be above 0 s"
            )

    @property
    def known_skills(self) -> tuple[str, ...]:
        """The skills by name."""
        return tuple(SLOTS) if ALL in self.skills else self.skills
