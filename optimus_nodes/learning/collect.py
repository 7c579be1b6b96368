"""Make demonstrations: workers play scenes, one process stores them as a LeRobot data set; what is stored stays."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ConfigError
from ..core.scene import scene_named
from ..core.tasks_suite import BENCH_TASKS
from ..core.values import Policy
from ..dataset.files import read_sealed
from ..dataset.store import Store
from ..policy.runtime import load_policy
from ..robot.load import load_robot
from ..sim.expert import Expert
from ..sim.grasp import Grasp
from .demonstrated import Programme, WatchedLoop, demonstration_contract, programme, store_part
from .demonstrations import Demonstrator

TEST_SEEDS = range(1000, 10_000)  # kept for evaluation; demonstrations never use them


@dataclass(frozen=True, slots=True)
class CollectJob:
    """What to collect. `episodes`: how many scenes, `scene` one of SCENES; a scene gives one stored episode for each
    instruction. `policy`: a bundle that acts while the expert labels; the expert keeps the share `beta`. `tasks`: names
    of BENCH_TASKS that scenes of the bench begin with, () all."""

    out: str
    episodes: int
    seed: int = 100_000
    robot: str = "optimus"
    scene: str = "boxes"
    noise: float = 1.0
    policy: str = ""
    beta: float = 0.0
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError(f"episodes is {self.episodes}; it must be at least 1")
        if self.seed < TEST_SEEDS.stop:
            raise ConfigError(f"seed {self.seed} is kept for evaluation; use one from {TEST_SEEDS.stop} up (--seed)")
        if self.tasks and scene_named(self.scene).bench is None:
            raise ConfigError(f"tasks are chosen on the bench only; the scene is {self.scene} (--scene bench)")
        for task in self.tasks:
            if task not in BENCH_TASKS:
                raise ConfigError(f"unknown task {task!r}; the tasks are {', '.join(BENCH_TASKS)} (--task)")
        scene_named(self.scene)

    @property
    def seeds(self) -> range:
        """Of all scenes."""
        return range(self.seed, self.seed + self.episodes)


def collect(job: CollectJob, workers: int, say: Callable[[str], None] = lambda text: None) -> Iterator[dict[str, int]]:
    """Run the job on `workers` processes; yield counts after every scene. Scenes stored before are not played again.

    `say` is told what a killed run left to mend.
    """
    robot, _ = load_robot(job.robot)
    with closing(Store(Path(job.out), demonstration_contract(robot), say)) as store:
        known = {store_seed(store, number) for number in range(store.episodes)}
        todo = [seed for seed in job.seeds if seed not in known]
        if len(todo) < job.episodes:
            yield {"episodes": job.episodes - len(todo)}
        if not todo:
            return
        context = multiprocessing.get_context("spawn")
        with context.Pool(min(workers, len(todo)), initializer=_begin_worker, initargs=(job,)) as pool:
            for played in pool.imap(_play, todo):
                yield dict(_store(store, played))


def store_seed(store: Store, number: int) -> int | None:
    """The seed of the scene of a stored episode."""
    seed = read_sealed(store.layout.document(number)).get("scene_seed")
    return None if seed is None else int(seed)


def _store(store: Store, played: Programme) -> Counter[str]:
    counts = Counter({"episodes": 1})
    for part in played.parts:
        number = store_part(store, part)
        store.seal(number)
        counts["frames"] += len(part)
        counts["stored"] += 1
    for skill, done in played.outcomes:
        counts[f"{skill}_{'done' if done else 'failed'}"] += 1
    return counts


_worker: tuple[CollectJob, WatchedLoop, Demonstrator, Policy | None] | None = None


def _begin_worker(job: CollectJob) -> None:
    global _worker
    robot, urdf = load_robot(job.robot)
    scene = scene_named(job.scene)
    loop = WatchedLoop(robot, urdf, cameras=[camera.name for camera in robot.cameras], scene=scene)
    assert loop.world.scene is not None
    expert = Expert(robot, urdf, loop.world.scene, Grasp.of(robot))
    demonstrator = Demonstrator(loop, expert, noise=job.noise, tasks=job.tasks or robot.tasks)
    policy = load_policy(job.policy, robot) if job.policy else None
    _worker = (job, loop, demonstrator, policy)


def _play(seed: int) -> Programme:
    assert _worker is not None
    job, loop, demonstrator, policy = _worker
    recording = demonstrator.episode(seed, seed - job.seed, policy, job.beta)
    return programme(seed, recording, loop, Path(job.policy).name if job.policy else "")
