"""Make demonstrations on disk: workers play episodes and write shards; a finished shard is never touched again."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import ConfigError
from ..core.scene import SceneConfig
from ..policy.runtime import load_policy
from ..robot.load import load_robot
from ..sim.expert import STEP_DT, Expert
from ..sim.grasp import Grasp
from .demonstrations import AUX, EVERY, SIZES, Demonstrator, Recording
from .rollout import LockStep

EPISODES_PER_SHARD = 20
TEST_SEEDS = range(1000, 10_000)  # kept for evaluation; demonstrations never use them


@dataclass(frozen=True, slots=True)
class CollectJob:
    """What to collect. `policy`: a bundle that acts while the expert labels; the expert keeps the share `beta`."""

    out: str
    episodes: int
    seed: int = 100_000
    robot: str = "optimus"
    noise: float = 1.0
    policy: str = ""
    beta: float = 0.0

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ConfigError(f"episodes is {self.episodes}; it must be at least 1")
        if self.seed < TEST_SEEDS.stop:
            raise ConfigError(f"seed {self.seed} is kept for evaluation; use one from {TEST_SEEDS.stop} up (--seed)")

    @property
    def shards(self) -> int:
        return -(-self.episodes // EPISODES_PER_SHARD)


def collect(job: CollectJob, workers: int) -> Iterator[dict[str, int]]:
    """Run the job on `workers` processes; yield each shard's counts as it is finished. Finished shards are kept."""
    out = Path(job.out)
    out.mkdir(parents=True, exist_ok=True)
    todo = [k for k in range(job.shards) if not (out / f"shard-{k:04d}").exists()]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=_begin_worker, initargs=(job,)) as pool:
        yield from pool.imap_unordered(_make_shard, todo)


_worker: tuple[CollectJob, Demonstrator, object] | None = None


def _begin_worker(job: CollectJob) -> None:
    global _worker
    robot, urdf = load_robot(job.robot)
    loop = LockStep(robot, urdf, cameras=[camera.name for camera in robot.cameras])
    demonstrator = Demonstrator(loop, Expert(robot, urdf, SceneConfig(), Grasp()), noise=job.noise)
    policy = load_policy(job.policy, robot) if job.policy else None
    _worker = (job, demonstrator, policy)


def _make_shard(number: int) -> dict[str, int]:
    assert _worker is not None
    job, demonstrator, policy = _worker
    whole, counts = Recording(), Counter[str]()
    first = number * EPISODES_PER_SHARD
    for episode in range(first, min(first + EPISODES_PER_SHARD, job.episodes)):
        part = demonstrator.episode(job.seed + episode, episode, policy, job.beta)  # type: ignore[arg-type]
        for name, values in part.rows.items():
            whole.rows.setdefault(name, []).extend(values)
        whole.sentences += part.sentences
        for skill, done in part.outcomes:
            counts[f"{skill}_{'done' if done else 'failed'}"] += 1
        counts["episodes"] += 1
    counts["frames"] = len(whole)
    _write_shard(Path(job.out) / f"shard-{number:04d}", whole, job, demonstrator, counts)
    return dict(counts)


def _write_shard(
    folder: Path, whole: Recording, job: CollectJob, demonstrator: Demonstrator, counts: Counter[str]
) -> None:
    """Write under another name first, so that a shard that exists is whole."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, values in whole.rows.items():
        dtype = np.uint8 if name in SIZES else np.int32 if name in ("episode", "frame") else np.float32
        np.save(partial / f"{name}.npy", np.asarray(values, dtype=dtype))
    sentences = sorted(set(whole.sentences))
    lookup = {sentence: k for k, sentence in enumerate(sentences)}
    np.save(partial / "sentence_id.npy", np.array([lookup[s] for s in whole.sentences], dtype=np.int32))
    robot = demonstrator.robot
    meta = {
        "robot": robot.name,
        "urdf_sha256": robot.urdf_sha256,
        "joint_names": list(robot.joint_names),
        "tactile_pads": list(robot.tactile_pads),
        "cameras": {name: list(size) for name, size in SIZES.items()},
        "step_dt": STEP_DT,
        "frame_dt": STEP_DT * EVERY,
        "sentences": sentences,
        "aux": list(AUX),
        "counts": dict(counts),
        "seed": job.seed,
        "noise": job.noise,
        "policy": Path(job.policy).name if job.policy else "",
        "beta": job.beta,
    }
    (partial / "meta.json").write_text(json.dumps(meta, indent=1))
    partial.rename(folder)
