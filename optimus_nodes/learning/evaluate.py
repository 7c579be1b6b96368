"""How often a policy does what it is told, in lock-step and judged from the simulator's truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.suites import Trial
from ..core.tasks import instruction_done, what_was_done, why_not_done
from ..core.values import ImageArray, Observation, Policy
from .demonstrations import arms_aloft
from .rollout import FRAME_DT, LockStep

TIME_LIMIT = 20.0  # s for one instruction
SURE = 0.9  # progress from which on the policy holds the task for done
SURE_FOR = 0.5  # s of it, as the planner asks for


@dataclass(frozen=True, slots=True)
class Result:
    """How a trial went. `done`: what it was told; `task_done`: the task of the scene, which differs when swapped."""

    trial: Trial
    done: bool
    task_done: bool
    duration: float
    claimed: bool
    reason: str
    changes: tuple[tuple[str, str], ...]


def run_trial(
    loop: LockStep,
    policy: Policy,
    trial: Trial,
    blackout: Sequence[str] = (),
    film: Callable[[ImageArray, ImageArray, str, float], None] | None = None,
) -> Result:
    """Play one trial until the policy says it is done or the time is up.

    Args: blackout: cameras whose pictures are black. film: gets the head and outside pictures, a caption
    and the time of every other frame.
    """
    aloft = arms_aloft(loop.robot, np.random.default_rng(trial.seed)) if trial.task.skill == "home" else None
    start = loop.reset(trial.seed, aloft)
    policy.reset()
    sure = 0.0
    for frame in range(int(TIME_LIMIT / FRAME_DT)):
        seen = _blacked_out(loop.observe(trial.sentence), blackout)
        decided = policy.infer(seen)
        if film is not None and frame % 2 == 0:
            caption = f"{trial.sentence}  {100 * decided.progress:.0f} %"
            film(seen.images["head"], loop.picture("outside"), caption, frame * FRAME_DT)
        loop.advance(decided.positions, decided.progress, policy.step_dt, policy.policy_id)
        sure = sure + FRAME_DT if decided.progress >= SURE else 0.0
        if sure >= SURE_FOR:
            break
    now = loop.world.scene_state()
    arms = loop.robot.group("arms")
    posture = loop.world.joint_state().position[arms] - loop.robot.home[arms]
    done, task_done = (instruction_done(what, start, now, posture) for what in (trial.told, trial.task))
    reason = "" if done else why_not_done(trial.told, now)
    changes = tuple(what_was_done(start, now))
    return Result(trial, done, task_done, (frame + 1) * FRAME_DT, sure >= SURE_FOR, reason, changes)


def _blacked_out(seen: Observation, cameras: Sequence[str]) -> Observation:
    if not cameras:
        return seen
    return replace(seen, images={k: np.zeros_like(v) if k in cameras else v for k, v in seen.images.items()})
