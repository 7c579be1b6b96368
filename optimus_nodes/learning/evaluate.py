"""How often a policy does what it is told, in lock-step and judged from the simulator's truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..core.chunk_schedule import ChunkSchedule
from ..core.scene import SceneConfig, SceneDraw
from ..core.suites import Trial
from ..core.tasks import TaskJudge, what_was_done
from ..core.tasks_body import Body
from ..core.tasks_suite import candidates
from ..core.values import ImageArray, Observation, Policy, PolicyOutput, SceneState
from .evaluate_controls import ExpertPolicy
from .programmes import arms_aloft
from .rollout import FRAME_DT, LATENCY, LockStep

TIME_LIMIT = 20.0  # s for one instruction
SURE = 0.9  # progress from which on the policy holds the task for done
SURE_FOR = 0.5  # s of it, as the planner asks for
_TASK = 1  # whose chunks the policy's are; those of the preparation are nobody's

Film = Callable[[ImageArray, ImageArray, str, float], None]


@dataclass(frozen=True, slots=True)
class Result:
    """How a trial went. `done`: what it was told; `task_done`: the task of the scene, which differs when swapped.

    `did`: (task, sentence) of everything the judges of all tasks hold for done. `video`: a file, "" for none.
    """

    trial: Trial
    done: bool
    task_done: bool
    duration: float
    claimed: bool
    reason: str
    changes: tuple[tuple[str, str], ...]
    did: tuple[tuple[str, str], ...] = ()
    video: str = ""


class Verdict:
    """The judges of one trial: of what was asked, and of everything else that could have been."""

    def __init__(self, trial: Trial, start: SceneState, body: Body, choices: Sequence[tuple[str, TaskJudge]]) -> None:
        self._start, self._now = start, start
        self._told, self._task = TaskJudge(trial.told, start), TaskJudge(trial.task, start)
        self._others = [(name, judge) for name, judge in choices if not _done_already(judge, start, body)]

    def see(self, now: SceneState, body: Body) -> None:
        """The truth of one frame."""
        self._now = now
        for judge in (self._told, self._task, *(judge for _, judge in self._others)):
            judge.see(now, body)

    def result(self, trial: Trial, duration: float, claimed: bool) -> Result:
        """How the trial ended."""
        reason = self._told.why_not()
        did = tuple((name, judge.instruction.sentence) for name, judge in self._others if judge.happened())
        changes = tuple(what_was_done(self._start, self._now))
        return Result(trial, not reason, self._task.done(), duration, claimed, reason, changes, did)


def verdict_for(trial: Trial, draw: SceneDraw, start: SceneState, body: Body) -> Verdict:
    """The judges of `trial`, in the scene of `draw`."""
    choices = candidates(trial.config, draw).items()
    return Verdict(trial, start, body, [(name, TaskJudge(one, start)) for name, some in choices for one in some])


class Stage:
    """Where trials are played: one loop, made anew when a trial moves what is built in."""

    def __init__(self, loop: Callable[[SceneConfig, int], LockStep]) -> None:
        self._make, self._config = loop, SceneConfig()
        self._loop: LockStep | None = None

    def loop(self, trial: Trial) -> LockStep:
        """The loop with the scene of `trial`."""
        config = trial.config
        if self._loop is None or config != self._config:
            if self._loop is not None:
                self._loop.close()
            self._loop, self._config = self._make(config, trial.seed), config
        return self._loop


def run_trial(loop: LockStep, policy: Policy, trial: Trial, helper: ExpertPolicy, film: Film | None = None) -> Result:
    """Play one trial until the policy says it is done or the time is up.

    Args: helper: plays what the trial prepares. film: gets the head and outside pictures, a caption and the time of
    every other frame.
    """
    aloft = arms_aloft(loop.robot, np.random.default_rng(trial.seed)) if trial.task.skill == "home" else None
    start = loop.reset(trial.seed, aloft, trial.perturbation)
    for instruction in trial.preparation:
        if why := helper.play(loop, instruction):
            return Result(trial, False, False, 0.0, False, f"the preparation failed: {why}", ())
        start = loop.world.scene_state()
    assert loop.world.draw is not None
    verdict = verdict_for(trial, loop.world.draw, start, loop.world.body())
    if isinstance(policy, ExpertPolicy):
        policy.begin(loop, trial.told)
    policy.reset()
    talk, sure = _Talk(loop, policy, trial), 0.0
    for frame in range(int(TIME_LIMIT / FRAME_DT)):
        pictures = talk.due or (film is not None and frame % 2 == 0)
        seen = _blacked_out(loop.observe(trial.sentence, None if pictures else ()), trial.perturbation.blackout)
        if film is not None and frame % 2 == 0:
            caption = f"{trial.sentence}  {100 * talk.progress:.0f} %"
            film(seen.images["head"], loop.picture("outside"), caption, frame * FRAME_DT)  # type: ignore[arg-type]
        talk.step(seen)
        verdict.see(loop.world.scene_state(), loop.world.body())
        sure = sure + FRAME_DT if talk.progress >= SURE else 0.0
        if sure >= SURE_FOR:
            break
    return verdict.result(trial, (frame + 1) * FRAME_DT, sure >= SURE_FOR)


class _Talk:
    """Asks the policy every frame; a late one is asked about the next picture only when its last answer has come."""

    def __init__(self, loop: LockStep, policy: Policy, trial: Trial) -> None:
        self._loop, self._policy = loop, policy
        self._late = LATENCY + trial.perturbation.latency if trial.perturbation.latency else 0.0
        self._schedule = ChunkSchedule()
        self._under_way: list[tuple[float, PolicyOutput]] = []
        self.progress = 0.0

    @property
    def due(self) -> bool:
        """True when the policy is to be asked about this frame."""
        self._listen()
        return not self._late or self._schedule.due(self._loop.world.time)

    def step(self, seen: Observation) -> None:
        """Let one frame pass, with a new chunk when it is time for one."""
        if not self.due:
            self._loop.wait()
            return
        now, decided = self._loop.world.time, self._policy.infer(seen)
        self._schedule.asked(now)
        self._under_way.append((now, decided))
        if not self._late:
            self._listen()
        chunk = (decided.positions, decided.progress, self._policy.step_dt, self._policy.policy_id)
        self._loop.advance(*chunk, task_id=_TASK)

    def _listen(self) -> None:
        now = self._loop.world.time
        while self._under_way and self._under_way[0][0] + self._late <= now + 1e-9:
            seen, decided = self._under_way.pop(0)
            self._schedule.answered(seen, seen + self._late, len(decided.positions) * self._policy.step_dt)
            self.progress = decided.progress


def _done_already(judge: TaskJudge, start: SceneState, body: Body) -> bool:
    judge.see(start, body)
    return judge.happened()


def _blacked_out(seen: Observation, cameras: Sequence[str]) -> Observation:
    if not cameras:
        return seen
    return replace(seen, images={k: np.zeros_like(v) if k in cameras else v for k, v in seen.images.items()})
