"""Makes the planner that the parameters ask for."""

from __future__ import annotations

from collections.abc import Callable

from ..core.planner import Planner
from .fallback import FallbackPlanner
from .local import LocalModel, model_file
from .model import ModelPlanner
from .offline import Guess, OfflinePlanner
from .params import PlannerParams
from .remote import OpenAiModel
from .retell import RetellingPlanner

_SHARE = 0.95  # of the time that the models have: what is left is for saying that they failed


def make_planner(params: PlannerParams, guess: Guess | None = None) -> Planner:
    """The back ends in the order of the parameters; the models among them share the time.

    Raises ConfigError when a model, its package or its key is missing: at the start, not at the first instruction.
    """
    skills, models = params.known_skills, [name for name in params.backends if name != "offline"]
    looking = params.look_timeout if params.scene else 0.0
    seconds = _SHARE * (params.planning_timeout - looking) / max(1, len(models))
    makers: dict[str, Callable[[], Planner]] = {
        "offline": lambda: OfflinePlanner(skills, guess),
        "local": lambda: (RetellingPlanner if params.local.small else ModelPlanner)(_local(params), skills, seconds),
        "remote": lambda: ModelPlanner(_remote(params), skills, seconds, complete=params.remote.complete_schema),
    }
    if params.backends == ("offline",):
        return makers["offline"]()
    return FallbackPlanner([(name, makers[name]()) for name in params.backends])


def _local(params: PlannerParams) -> LocalModel:
    return LocalModel(model_file(params.local.model), params.local.context, params.local.threads)


def _remote(params: PlannerParams) -> OpenAiModel:
    return OpenAiModel(params.remote.base_url, params.remote.model, params.remote.key_variable)
