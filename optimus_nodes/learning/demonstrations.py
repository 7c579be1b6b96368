"""One demonstration after another: the expert acts, or a policy acts and the expert says what it should have done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..core.language import Instruction, wordings
from ..core.scene import draw_scene
from ..core.tasks import TaskJudge
from ..core.values import Array, Policy, SceneState
from ..policy.preprocess import shrink
from ..sim.expert import STEP_DT, Advice, Expert, ExpertView
from .programmes import draw_programme, draw_style, start_posture
from .rollout import LockStep

AUX = (
    *("box_x", "box_y", "box_z", "box_width", "box_mask"),
    *("goal_x", "goal_y", "goal_mask"),
    *("reach_x", "reach_y", "reach_z", "reach_mask"),
    *("box_head_u", "box_head_v", "goal_head_u", "goal_head_v", "hand_head_u", "hand_head_v"),
    *("box_wrist_left_u", "box_wrist_left_v", "goal_wrist_left_u", "goal_wrist_left_v"),
    *("box_wrist_right_u", "box_wrist_right_v", "goal_wrist_right_u", "goal_wrist_right_v"),
)
SIZES = {"head": (96, 128), "wrist_left": (60, 80), "wrist_right": (60, 80)}
TIME_LIMIT = 14.0  # s for one instruction
LINGER = 0.5  # s of "done" that are shown at the end
EVERY = 2  # frames at 20 Hz per recorded frame
# The share of the pushes where whole ones would spoil every third demonstration.
GENTLY = {"hand_over": 0.4, "push": 0.5, "stack": 0.6}
SHORT = 8  # steps of advice that is only followed until the next frame


@dataclass
class Recording:
    """Frames of one or more instructions. `rows`: (name, one array per frame), `sentences`: one per frame.

    One per instruction: `outcomes` (skill, done), `lengths` in frames, and the `reasons` why it was not done or "".
    """

    rows: dict[str, list[Array]] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    outcomes: list[tuple[str, bool]] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def add(self, **row: Array | float) -> None:
        for name, value in row.items():
            self.rows.setdefault(name, []).append(np.asarray(value))

    def __len__(self) -> int:
        return len(self.rows.get("frame", ()))


class Demonstrator:
    """Plays programmes in a lock-step loop and records every other frame with the expert's advice as its label."""

    def __init__(self, loop: LockStep, expert: Expert, *, noise: float = 1.0, tasks: Sequence[str] = ()) -> None:
        self._loop, self._expert, self._noise, self._tasks = loop, expert, noise, tasks
        self.robot = loop.robot
        self._arms = loop.robot.group("arms")

    def episode(self, seed: int, number: int, policy: Policy | None = None, beta: float = 0.0) -> Recording:
        """Record the programme of `seed`. `policy` acts where given (`beta`: the share of tasks the expert keeps).

        An instruction that fails ends the episode; its frames are kept, with the reason.
        """
        rng, config = np.random.default_rng([seed, 0xDE30]), self._loop.world.scene
        assert config is not None
        recording = Recording()
        draw = draw_scene(config, seed, len(self.robot.cameras))
        instructions = draw_programme(rng, config, draw, number, self._tasks, self.robot.tasks)
        start = self._loop.reset(seed, start_posture(rng, self.robot, config, instructions[0]))
        for instruction in instructions:
            sentence = str(rng.choice(wordings(instruction)))
            actor = None if policy is None or rng.random() < beta else policy
            part, why = self._play(instruction, sentence, start, rng, number, actor, len(recording))
            recording.outcomes.append((instruction.skill, not why))
            recording.lengths.append(len(part))
            recording.reasons.append(why)
            for name, values in part.rows.items():
                recording.rows.setdefault(name, []).extend(values)
            recording.sentences += part.sentences
            if why:
                break
            start = self._loop.world.scene_state()
        return recording

    def _play(
        self,
        instruction: Instruction,
        sentence: str,
        start: SceneState,
        rng: np.random.Generator,
        number: int,
        policy: Policy | None,
        first_frame: int,
    ) -> tuple[Recording, str]:
        """The frames of one instruction and why it was not done, "" when it was."""
        loop, expert, part = self._loop, self._expert, Recording()
        if policy is not None:
            policy.reset()
        expert.begin(instruction, self._view(), draw_style(rng))
        noise = 0.0 if policy else self._noise * GENTLY.get(instruction.skill, 1.0)
        push = _Push(rng, len(loop.robot.joint_names), self._arms, noise)
        judge, done_for = TaskJudge(instruction, start), 0.0
        for frame in range(int(TIME_LIMIT / STEP_DT)):
            view = self._view()
            record = frame % EVERY == 0
            advice = expert.advise(view) if record else expert.advise(view, SHORT)
            observation = loop.observe(sentence, None if record or policy else ())
            if record:
                self._record(part, observation, advice, number, first_frame + frame // EVERY, view)
                part.sentences.append(sentence)
            rows = policy.infer(observation).positions if policy else advice.positions + push(frame)
            loop.advance(rows, advice.progress, STEP_DT, "expert")
            judge.see(loop.world.scene_state(), loop.world.body())
            done_for = done_for + STEP_DT if advice.stage == "done" else 0.0
            if done_for >= LINGER:
                return part, judge.why_not()
        return part, judge.why_not() or f"it took longer than {TIME_LIMIT:g} s"

    def _view(self) -> ExpertView:
        world = self._loop.world
        return ExpertView(world.joint_state().position, world.tactile(), world.scene_state())

    def _record(
        self,
        part: Recording,
        seen: object,
        advice: Advice,
        number: int,
        frame: int,
        view: ExpertView,
    ) -> None:
        images = {name: shrink(seen.images[name], *size) for name, size in SIZES.items()}  # type: ignore[attr-defined]
        part.add(
            **images,  # type: ignore[arg-type]
            position=view.position,
            velocity=seen.velocity,  # type: ignore[attr-defined]
            tactile=view.tactile,
            action=advice.positions,
            progress=advice.progress,
            aux=self._aux(view),
            episode=number,
            frame=frame,
        )

    def _aux(self, view: ExpertView) -> Array:
        values = dict.fromkeys(AUX, float("nan"))
        values.update(box_mask=0.0, goal_mask=0.0, reach_mask=0.0)
        world, expert = self._loop.world, self._expert
        hand = expert.hand_position(view, expert.side)
        if expert.box:
            thing = view.scene.find(expert.box)
            box = thing.position
            self._see(values, "box", box, expert.side)
            values.update(zip(("box_x", "box_y", "box_z"), box, strict=True), box_width=thing.size[1], box_mask=1.0)
            values.update(zip(("reach_x", "reach_y", "reach_z"), box - hand, strict=True), reach_mask=1.0)
            values.update(zip(("hand_head_u", "hand_head_v"), world.project("head", hand), strict=True))
        goal = expert.goal(view)
        if goal is not None:
            assert world.scene is not None
            point = np.array([*goal, world.scene.bench_top + world.scene.bin_height / 2])
            self._see(values, "goal", point, expert.side)
            values.update(goal_x=goal[0], goal_y=goal[1], goal_mask=1.0)
        return np.array([values[name] for name in AUX])

    def _see(self, values: dict[str, float], what: str, point: Array, side: str) -> None:
        for camera in ("head", f"wrist_{side}"):
            u, v = self._loop.world.project(camera, point)
            values[f"{what}_{camera}_u"], values[f"{what}_{camera}_v"] = u, v


class _Push:
    """Now and then a smooth push of the acting arms off their path, so that recoveries are shown."""

    def __init__(self, rng: np.random.Generator, joints: int, arms: Array, strength: float) -> None:
        self._rng, self._arms, self._strength, self._joints = rng, arms, strength, joints
        self._until, self._offset = -1, np.zeros(joints)

    def __call__(self, frame: int) -> Array:
        """Offset (J,) rad of the chunk that is played from this frame on."""
        if self._strength > 0.0 and frame > self._until and self._rng.random() < 0.03:
            self._until = frame + int(self._rng.integers(5, 14))
            self._offset = np.zeros(self._joints)
            self._offset[self._arms] = self._rng.normal(0.0, 0.07 * self._strength, len(self._arms))
        if frame >= self._until:
            return np.zeros(self._joints)
        return self._offset
