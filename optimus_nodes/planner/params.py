"""What can be set about planner_node."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import ConfigError
from ..core.language import chosen_skills
from ..core.plan_runner import PlanRules
from ..core.scene import scene_named

FIRST_SKILLS = ("pick", "place", "put_down", "home")

BACKENDS = ("offline", "local", "remote")


@dataclass(frozen=True)
class RemoteParams:
    """A language model on a server that speaks OpenAI's chat interface."""

    base_url: str = field(default="https://api.x.ai/v1", metadata={"doc": "Of the server; xAI's by default."})
    model: str = field(default="grok-4", metadata={"doc": "Name of the model there."})
    key_variable: str = field(
        default="XAI_API_KEY", metadata={"doc": "Environment variable that holds the key; empty: none is wanted."}
    )
    complete_schema: bool = field(default=True, metadata={"doc": "Ask for every field; strict servers want it."})


@dataclass(frozen=True)
class LocalParams:
    """A language model on this machine."""

    model: str = field(default="", metadata={"doc": "GGUF file."})
    context: int = field(default=4096, metadata={"doc": "Tokens it keeps in mind."})
    small: bool = field(default=False, metadata={"doc": "It only tells in plain words what was said: see retell.py."})
    threads: int = field(default=1, metadata={"doc": "One is best beside a robot on two cores."})


@dataclass(frozen=True)
class PlannerParams:
    """Parameters of planner_node."""

    rules: PlanRules = field(default_factory=PlanRules)
    skills: tuple[str, ...] = field(default=FIRST_SKILLS, metadata={"doc": "What the policy in use can do, or [all]."})
    backends: tuple[str, ...] = field(
        default=("offline",), metadata={"doc": "Who is asked, in this order: offline, local, remote."}
    )
    remote: RemoteParams = field(default_factory=RemoteParams)
    local: LocalParams = field(default_factory=LocalParams)
    scene: str = field(default="", metadata={"doc": "Scene to look at before planning: bench, boxes; empty: believe."})
    robot: str = field(default="optimus", metadata={"doc": "Whose head camera looks; from config/robots/."})
    look_timeout: float = field(default=1.5, metadata={"doc": "Pictures that come later are not waited for, s."})
    gentle_force: float = field(
        default=8.0, metadata={"doc": "What a hand squeezes with at most when care was asked for, N."}
    )
    planning_timeout: float = field(default=10.0, metadata={"doc": "All planners together have this long, s."})
    report_period: float = field(default=0.2, metadata={"doc": "The progress of a plan is reported this often, s."})
    time_topic: str = field(default="head/camera_info", metadata={"doc": "Its stamps are robot time; 20 Hz is plenty."})

    def __post_init__(self) -> None:
        chosen_skills(self.skills)
        if not self.backends or set(self.backends) - set(BACKENDS) or len(set(self.backends)) < len(self.backends):
            raise ConfigError(
                f"backends is [{', '.join(self.backends)}]; allowed are {', '.join(BACKENDS)}, each once, in any order"
            )
        if self.scene:
            scene_named(self.scene)
        for name in ("planning_timeout", "report_period", "look_timeout", "gentle_force"):
            if getattr(self, name) <= 0.0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.scene and self.look_timeout >= self.planning_timeout:
            raise ConfigError(
                f"look_timeout is {self.look_timeout} s; it must be below planning_timeout, {self.planning_timeout} s"
            )

    @property
    def known_skills(self) -> tuple[str, ...]:
        """The skills by name."""
        return chosen_skills(self.skills)
